"""The same image twice, or nearly: exact copies by their pixels, near ones by their perceptual hash."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from ..base import PARTS
from ..case_files import Defect, Gravity
from ..file_check import CheckedCase

NEAR_BITS = 16
"""Images whose hashes of 256 bits differ in at most this many count as near copies.

Measured: saving again as JPEG of quality 90 to 20, halving or doubling the size and noise of 2% of full scale change at
most 12 bits; brightness and contrast with clipping 4 to 24. The closest of 280,125 pairs of phantom slices of different
patients, which look more alike than photographs, differ in 24 bits, and the closest of 946 pairs of MoNuSeg in 102.
Cropping by 1% or more and mirroring are not found.
"""

NAMED = 3
"""Copies of one image that a message names; its case ids are all of them."""

_BLOCK = 1024
"""Rows of the matrix of distances that are held at once."""


def exact_copies(cases: Sequence[CheckedCase]) -> list[Defect]:
    """Find images with the same pixels, whatever file format they are saved in.

    Copies in several parts are an error, since a model would be tested on what it was trained on; of these, the
    copies in the last part (test before validation before training) are kept. Copies in one part are a warning.
    """
    by_pixels: dict[str, list[CheckedCase]] = defaultdict(list)
    for case in cases:
        by_pixels[case.found.pixels_sha256].append(case)
    return [_copies(same) for same in by_pixels.values() if len(same) > 1]


def _copies(same: list[CheckedCase]) -> Defect:
    parts = [part for part in PARTS if any(case.files.part == part for case in same)]
    # One of each part comes first, so that a long list still names both sides.
    told = sorted(same, key=lambda case: sum(other.files.part == case.files.part for other in same[: same.index(case)]))
    more = [f"{len(told) - NAMED} more"] if len(told) > NAMED else []
    names = " and ".join([*(str(case.files.image) for case in told[:NAMED]), *more])
    whole = "are the same file" if len({case.found.image_sha256 for case in same}) == 1 else "hold the same pixels"
    differ = len({case.found.mask_sha256 for case in same}) > 1
    masks = " Their masks differ: one of them is wrong." if differ else ""
    if len(parts) == 1:
        message = f"The images {names} {whole}: the case counts {len(same)} times.{masks}"
        gravity: Gravity = "warning"
        return Defect("copies-within-part", message, gravity, tuple(case.id for case in same))
    kept = tuple(case.id for case in same if case.files.part == parts[-1])
    message = (
        f"The images {names} {whole}, in the parts {' and '.join(parts)}: keep the one in {parts[-1]} and delete the "
        f"others with their masks and texts.{masks}"
    )
    return Defect("copies-across-parts", message, "error", tuple(case.id for case in same), kept)


def near_copies(cases: Sequence[CheckedCase]) -> list[Defect]:
    """Find images of different parts that look the same (:data:`NEAR_BITS`): one warning a case of the later part."""
    held = [case for case in cases if case.found.perceptual_hash]
    bits = _bits([case.found.perceptual_hash for case in held])
    places = {
        part: np.array([place for place, case in enumerate(held) if case.files.part == part], dtype=np.intp)
        for part in PARTS
    }
    nearest: dict[int, tuple[int, int]] = {}
    others: Counter[int] = Counter()
    for earlier, later in combinations(PARTS, 2):
        for row, column, distance in _close_pairs(bits[places[later]], bits[places[earlier]]):
            case, like = int(places[later][row]), int(places[earlier][column])
            if held[case].found.pixels_sha256 == held[like].found.pixels_sha256:
                continue
            others[case] += 1
            nearest[case] = min(nearest.get(case, (distance, like)), (distance, like))
    return [
        _near(held[case], held[like], distance, others[case] - 1) for case, (distance, like) in sorted(nearest.items())
    ]


def _near(case: CheckedCase, like: CheckedCase, distance: int, more: int) -> Defect:
    also = f", and {more} more images of other parts are as alike" if more else ""
    group = case.files.group
    patient = f" Both are of {group}." if group is not None and group == like.files.group else ""
    message = (
        f"The image {case.files.image} ({case.files.part}) looks like {like.files.image} ({like.files.part}): "
        f"{distance} of 256 bits of their perceptual hashes differ{also}.{patient}"
    )
    return Defect("near-copies-across-parts", message, "warning", (case.id, like.id))


def _bits(hashes: Sequence[str]) -> NDArray[np.float32]:
    """Return the hashes' bits as -1 and 1, shape (N, bits): the product of two is bits minus twice the distance."""
    if not hashes:
        return np.zeros((0, 0), dtype=np.float32)
    packed = np.frombuffer(bytes.fromhex("".join(hashes)), dtype=np.uint8).reshape(len(hashes), -1)
    return np.unpackbits(packed, axis=1).astype(np.float32) * 2 - 1


def _close_pairs(rows: NDArray[np.float32], columns: NDArray[np.float32]) -> list[tuple[int, int, int]]:
    found = []
    for start in range(0, len(rows) if len(columns) else 0, _BLOCK):
        # Whole numbers below 2**24 are exact in float32.
        distances = (rows.shape[1] - rows[start : start + _BLOCK] @ columns.T) / 2
        near = np.nonzero(distances <= NEAR_BITS)
        found += [
            (int(row) + start, int(column), int(distances[row, column])) for row, column in zip(*near, strict=True)
        ]
    return found
