import shutil
import subprocess
import sys

import pytest


def test_models_list_names_text_and_what_training_saw(within, tmp_path):
    done = within("models", "list", cwd=tmp_path)
    assert done.returncode == 0
    assert {"biclip", "ef-unet", "unet"} <= set(done.stdout.split())
    assert "motion-blur" in done.stdout


def test_corruptions_list_and_their_severity_table(cli):
    assert {"motion", "low-dose-ct"} <= set(cli("corruptions", "list").stdout.split())
    shown = cli("corruptions", "show", "low-dose-ct")
    assert shown.returncode == 0
    for dose in ("0.5", "0.25", "0.1", "0.05", "0.025"):
        assert dose in shown.stdout


def test_a_composition_shows_its_parts_their_options_and_presets(within, tmp_path):
    shown = within("corruptions", "show", "low-dose-ct+motion:length=9", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "motion:length=9+low-dose-ct" in shown.stdout
    for text in ("modulation", "insert or reconstruct", "motion:paper: ", "Source: "):
        assert text in shown.stdout
    assert "Did you mean 'dose='" in within("corruptions", "show", "low-dose-ct:dos=1", cwd=tmp_path).stderr


def test_datasets_list(within, tmp_path):
    done = within("datasets", "list", cwd=tmp_path)
    assert {"phantom", "lvit"} <= set(done.stdout.split())
    assert "--data-root" in done.stdout


def test_version_and_help(cli):
    assert cli("--version").stdout.startswith("biclip-bench ")
    assert "--corruption" in cli("run", "--help").stdout


def test_the_module_is_the_same_command():
    done = subprocess.run(
        [sys.executable, "-m", "biclip_bench", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("biclip-bench ")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shell_completion_is_offered(cli, shell, monkeypatch):
    # Without it the shell is guessed from the parent processes, and a test may have none that is a shell.
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    done = cli("--show-completion", shell)
    assert done.returncode == 0
    assert "biclip" in done.stdout.lower()


def test_help_does_not_load_torch(cli):
    code = "import sys, biclip_bench.benchmark.cli.app; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_models_show_prints_modules_terms_options_and_parts(within, tmp_path):
    shown = within("models", "show", "biclip", "--width", "8", "--image-size", "32", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    for text in (
        "text_refinement", "ClassicUNet", "Loss terms: segmentation, generation, consistency, cycle.", "cycle_distance",
        "--ablate switches off: refinement", "Faithful", "2603.00156", "GFLOPs",
    ):  # fmt: skip
        assert text in shown.stdout
    assert "Did you mean 'biclip'" in within("models", "show", "biklip", cwd=tmp_path).stderr


def test_models_encoders_lists_the_offline_default(within, tmp_path):
    assert "tiny" in within("models", "encoders", cwd=tmp_path).stdout


@pytest.mark.parametrize(
    "command",
    [
        ["corrupt", "--output", "release"],
        ["corruptions", "preview"],
        ["evaluate", "--predictions", "predictions", "--release", "release"],
    ],
)
def test_what_trains_nothing_does_not_load_lightning(command, written_release, tmp_path):
    data = ["--corruption", "motion", "--severity", "1", "--patients", "1,1,1", "--image-size", "32"]
    (tmp_path / "release").mkdir()
    if command[0] == "evaluate":
        shutil.copytree(written_release, tmp_path / "release", dirs_exist_ok=True)
        shutil.copytree(written_release / "masks", tmp_path / "predictions" / "clean")
        data = []
    code = f"""
import sys
from biclip_bench.benchmark.cli.app import main
sys.argv = ["biclip-bench", *{[*command, *data]!r}]
try:
    main()
finally:
    print("loaded:", "lightning" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "loaded: False" in done.stdout
