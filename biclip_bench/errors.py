"""The errors a user can cause, each told in one paragraph."""


class PackageWarning(UserWarning):
    """A package of somebody else does not do its part; the work goes on without it."""


class UserError(Exception):
    """Something the user gave is wrong: a path, a row of a table, an option, a checkpoint.

    The message is one paragraph that names the culprit (file, row or option) and says what would be right.
    The command line prints it without a traceback and exits with code 2.
    """
