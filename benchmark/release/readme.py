"""The text that explains a release to whoever receives it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..listed_files import MANIFEST
from .manifest import CASES, CLEAN_IMAGES, MASKS, Condition, Manifest

if TYPE_CHECKING:
    from .content import CaseRow

_WIDTH = 110


def readme_text(manifest: Manifest, rows: Sequence[CaseRow]) -> str:
    """Write the README of a release in Markdown."""
    example = rows[0].file
    colour = rows[0].channels == 3
    sections = (
        _opening(manifest),
        _contents(manifest),
        _values(manifest),
        _reading(manifest, example, colour=colour),
        _scoring(manifest),
        _making(manifest),
        _licence(manifest),
    )
    return "\n\n".join(sections) + "\n"


def _opening(manifest: Manifest) -> str:
    source = manifest.dataset
    count = sum(len(condition.severities) for condition in manifest.conditions)
    text = _paragraph(
        f"The {source.cases} test cases of the data set {source.name!r}, clean and under {count} corrupted conditions, "
        "with their true masks and texts, for measuring how robust a segmentation method is. Nothing but an image "
        "reader is needed."
    )
    return f"# Corrupted test set of {source.name}\n\n{text}"


def _contents(manifest: Manifest) -> str:
    suffix = manifest.values.file_format
    rows = [
        (
            f"`{CASES}`",
            "a row a case: id, group (patient or study), text, name of its files, height and width in pixels",
        ),
        (f"`{CLEAN_IMAGES}/FILE.{suffix}`", "the images as they were"),
        (f"`{MASKS}/FILE.png`", "the true lesion, 8 bits: 255 is lesion, 0 is not"),
        *(
            (f"`{condition.folder}/severity-N/FILE.{suffix}`", f"`{condition.name}`: {_summary(condition)}")
            for condition in manifest.conditions
        ),
        ("`overview/`", "a picture of some cases for each condition, true outline drawn, to look at only"),
        (f"`{MANIFEST}`", "parameters with units, seeds, versions, and the SHA-256 of every other file"),
    ]
    table = "\n".join(f"| {path} | {what} |" for path, what in rows)
    note = _paragraph(
        f"FILE is the column `file` of `{CASES}`. {MANIFEST} is written last: a folder without it is unfinished."
    )
    return f"## What is in it\n\n| path | what it is |\n|---|---|\n{table}\n\n{note}"


def _summary(condition: Condition) -> str:
    numbers = [step.severity for step in condition.severities]
    severities = f"severity {numbers[0]}" if len(numbers) == 1 else f"severities {', '.join(map(str, numbers))}"
    return f"{condition.summary} N: {severities}".replace("|", "\\|")


def _values(manifest: Manifest) -> str:
    values, (low, high) = manifest.values, manifest.window
    if values.kind == "windowed" and (low, high) != (0.0, 1.0):
        kind = "The values are windowed as the benchmark's own models saw them; what lay outside the window is clipped."
    elif (low, high) != (0.0, 1.0):
        kind = (
            "The values are the whole range that the data set stores. The benchmark's own models saw the window "
            f"from v = {low:.6g} to {high:.6g}, stretched to the range 0 to 1 and clipped: give the same to a method "
            "that is to be compared with them."
        )
    else:
        kind = "The values are those of the data set's own files, which the benchmark's own models saw as well."
    text = f"Images hold 16 bits a channel: the number n stands for v = n / 65535 in [0, 1]. {kind}"
    if values.hu_at_0 is not None:
        text += (
            f" In Hounsfield units, 0 stands for {values.hu_at_0:.10g} HU and 65535 for {values.hu_at_65535:.10g} HU."
        )
    if manifest.context.pixel_size_mm is not None:
        text += f" A pixel is {manifest.context.pixel_size_mm:.6g} mm wide."
    if values.clean_is_exact:
        text += " The clean images, read as single-precision n / 65535, are bit for bit what was corrupted."
    else:
        text += " Every image was rounded to 16 bits after it was made: corrupting the clean images here gives others."
    return f"## What the numbers mean\n\n{_paragraph(text)}"


def _reading(manifest: Manifest, stem: str, *, colour: bool) -> str:
    condition = manifest.conditions[0]
    suffix = manifest.values.file_format
    image = f"{condition.folder}/severity-{condition.severities[0].severity}/{stem}.{suffix}"
    mask = f"{MASKS}/{stem}.png"
    if suffix == "npz":
        lines = ["import numpy as np", "from PIL import Image", f'v = np.load("{image}")["image"] / 65535']
    elif colour:
        lines = [
            "import cv2  # Pillow would cut 16-bit colour down to 8 bits",
            "import numpy as np",
            "from PIL import Image",
            f'v = cv2.imread("{image}", cv2.IMREAD_UNCHANGED)[..., ::-1] / 65535',
        ]
    else:
        lines = ["import numpy as np", "from PIL import Image", f'v = np.asarray(Image.open("{image}")) / 65535']
    matlab = [f"v = double(imread('{image}')) / 65535;"]
    low, high = manifest.window
    if manifest.values.kind == "stored" and (low, high) != (0.0, 1.0):
        stretched = f"(v - {low!r}) / ({high!r} - {low!r})"
        lines.append(f"seen = np.clip({stretched}, 0, 1)  # what the benchmark's models saw")
        matlab.append(f"seen = min(max({stretched}, 0), 1);  % what the benchmark's models saw")
    bottom, top = manifest.values.hu_at_0, manifest.values.hu_at_65535
    if bottom is not None:
        lines.append(f"hu = {bottom!r} + v * ({top!r} - {bottom!r})")
        matlab.append(f"hu = {bottom!r} + v * ({top!r} - {bottom!r});")
    lines.append(f'mask = np.asarray(Image.open("{mask}")) > 127')
    matlab.append(f"mask = imread('{mask}') > 127;")
    in_matlab = "\n".join(matlab)
    if suffix == "npz":
        text = "MATLAB does not read NPZ files: write the release with `--format png` for it."
    else:
        text = f"In MATLAB:\n\n```matlab\n{in_matlab}\n```"
    in_python = "\n".join(lines)
    return f"## Reading an image\n\nIn Python:\n\n```python\n{in_python}\n```\n\n{text}"


def _scoring(manifest: Manifest) -> str:
    folder = manifest.conditions[0].folder
    first = _paragraph(
        "Predict a mask for every image, with or without the case's text, and compare it with the mask of the same "
        "FILE on the same pixels: nothing is resized for scoring. Do not adapt the method to these images, and do not "
        "choose it by its score here. Keep predictions outside this folder, in folders of the same names "
        f"(`PREDICTIONS/{folder}/severity-N/FILE.png`), also for the clean images "
        f"(`PREDICTIONS/{CLEAN_IMAGES}/FILE.png`). With biclip-bench installed, this command checks and scores them:"
    )
    command = "biclip-bench evaluate --predictions PREDICTIONS --release FOLDER --name NAME"
    files = _paragraph(
        "Files may be PNG or TIFF (1, 8 or 16 bits), or NumPy's npy or npz: masks of 0 and 1 or of 0 and 255, the same "
        "in every file, or probabilities, stored as floating-point numbers in [0, 1], as 8-bit numbers up to 255 or as "
        "16-bit numbers up to 65535. Numbers of more than two levels are probabilities. A condition may be left out as "
        "a whole, with all its severities."
    )
    second = _paragraph(
        "Report Dice or IoU for each condition and severity, and say which average it is: the mean over cases, or one "
        "score pooled over all pixels; they differ by points. Robustness is the mean over severities, and that mean "
        "divided by the clean score. Cases of one group are of one patient or study: intervals resample groups."
    )
    return f"## Scoring a method\n\n{first}\n\n```\n{command}\n```\n\n{files}\n\n{second}"


def _making(manifest: Manifest) -> str:
    versions = manifest.software
    text = _paragraph(
        f"Written by biclip-bench {versions['biclip-bench']} with version {manifest.suite_version} of its corruptions. "
        "Every random draw is seeded by the suite's version, the corruption, the severity and the case. With the same "
        "software, this command writes the same release again, from a data set with the fingerprint "
        f"{manifest.dataset.fingerprint[:16]}...:"
    )
    check = _paragraph(
        "With biclip-bench installed, `biclip-bench corrupt --verify FOLDER` says whether every file is there and "
        "unchanged, and with `--recompute` whether this machine makes the same images."
    )
    return f"## How it was made\n\n{text}\n\n```\n{manifest.command}\n```\n\n{check}"


def _licence(manifest: Manifest) -> str:
    if manifest.dataset.name == "phantom":
        text = (
            "The images were made by a program and show no person: they may be used and passed on freely. Please say "
            "that they are of the phantom of biclip-bench."
        )
    else:
        text = (
            f"Images, masks and texts come from the data set {manifest.dataset.name!r}. Its licence and terms say "
            "whether and how this folder may be passed on; it gives no permission of its own. Cite that data set, and "
            f"look through {CASES} before publishing: it repeats the set's own names of cases, groups and texts."
        )
    return f"## Licence\n\n{_paragraph(text)}"


def _paragraph(text: str) -> str:
    return textwrap.fill(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
