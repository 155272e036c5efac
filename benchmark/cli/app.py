"""The entry point of the command line: commands, and how an error is told."""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Callable
from typing import Annotated, Any, ParamSpec

import typer
from rich.console import Console
from rich.markup import escape

from biclip_bench import __version__
from biclip_bench.errors import PackageWarning, UserError

from .calibrate import calibrate_command
from .compare import compare_command
from .corrupt import corrupt_command
from .datasets_check import check_command
from .datasets_describe import describe_command
from .datasets_prepare import prepare_command
from .evaluate import evaluate_command
from .export import export_command
from .listing import corruptions_app, datasets_app
from .models import models_app
from .preview import preview_command
from .report import report_command
from .reproduce import reproduce_command
from .run import run_command, train_command

P = ParamSpec("P")

app = typer.Typer(
    name="biclip-bench",
    help="How far can a medical image segmentation model be trusted outside the lab?\n\n"
    "Start with [bold]biclip-bench run --corruption motion --severity 1-5[/bold]: it needs no data and no GPU.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class InterruptedWorkError(Exception):
    """Ctrl-C during work that can be resumed. Typer would end the process at a KeyboardInterrupt without a word."""


def resumable(command: Callable[P, None]) -> Callable[P, None]:
    """Let a command whose work is kept say so when it is interrupted."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except KeyboardInterrupt as interrupt:
            raise InterruptedWorkError from interrupt

    return run


app.command("run")(resumable(run_command))
app.command("train")(resumable(train_command))
app.command("evaluate")(resumable(evaluate_command))
app.command("report")(report_command)
app.command("compare")(compare_command)
app.command("export")(export_command)
app.command("reproduce")(resumable(reproduce_command))
app.command("corrupt")(resumable(corrupt_command))
datasets_app.command("check")(resumable(check_command))
datasets_app.command("describe")(resumable(describe_command))
datasets_app.command("prepare")(resumable(prepare_command))
corruptions_app.command("calibrate")(calibrate_command)
corruptions_app.command("preview")(preview_command)
app.add_typer(models_app, name="models")
app.add_typer(corruptions_app, name="corruptions")
app.add_typer(datasets_app, name="datasets")

DEBUG = "--debug"


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"biclip-bench {__version__}")
        raise typer.Exit


@app.callback()
def _global_options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and stop.")
    ] = False,
    debug: Annotated[bool, typer.Option(DEBUG, help="Show the traceback of an error.")] = False,
) -> None:
    """Options that stand before the command; ``main`` reads ``--debug`` itself, wherever it stands."""


_show_any_warning = warnings.showwarning


def _show_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, *rest: Any, **others: Any
) -> None:
    """Tell what concerns a package in one paragraph; every other warning keeps Python's own form."""
    if not issubclass(category, PackageWarning):
        _show_any_warning(message, category, filename, lineno, *rest, **others)
        return
    text = f"[bold yellow]Warning:[/bold yellow] {escape(str(message))}"
    Console(stderr=True).print(text, highlight=False, soft_wrap=True)


def main() -> None:
    """Run the command line; a user's error is one paragraph and exit code 2, an interruption exit code 130."""
    warnings.showwarning = _show_warning
    arguments = sys.argv[1:]
    debug = DEBUG in arguments
    try:
        app(args=[argument for argument in arguments if argument != DEBUG], prog_name="biclip-bench")
    except UserError as error:
        if debug:
            raise
        Console(stderr=True).print(f"[bold red]Error:[/bold red] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(2)
    except InterruptedWorkError:
        if debug:
            raise
        message = "Interrupted. What was finished is kept: the same command again resumes from there."
        Console(stderr=True).print(message, highlight=False)
        sys.exit(130)
