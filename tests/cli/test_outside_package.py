"""A package of somebody else: its models are found, trained and reported; a broken one stops nobody."""

import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

PACKAGE = Path(__file__).parents[1] / "outside_package"


def install(source: Path, target: Path, build: Path) -> None:
    """Install a package into a folder of its own, without a network."""
    copy = shutil.copytree(source, build)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*command, "--target", target, copy], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("site")
    install(PACKAGE, place / "packages", place / "source")
    return place / "packages"


@pytest.fixture
def with_package(installed, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(installed))


def test_its_models_are_listed_with_what_they_declare(with_package, cli):
    done = cli("models", "list")
    assert done.returncode == 0, done.stderr
    lines = {line.split()[1]: line for line in done.stdout.splitlines() if "outside-" in line}
    assert "yes" in lines["outside-worded"]
    assert "no" in lines["outside-thin"]
    assert "Warning" not in done.stderr


def test_its_models_are_trained_evaluated_and_reported(with_package, cli, tiny, tmp_path):
    done = cli(
        "run", "--model", "outside-thin,outside-worded", "--corruption", "motion", "--severity", "3", *tiny,
        "--output", tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    frame = pd.concat(pd.read_parquet(path) for path in (tmp_path / "cells" / "evaluation").rglob("scores.parquet"))
    assert frame.groupby(["model", "severity"])["case"].nunique().to_dict() == {
        (model, severity): 9 for model in ("outside-thin", "outside-worded") for severity in (0, 3)
    }
    (page,) = tmp_path.glob("phantom-*/report.html")
    assert "Worded, a model of another package" in page.read_text()


@pytest.fixture
def broken(tmp_path, monkeypatch) -> Path:
    """A package whose module cannot be imported."""
    source = shutil.copytree(PACKAGE, tmp_path / "edited")
    module = source / "outside_models" / "models.py"
    module.write_text("import a_module_that_nobody_has\n")
    project = source / "pyproject.toml"
    project.write_text(project.read_text().replace('outside-worded = "outside_models.models"\n', ""))
    install(source, tmp_path / "packages", tmp_path / "source")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "packages"))
    return tmp_path


def test_a_package_that_cannot_be_imported_is_named_and_the_others_work(broken, cli):
    done = cli("models", "list")
    assert done.returncode == 0, done.stderr
    assert "unet" in done.stdout
    warning = " ".join(done.stderr.split())
    assert warning.count("Warning: The package outside-models 0.3.0 adds the model 'outside-thin'") == 1
    assert "No module named 'a_module_that_nobody_has'" in warning
    assert "repair or uninstall it" in warning
    assert "Traceback" not in done.stderr


def test_whoever_asks_for_its_model_learns_why_it_is_not_there(broken, cli, tiny):
    done = cli("run", "--model", "outside-thin", *tiny, cwd=broken)
    assert done.returncode == 2
    message = " ".join(done.stderr.split())
    assert "There is no model named 'outside-thin'" in message
    assert "cannot be imported: 'outside-thin' of the package outside-models 0.3.0" in message


def test_a_model_of_two_classes_fails_before_the_first_epoch(cli, tiny, tmp_path, monkeypatch):
    source = shutil.copytree(PACKAGE, tmp_path / "edited")
    module = source / "outside_models" / "models.py"
    module.write_text(module.read_text().replace("nn.Conv2d(settings.width, 1, 1)", "nn.Conv2d(settings.width, 2, 1)"))
    install(source, tmp_path / "packages", tmp_path / "source")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "packages"))
    done = cli("run", "--model", "outside-thin", *tiny, cwd=tmp_path)
    assert done.returncode == 2, done.stdout
    message = " ".join(done.stderr.split())
    assert "Model 'outside-thin' returned an output of shape (2, 2, 32, 32), not (2, 1, 32, 32)" in message
    assert "2 classes where one is asked for" in message
    assert "Traceback" not in done.stderr
    assert "Training" not in done.stdout
