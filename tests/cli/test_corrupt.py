import csv
from pathlib import Path

import numpy as np
from PIL import Image


def test_corrupt_writes_a_grid_and_the_images(cli, tmp_path: Path):
    done = cli(
        "corrupt", "--corruption", "motion", "--severity", "1,5", "--patients", "1,1,2", "--image-size", "64",
        "--images", "--output", tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "phantom-corrupted"
    assert (folder / "gallery-motion.png").stat().st_size > 0
    with (folder / "motion" / "cases.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    assert all(row["text"] for row in rows)
    mild, strong = (np.asarray(Image.open(folder / "motion" / f"severity-{n}" / rows[0]["file"])) for n in (1, 5))
    assert mild.dtype == np.uint16
    assert mild.shape == (64, 64)
    # A longer blur leaves less detail.
    assert np.abs(np.diff(strong.astype(float))).mean() < np.abs(np.diff(mild.astype(float))).mean()
    mask = np.asarray(Image.open(folder / "motion" / "masks" / rows[0]["file"]))
    assert mask.shape == (64, 64)
