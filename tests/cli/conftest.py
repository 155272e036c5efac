import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

TINY = ("--patients", "4,2,3", "--image-size", "32", "--width", "4", "--epochs", "2", "--accelerator", "cpu")

RELEASE = (
    "--corruption", "motion,low-dose-ct:dose=0.1,motion+low-dose-ct", "--severity", "1,5", "--patients", "1,1,2",
    "--image-size", "64",
)  # fmt: skip

Cli = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope="session")
def tiny() -> tuple[str, ...]:
    """Options that make a run of seconds."""
    return TINY


@pytest.fixture(scope="session")
def start() -> Iterator[Start]:
    """Start the console script of the environment that runs the tests, in a process of its own."""
    started: list[subprocess.Popen[str]] = []
    script = Path(sys.executable).with_name("biclip-bench")
    terminal = {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}

    def popen(*arguments: object, cwd: Path | None = None) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [str(script), *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=cwd,
            env=os.environ | terminal,
            # A shell that runs the tests in the background has Ctrl-C ignored, and a process inherits that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        started.append(process)
        return process

    yield popen
    for process in started:
        process.kill()  # of one that has ended, nothing happens


@pytest.fixture(scope="session")
def cli(start: Start) -> Cli:
    """Run the command line to its end."""

    def run(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        process = start(*arguments, cwd=cwd)
        stdout, stderr = process.communicate(timeout=300)
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    return run


@pytest.fixture
def within(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run the command line in this process, which spares the seconds that the imports of a new one take."""
    from biclip_bench.benchmark.cli.app import main

    def run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
        monkeypatch.setenv("COLUMNS", "100")
        monkeypatch.chdir(cwd)
        monkeypatch.setattr(sys, "argv", ["biclip-bench", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return subprocess.CompletedProcess(sys.argv, int(ended.value.code or 0), captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def release_place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the session's release is written: the phantom is made once in its results/cache."""
    return tmp_path_factory.mktemp("place")


@pytest.fixture(scope="session")
def written_release(cli: Cli, release_place: Path) -> Path:
    """A release of a few phantom cases."""
    done = cli("corrupt", *RELEASE, "--output", release_place / "release", cwd=release_place)
    assert done.returncode == 0, done.stdout + done.stderr
    return release_place / "release"


@pytest.fixture(scope="session")
def of_release() -> tuple[str, ...]:
    """The options of that release."""
    return RELEASE


@pytest.fixture(scope="session")
def finished_run(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The main job once, tiny: its output folder and what it printed."""
    output = tmp_path_factory.mktemp("run") / "results"
    done = cli("run", "--corruption", "motion,low-dose-ct", "--severity", "1,5", *TINY, "--output", output)
    assert done.returncode == 0, done.stdout + done.stderr
    return output, done
