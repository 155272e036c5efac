"""What the README shows works as shown."""

import re
import subprocess
import sys
import textwrap
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def block(language: str, containing: str) -> str:
    blocks = re.findall(rf"```{language}\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    (found,) = [text for text in blocks if containing in text]
    return found


def test_the_readmes_model_runs_from_a_package_outside(tmp_path: Path):
    """Install the README's model as an entry point of a package of its own, and train it."""
    package = tmp_path / "my_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "my_model.py").write_text(block("python", "MyModel"))
    entry = re.search(r"^my-model = .*$", block("toml", "entry-points"), re.MULTILINE)
    information = tmp_path / "my_package-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[biclip_bench.models]\n{entry[0].replace(chr(34), '')}\n")
    code = textwrap.dedent(
        f"""
        import sys
        sys.path.insert(0, {str(tmp_path)!r})
        sys.argv = ["biclip-bench", "run", "--model", "my-model", "--corruption", "motion", "--severity", "1",
                    "--patients", "2,1,2", "--image-size", "32", "--epochs", "1", "--accelerator", "cpu",
                    "--output", {str(tmp_path / "results")!r}]
        from biclip_bench.benchmark.cli.app import main
        main()
        """
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "Training my-model" in done.stdout


def test_the_readmes_exported_model_is_scored(tmp_path: Path):
    code = f"import torch; torch.manual_seed(0)\n{block('python', 'torch.export.save')}"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (command,) = re.findall(
        r"^biclip-bench (evaluate --model-file .*?) +#", block("bash", "--model-file"), re.MULTILINE
    )
    options = ["--patients", "1,1,1", "--corruption", "motion", "--severity", "1", "--accelerator", "cpu"]
    script = Path(sys.executable).with_name("biclip-bench")
    done = subprocess.run(
        [script, *command.split(), *options], cwd=tmp_path, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "phantom-model-file-" in done.stdout


def test_the_readmes_corruption_is_one_and_its_two_lines_run():
    code = "\n".join(
        [
            block("python", "def fog"),
            "import numpy as np",
            "image = np.full((40, 40), 0.5, np.float32)",
            block("python", "corrupt_image"),
            "assert slice_at_low_dose.std() > 0",
            "assert abs(corrupt_image('fog', image, 5, 'a').mean() - 0.75) < 1e-6",
        ]
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def test_every_file_and_figure_it_names_is_there():
    text = README.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!http)([^)]+)\)", text):
        assert (README.parent / target).is_file(), target
