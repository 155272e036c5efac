import os

from hypothesis import settings

# A busy machine is no failure; and a run that gates a change draws the same examples every time.
settings.register_profile("suite", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("suite")
