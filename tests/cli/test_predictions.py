"""``evaluate --predictions``: what any tool wrote for a release is checked as a whole and scored on its own masks."""

import csv
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image

from biclip_bench.benchmark.masks import decode_mask


@pytest.fixture(scope="module")
def place(finished_run, cli) -> Path:
    """The folder of a run, with a release of the same phantom's test cases."""
    output, _ = finished_run
    done = cli(
        "corrupt", "--corruption", "motion,low-dose-ct", "--severity", "1,5", "--patients", "4,2,3", "--image-size",
        "32", "--output", output.parent / "release", cwd=output.parent,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return output.parent


@pytest.fixture(scope="module")
def release(place) -> Path:
    return place / "release"


@pytest.fixture(scope="module")
def stems(release) -> dict[str, str]:
    with (release / "cases.csv").open(newline="", encoding="utf-8") as file:
        return {row["case"]: row["file"] for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def stored(place) -> pd.DataFrame:
    """The run's own scores and masks of ``unet``."""
    frames = []
    for folder in (path.parent for path in (place / "results" / "cells" / "evaluation").rglob("scores.parquet")):
        frame = pd.read_parquet(folder / "scores.parquet").merge(pd.read_parquet(folder / "masks.parquet"), on="case")
        frames.append(frame[frame["model"] == "unet"])
    return pd.concat(frames).set_index(["corruption", "severity", "case"]).sort_index()


def folder_of(corruption: str, severity: int) -> str:
    return "clean/images" if corruption == "clean" else f"{corruption}/severity-{severity}"


Save = Callable[[Path, np.ndarray], None]


def write(place: Path, stored: pd.DataFrame, stems: dict[str, str], save: Save, chosen=lambda corruption: True) -> Path:
    """Write the run's masks as another tool would."""
    for (corruption, severity, case), png in stored["png"].items():
        if chosen(corruption):
            folder = place / folder_of(corruption, severity)
            folder.mkdir(parents=True, exist_ok=True)
            save(folder / stems[case], decode_mask(png))
    return place


def one_bit(path: Path, mask: np.ndarray) -> None:
    Image.fromarray(mask).save(f"{path}.png")


def soft(mask: np.ndarray) -> np.ndarray:
    """Probabilities of three levels on either side of a half, whose threshold gives the mask."""
    columns = np.linspace(0, 0.4, mask.shape[1])
    return np.where(mask, 0.55 + columns, 0.45 - columns)


def png(change: Callable[[np.ndarray], np.ndarray]) -> Save:
    return lambda path, mask: Image.fromarray(change(mask)).save(f"{path}.png")


def npy(change: Callable[[np.ndarray], np.ndarray]) -> Save:
    return lambda path, mask: np.save(f"{path}.npy", change(mask))


FORMATS: dict[str, Save] = {
    "1-bit PNG": one_bit,
    "8-bit PNG of 0 and 1": png(lambda mask: mask.astype(np.uint8)),
    "8-bit PNG of 0 and 255": png(lambda mask: mask.astype(np.uint8) * 255),
    "colour PNG": png(lambda mask: np.repeat(mask.astype(np.uint8)[..., None] * 255, 3, axis=2)),
    "palette PNG": lambda path, mask: Image.fromarray(mask.astype(np.uint8), "P").save(f"{path}.PNG"),
    "8-bit PNG of probabilities": png(lambda mask: np.rint(soft(mask) * 255).astype(np.uint8)),
    "16-bit PNG of probabilities": png(lambda mask: np.rint(soft(mask) * 65535).astype(np.uint16)),
    "16-bit PNG of 0 and 1": png(lambda mask: mask.astype(np.uint16)),
    "8-bit TIFF": lambda path, mask: tifffile.imwrite(f"{path}.tif", mask.astype(np.uint8)),
    "floating-point TIFF": lambda path, mask: tifffile.imwrite(f"{path}.tiff", soft(mask).astype(np.float32)),
    "npy of bool": npy(lambda mask: mask),
    "npy of float16 with a channel": npy(lambda mask: soft(mask)[None].astype(np.float16)),
    "npz of int64": lambda path, mask: np.savez_compressed(f"{path}.npz", prediction=mask.astype(np.int64)),
    "npz of float64 (1, 1, H, W)": lambda path, mask: np.savez(f"{path}.npz", probabilities=soft(mask)[None, None]),
}


def scores_in(output: Path) -> pd.DataFrame:
    frame = pd.concat(pd.read_parquet(path) for path in (output / "cells" / "evaluation").rglob("scores.parquet"))
    return frame.set_index(["corruption", "severity", "case"]).sort_index()


SAME = ["dice", "iou", "true_positive", "false_positive", "false_negative", "true_area", "predicted_area", "group"]


def test_the_models_own_masks_have_its_own_scores(release, stored, stems, cli, within, tmp_path):
    write(tmp_path / "mine", stored, stems, one_bit)
    options = ("--predictions", tmp_path / "mine", "--release", release, "--output", tmp_path / "out")
    done = cli("evaluate", *options)
    assert done.returncode == 0, done.stderr
    pd.testing.assert_frame_equal(scores_in(tmp_path / "out")[SAME], stored[SAME])
    (folder,) = (tmp_path / "out").glob("phantom-predictions-*")
    names = {str(path.relative_to(folder)) for path in folder.rglob("*")}
    assert names >= {"report.html", "figures/robustness.pdf", "tables/tables.md", "scores.csv", "robustness.csv"}
    assert names >= {"figures/gallery-motion.png", "figures/gallery-low-dose-ct.pdf", "evaluation.yaml"}
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", (folder / "report.html").read_text(encoding="utf-8")))
    assert "mine image; text not stated not stated not known not known not stated not stated" in text
    assert "1 bit: masks" in text
    again = within("evaluate", *options, cwd=tmp_path)
    assert "Nothing to compute" in again.stdout


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_says_the_same(name, place, release, stored, stems, tmp_path):
    from biclip_bench.benchmark.outside.prediction_folder import read_predictions
    from biclip_bench.benchmark.release.manifest import read_manifest
    from biclip_bench.benchmark.release.released import ReleasedDataset

    manifest = read_manifest(release)
    write(tmp_path, stored, stems, FORMATS[name])
    read = read_predictions(tmp_path, ReleasedDataset(release, manifest), manifest)
    assert read.output == ("probabilities" if "prob" in name or "float" in name else "masks")
    for (corruption, severity, case), png in stored["png"].items():
        np.testing.assert_array_equal(read.read((corruption, severity), case)[0], decode_mask(png))


def test_what_is_stated_is_told_and_clean_may_lie_directly_in_its_folder(release, stored, stems, within, tmp_path):
    write(tmp_path / "mine", stored, stems, one_bit)
    for path in list((tmp_path / "mine" / "clean" / "images").iterdir()):
        path.rename(tmp_path / "mine" / "clean" / path.name)
    (tmp_path / "mine" / "clean" / "images").rmdir()
    (tmp_path / "mine" / "motion" / "severity-1" / "plans.json").write_text("{}")
    shutil.copytree(release, tmp_path / "release")
    done = within(
        "evaluate", "--predictions", tmp_path / "mine", "--name", "nnU-Net", "--labels", "10", "--seed", "4",
        "--image-only", "--augmented-with", "gamma,motion-blur", "--output", "out", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (page,) = tmp_path.glob("out/phantom-predictions-*/report.html")
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.read_text(encoding="utf-8")))
    assert "nnU-Net image gamma, motion-blur not known not known not stated not stated" in text
    assert "10%, as stated by the user" in text
    frame = scores_in(tmp_path / "out")
    assert set(zip(frame["model"], frame["labels"], frame["seed"], strict=True)) == {("nnU-Net", 10.0, 4)}
    assert set(frame["dataset"]) == {"phantom"}


def test_a_condition_may_be_left_out_as_a_whole_and_the_images_too(release, stored, stems, within, tmp_path):
    write(tmp_path / "mine", stored, stems, one_bit, lambda corruption: corruption == "motion")
    shutil.copytree(release, tmp_path / "release")
    shutil.rmtree(tmp_path / "release" / "motion")
    done = within("evaluate", "--predictions", "mine", "--output", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "the report has no picture grid" in " ".join(done.stdout.split())
    pd.testing.assert_frame_equal(scores_in(tmp_path / "out")[SAME], stored.loc[["motion"]][SAME])


def eight_bit(path: Path, values: np.ndarray) -> None:
    Image.fromarray(values.astype(np.uint8)).save(path)


def one_file(change: Callable[[Path, np.ndarray], None]) -> Callable[[Path, list[str]], None]:
    """Replace the first case's prediction under motion 1."""

    def edit(folder: Path, names: list[str]) -> None:
        path = folder / "motion" / "severity-1" / f"{names[0]}.png"
        values = np.asarray(Image.open(path))
        path.unlink()
        change(path, values)

    return edit


def one_array(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path, list[str]], None]:
    return one_file(lambda path, values: np.save(path.with_suffix(".npy"), change(values)))


def remove_many(folder: Path, names: list[str]) -> None:
    for name in names[:6]:
        (folder / "low-dose-ct" / "severity-5" / f"{name}.png").unlink()


def misspell(folder: Path, names: list[str]) -> None:
    (folder / "motion" / "severity-1").rename(folder / "motion" / "severity_1")


def twice(folder: Path, names: list[str]) -> None:
    np.save(folder / "motion" / "severity-1" / f"{names[0]}.npy", np.zeros((32, 32), bool))


def labels(folder: Path, names: list[str]) -> None:
    for path in folder.rglob("*.png"):
        values = np.asarray(Image.open(path)).astype(np.uint8)
        values[0, :2] = 2
        eight_bit(path, values)


def other_pair(folder: Path, names: list[str]) -> None:
    for path in folder.rglob("*.png"):
        eight_bit(path, np.asarray(Image.open(path)) * 128)


@pytest.mark.parametrize(
    ("change", "messages"),
    [
        (remove_many, ["6 missing: low-dose-ct/severity-5/", ", ...", "needs each of the 9 cases"]),
        (misspell, ["9 missing: motion/severity-1/", "9 superfluous: motion/severity_1/"]),
        (misspell, ["Did you mean 'motion/severity-1'?"]),
        (lambda folder, names: (folder / "notes.txt").write_text(""), ["1 superfluous: notes.txt"]),
        (twice, ["1 predicted twice: motion/severity-1/"]),
        (one_file(lambda path, values: eight_bit(path, values[:-1])), ["1 of a wrong size", "(31 x 32, not 32 x 32)"]),
        (one_file(lambda path, values: path.write_bytes(b"\x89PNG")), ["1 unreadable: motion/severity-1/"]),
        (one_file(lambda path, values: np.savez(path.with_suffix(".npz"), a=values, b=values)),
         ["it holds 2 arrays, a, b: one is right"]),
        (one_array(lambda values: np.full(values.shape, np.nan)), ["1 with NaN or infinity"]),
        (one_array(lambda values: values * 3.5 - 1), ["1 outside [0, 1]: motion/severity-1/", "(-1 to "]),
        (one_array(lambda values: values.astype(np.int32) - 1), ["1 with negative numbers"]),
        (one_array(lambda values: np.stack([values, values])), ["has the shape (2, 32, 32): one channel"]),
        (one_array(lambda values: np.array([{}], dtype=object)), ["1 unreadable", "llow_pickle"]),
        (one_array(lambda values: values.astype(np.int32) * 0 + 7), ["in whole numbers hold the numbers 7"]),
        (labels, ["look like labels of several classes"]),
        (other_pair, ["hold the numbers 0, 128, which are neither a mask", "--output-kind probabilities"]),
    ],
)  # fmt: skip
def test_predictions_that_do_not_fit_are_named_and_nothing_is_scored(
    change, messages, release, stored, stems, within, tmp_path
):
    write(tmp_path / "mine", stored, stems, one_bit)
    change(tmp_path / "mine", list(stems.values()))
    done = within("evaluate", "--predictions", "mine", "--release", release, "--output", "out", cwd=tmp_path)
    assert done.returncode == 2, done.stdout
    told = " ".join(done.stderr.split())
    for message in messages:
        assert message in told
    assert "mine" in told
    assert not (tmp_path / "out" / "cells").exists()


def test_a_stated_kind_is_believed(release, stored, stems, within, tmp_path):
    write(tmp_path / "mine", stored, stems, one_bit)
    other_pair(tmp_path / "mine", [])
    options = ("--predictions", "mine", "--release", release, "--output", "out")
    done = within("evaluate", *options, "--output-kind", "probabilities", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    pd.testing.assert_frame_equal(scores_in(tmp_path / "out")[SAME], stored[SAME])
    refused = within("evaluate", *options, "--output-kind", "masks", cwd=tmp_path)
    assert refused.returncode == 2
    assert "masks hold 0 and 1, or 0 and 255" in " ".join(refused.stderr.split())


def test_a_changed_truth_is_refused(release, stored, stems, within, tmp_path):
    write(tmp_path / "mine", stored, stems, one_bit, lambda corruption: corruption == "motion")
    shutil.copytree(release, tmp_path / "release")
    name = next(iter(stems.values()))
    eight_bit(tmp_path / "release" / "masks" / f"{name}.png", np.zeros((32, 32)))
    done = within("evaluate", "--predictions", "mine", cwd=tmp_path)
    assert done.returncode == 2
    assert f"is not as its manifest.json says: 1 changed: masks/{name}.png" in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--predictions", "mine"], "name the corrupted set that they were made for with --release"),
        (["--predictions", "mine", "--release", "mine"], "mine holds no manifest.json"),
        (["--predictions", "mine", "--release", "RELEASE"], "The folder mine holds no prediction for the release"),
        (["--predictions", "nowhere", "--release", "RELEASE"], "There is no folder of predictions nowhere"),
        (["--predictions", "mine", "--corruption", "motion"], "--corruption does not go with --predictions"),
        (["--predictions", "mine", "--release", "RELEASE", "--output-kind", "logits"], "belongs to --model-file"),
        (["--predictions", "mine", "--release", "RELEASE", "--augmented-with", "fogg"], "no corruption family 'fogg'"),
    ],
)
def test_a_mistake_in_the_options_is_told(arguments, message, release, within, tmp_path):
    (tmp_path / "mine").mkdir()
    done = within("evaluate", *(str(release) if word == "RELEASE" else word for word in arguments), cwd=tmp_path)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())


