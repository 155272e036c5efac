"""A report's pictures in one Parquet file: small images and masks, read back case by case."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biclip_bench.errors import UserError

from .frame import CLEAN
from .picture import Picture

LARGEST_SIDE = 256
"""Larger images are shrunk to this many pixels: none is shown larger."""

QUALITY = 90
"""Of the WebP images: noise of a few grey levels survives."""

COLUMNS = ("case", "text", "corruption", "severity", "image", "truth", "models", "masks", "dice")
IDENTITY = b"biclip-bench pictures"


def write_pictures(path: Path, cases: Iterable[Sequence[Picture]], identity: str = "") -> Path:
    """Write pictures, a case at a time; the file appears when it is whole.

    Parameters
    ----------
    path
        Of the file.
    cases
        The pictures of each case.
    identity
        What the pictures were made from; read back by :func:`pictures_identity`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema(
        [
            ("case", pa.string()), ("text", pa.string()), ("corruption", pa.string()), ("severity", pa.int8()),
            ("image", pa.binary()), ("truth", pa.binary()),
            ("models", pa.list_(pa.string())), ("masks", pa.list_(pa.binary())),
            ("dice", pa.list_(pa.float64())),
        ],
        metadata={IDENTITY: identity.encode()},
    )  # fmt: skip
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with pq.ParquetWriter(temporary, schema, compression="none") as writer:
            for pictures in cases:
                rows = [_row(picture) for picture in pictures]
                if rows:
                    writer.write_table(pa.Table.from_pylist(rows, schema=schema))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def pictures_identity(path: Path) -> str | None:
    """Say what a file's pictures were made from; None where there is no such file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        metadata: dict[bytes, bytes] = pq.read_schema(path).metadata or {}
    except (OSError, pa.ArrowInvalid):
        return None
    found = metadata.get(IDENTITY)
    return None if found is None else found.decode()


class PictureFile:
    """Pictures of one or several files; a case's pictures are put together across the files.

    Parameters
    ----------
    paths
        Files that :func:`write_pictures` wrote.
    names
        For each file the new names of its models, where they have any.

    Raises
    ------
    UserError
        If a file is damaged, or shows another truth of the same case.
    """

    def __init__(self, paths: Sequence[Path], names: Sequence[Mapping[str, str]] = ()) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._names = dict(zip(paths, names, strict=False))
        self._groups: dict[str, list[tuple[Path, int]]] = {}
        for path in paths:
            try:
                file = pq.ParquetFile(path)
                for group in range(file.num_row_groups):
                    case = file.read_row_group(group, columns=["case"])["case"][0].as_py()
                    self._groups.setdefault(case, []).append((path, group))
            except (OSError, KeyError, pa.ArrowInvalid) as error:
                raise UserError(
                    f"The pictures {path} are damaged ({error}): delete the file, and run again."
                ) from error

    def cases(self) -> list[str]:
        """List the cases in the order of the files."""
        return list(self._groups)

    def pictures(self, case: str) -> list[Picture]:
        """Return a case's pictures: clean first, then by corruption and severity."""
        import pyarrow.parquet as pq

        found: dict[tuple[str, int], Picture] = {}
        for path, group in self._groups[case]:
            for row in pq.ParquetFile(path).read_row_group(group, columns=list(COLUMNS)).to_pylist():
                picture = _picture(row, self._names.get(path, {}))
                key = (picture.corruption, picture.severity)
                found[key] = _joined(found[key], picture, path) if key in found else picture
        return sorted(found.values(), key=lambda one: (one.corruption != CLEAN, one.corruption, one.severity))


def _joined(first: Picture, second: Picture, path: Path) -> Picture:
    if first.truth.shape != second.truth.shape or (first.truth != second.truth).any():
        raise UserError(f"The pictures {path} show another truth of case {first.case!r} than those before.")
    predictions, scores = {**first.predictions, **second.predictions}, {**first.scores, **second.scores}
    return replace(first, predictions=predictions, scores=scores)


def _row(picture: Picture) -> dict[str, Any]:
    from PIL import Image

    image = Image.fromarray(np.round(np.clip(picture.image, 0, 1) * 255).astype(np.uint8))
    scale = min(1.0, LARGEST_SIDE / max(image.size))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    if size != image.size:
        image = image.resize(size, Image.Resampling.BOX)
    return {
        "case": picture.case, "text": picture.text, "corruption": picture.corruption, "severity": picture.severity,
        "image": _encoded(image, "WEBP", quality=QUALITY), "truth": _mask(picture.truth, size),
        "models": list(picture.predictions), "masks": [_mask(mask, size) for mask in picture.predictions.values()],
        "dice": [picture.dice(model) for model in picture.predictions],
    }  # fmt: skip


def _picture(row: Mapping[str, Any], names: Mapping[str, str]) -> Picture:
    image = _decoded(row["image"]).astype(np.float32) / 255
    models = [names.get(model, model) for model in row["models"]]
    predictions = {model: _decoded(mask) > 0 for model, mask in zip(models, row["masks"], strict=True)}
    return Picture(
        row["case"], row["text"], row["corruption"], row["severity"], image, _decoded(row["truth"]) > 0, predictions,
        dict(zip(models, row["dice"], strict=True)),
    )  # fmt: skip


def _mask(mask: NDArray[np.bool_], size: tuple[int, int]) -> bytes:
    """Shrink a mask by majority, and encode it as a 1-bit PNG."""
    from PIL import Image

    image = Image.fromarray(np.asarray(mask, dtype=np.uint8) * 255)
    if image.size != size:
        image = image.resize(size, Image.Resampling.BOX)
    return _encoded(image.point(lambda level: 255 * (level >= 128)).convert("1"), "PNG", optimize=True)


def _encoded(image: Any, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _decoded(content: bytes) -> NDArray[np.uint8]:
    from PIL import Image

    with Image.open(io.BytesIO(content)) as image:
        return np.array(image.convert("L"), dtype=np.uint8)
