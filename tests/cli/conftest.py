import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

TINY = ("--patients", "4,2,3", "--image-size", "32", "--width", "4", "--epochs", "2", "--accelerator", "cpu")

Cli = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope="session")
def tiny() -> tuple[str, ...]:
    """Options that make a run of seconds."""
    return TINY


@pytest.fixture(scope="session")
def start() -> Start:
    """Start the console script of the environment that runs the tests, in a process of its own."""
    script = Path(sys.executable).with_name("biclip-bench")
    terminal = {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}

    def popen(*arguments: object, cwd: Path | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(script), *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=cwd,
            env=os.environ | terminal,
        )

    return popen


@pytest.fixture(scope="session")
def cli(start: Start) -> Cli:
    """Run the command line to its end."""

    def run(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        process = start(*arguments, cwd=cwd)
        stdout, stderr = process.communicate(timeout=300)
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    return run


@pytest.fixture(scope="session")
def finished_run(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The main job once, tiny: its output folder and what it printed."""
    output = tmp_path_factory.mktemp("run") / "results"
    done = cli("run", "--corruption", "motion,low-dose-ct", "--severity", "1,5", *TINY, "--output", output)
    assert done.returncode == 0, done.stdout + done.stderr
    return output, done