def test_the_releases_readme_names_the_command(release):
    text = (release / "README.md").read_text(encoding="utf-8")
    assert "biclip-bench evaluate --predictions PREDICTIONS --release FOLDER --name NAME" in text
    assert "PREDICTIONS/clean/images/FILE.png" in " ".join(text.split())


def test_a_corruption_that_is_not_known_here_is_scored_as_its_release_describes_it(
    release, stored, stems, within, tmp_path
):
    write(tmp_path / "mine", stored, stems, one_bit, lambda corruption: corruption == "motion")
    shutil.copytree(release, tmp_path / "release")
    for folder in (tmp_path / "mine", tmp_path / "release"):
        (folder / "motion").rename(folder / "wobble")
    text = (release / "manifest.json").read_text(encoding="utf-8")
    text = text.replace('"motion/', '"wobble/').replace('"condition": "motion"', '"condition": "wobble"')
    text = text.replace('"name": "motion"', '"name": "wobble"').replace('"folder": "motion"', '"folder": "wobble"')
    (tmp_path / "release" / "manifest.json").write_text(text, encoding="utf-8")
    done = within("evaluate", "--predictions", "mine", "--output", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    frame = scores_in(tmp_path / "out")
    assert set(frame.index.get_level_values("corruption")) == {"wobble"}
    (page,) = tmp_path.glob("out/phantom-predictions-*/report.html")
    assert "Severities of wobble" in page.read_text(encoding="utf-8")


def test_probability_maps_have_a_calibration_and_masks_have_none(release, stored, stems, within, tmp_path):
    for name, save in (("masks", one_bit), ("maps", FORMATS["npy of float16 with a channel"])):
        write(tmp_path / name, stored, stems, save, lambda corruption: corruption == "motion")
        done = within("evaluate", "--predictions", name, "--release", release, "--output", f"{name}-out", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    of_masks, of_maps = (scores_in(tmp_path / f"{name}-out") for name in ("masks", "maps"))
    assert of_masks["ece"].isna().all()
    assert of_maps["ece"].between(0, 1).all()
    pd.testing.assert_frame_equal(of_masks.drop(columns=["model", "ece"]), of_maps.drop(columns=["model", "ece"]))


def test_a_threshold_cuts_probability_maps_and_needs_some(release, stored, stems, within, tmp_path):
    write(tmp_path / "mine", stored, stems, FORMATS["floating-point TIFF"], lambda corruption: corruption == "motion")
    options = ("evaluate", "--predictions", "mine", "--release", release, "--output", "out")
    done = within(*options, "--threshold", "0.3", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    frame = scores_in(tmp_path / "out")
    for key, png in stored.loc[["motion"], "png"].items():
        assert frame.loc[key, "predicted_area"] == (soft(decode_mask(png)).astype(np.float32) > 0.3).sum()
    (page,) = tmp_path.glob("out/phantom-predictions-*/report.html")
    assert "0.3 for every model" in page.read_text(encoding="utf-8")
    refused = within(*options, "--threshold", "validation", cwd=tmp_path)
    assert refused.returncode == 2
    assert "predictions come without the model" in " ".join(refused.stderr.split())
    write(tmp_path / "hard" / "mine", stored, stems, one_bit, lambda corruption: corruption == "motion")
    refused = within(*options, "--threshold", "0.3", cwd=tmp_path / "hard")
    assert refused.returncode == 2
    assert "are masks, which leave nothing to a threshold" in " ".join(refused.stderr.split())
