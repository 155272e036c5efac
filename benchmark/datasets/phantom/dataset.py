"""The data set ``phantom``: made chest-CT slices with truth masks and reports, the same on every machine."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from biclip_bench.errors import UserError

from ....corruptions.context import ImageContext
from ..base import PARTS, Case, DatasetSettings, Part, register_dataset
from ..dataset_notes import DatasetNotes
from ..report_grammar import VARIANTS, describe
from .anatomy import SLICES, draw_level, draw_patient
from .fields import FIELD_OF_VIEW_MM
from .findings import read_findings
from .slice import HU_RANGE, Slice, make_slice
from .store import Store, StoreWriter, open_store

GENERATOR_VERSION = 2
"""Raised whenever the same settings would give other bits than before."""

LUNG_WINDOW_HU = (-1350.0, 150.0)
"""The usual lung window, centre -600 and width 1500: what a model sees."""

_SMALLEST_IMAGE, _LARGEST_IMAGE = 32, 1024
_PUBLISHED_WORDING = 0.5
"""Share of reports worded as in the published data sets; the others are spread over the other wordings."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class MadeCase:
    """A case before it is stored: its slice and its report."""

    id: str
    group: str
    slice: Slice
    text: str


def make_case(seed: int, part: Part, patient: int, number: int, size: int) -> MadeCase:
    """Make one case. It depends on these arguments alone, not on how many others are made.

    Parameters
    ----------
    seed
        Seed of the data set, 0 or more.
    part
        ``train``, ``val`` or ``test``: no patient occurs in two parts.
    patient
        Number of the patient within the part.
    number
        Number of the slice within the patient, below ``SLICES``; later ones lie lower in the chest.
    size
        Side of the image in pixels.
    """
    anatomy = draw_patient(_generator(seed, part, patient, 0))
    stream = _generator(seed, part, patient, 1 + number)
    made = make_slice(anatomy, draw_level(stream, number), size, stream)
    wording = _generator(seed, part, patient, 1 + SLICES + number)
    variant = 0 if wording.random() < _PUBLISHED_WORDING else int(wording.integers(1, VARIANTS))
    group = f"phantom-{part}-{patient:04d}"
    return MadeCase(f"{group}-{number}", group, made, describe(read_findings(made.mask, made.lungs), variant))


def _generator(seed: int, part: Part, patient: int, stream: int) -> np.random.Generator:
    entropy = np.random.SeedSequence((seed, PARTS.index(part), patient, stream))
    return np.random.Generator(np.random.Philox(entropy))


class Phantom:
    """Made chest-CT slices; see :class:`~biclip_bench.benchmark.datasets.base.Dataset`.

    Images hold Hounsfield units from -1024 to 1500 mapped to [0, 1] in one channel, over 340 mm. Building one makes
    the cases on first use (about 20 ms each at 128 pixels) and afterwards opens them from the cache.

    Parameters
    ----------
    settings
        ``image_size``, ``cases`` (patients, of three slices each), ``seed`` and ``cache`` count.

    Raises
    ------
    UserError
        If a setting is out of range or the cache cannot be written.
    """

    name = "phantom"

    def __init__(self, settings: DatasetSettings) -> None:
        _check(settings)
        self.fingerprint = phantom_fingerprint(settings)
        low, high = ((edge - HU_RANGE[0]) / (HU_RANGE[1] - HU_RANGE[0]) for edge in LUNG_WINDOW_HU)
        window = (max(0.0, low), min(1.0, high))
        self.context = ImageContext("ct", HU_RANGE, FIELD_OF_VIEW_MM / settings.image_size, window)
        folder = settings.cache / f"phantom-{self.fingerprint[:20]}"
        self._store: Store = open_store(folder, self.fingerprint, lambda empty: self._make(settings, empty))
        self.index = self._store.index
        self._rows = {case: row for row, case in enumerate(self.index["case"])}

    def load(self, case: str) -> Case:
        """Return one case by its id."""
        if case not in self._rows:
            raise UserError(f"The phantom has no case {case!r}: ids look like {next(iter(self._rows))!r}.")
        row = self._rows[case]
        hu, mask = self._store.read(row)
        image = (hu.astype(np.float32) - np.float32(HU_RANGE[0])) / np.float32(HU_RANGE[1] - HU_RANGE[0])
        return Case(case, image[None], mask, str(self.index["text"].iat[row]), str(self.index["group"].iat[row]))

    def _make(self, settings: DatasetSettings, folder: Path) -> None:
        # The order of the index is that of the ids as text.
        planned = sorted(
            (f"phantom-{part}-{patient:04d}-{number}", part, patient, number)
            for part, patients in zip(PARTS, settings.cases, strict=True)
            for patient in range(patients)
            for number in range(SLICES)
        )
        logger.info("Making %d phantom cases of %d pixels a side.", len(planned), settings.image_size)
        writer = StoreWriter(folder, len(planned), settings.image_size)
        rows = []
        for row, (_, part, patient, number) in enumerate(planned):
            made = make_case(settings.seed, part, patient, number, settings.image_size)
            writer.write(row, made.slice.hu, made.slice.mask)
            rows.append((made.id, part, made.group, made.text, float(made.slice.mask.mean())))
        index = pd.DataFrame(rows, columns=["case", "part", "group", "text", "lesion_fraction"])
        writer.finish(index, self.fingerprint)


def phantom_fingerprint(settings: DatasetSettings) -> str:
    """Return the SHA-256 of the settings and the generator's version, known without making anything."""
    determining = {
        "data set": "phantom",
        "generator": GENERATOR_VERSION,
        "image_size": settings.image_size,
        "cases": list(settings.cases),
        "seed": settings.seed,
    }
    return hashlib.sha256(json.dumps(determining, sort_keys=True).encode()).hexdigest()


def _check(settings: DatasetSettings) -> None:
    if settings.root is not None:
        raise UserError(f"The phantom is made, not read: leave the data folder {settings.root} out.")
    if not _SMALLEST_IMAGE <= settings.image_size <= _LARGEST_IMAGE:
        raise UserError(
            f"The phantom's image size is {settings.image_size} pixels: choose {_SMALLEST_IMAGE} to {_LARGEST_IMAGE}."
        )
    if len(settings.cases) != len(PARTS) or min(settings.cases) < 1:
        raise UserError(
            f"The phantom's patients for train, val and test are {settings.cases}: give three numbers of 1 or more."
        )
    if settings.seed < 0:
        raise UserError(f"The phantom's seed is {settings.seed}: choose 0 or more.")


@register_dataset(
    "phantom",
    notes=DatasetNotes(
        images="chest CT slices in Hounsfield units, made",
        cases="--patients, whole ones in a part",
        texts="report sentences",
        layout="none: slices are made when they are first needed, and kept in the cache",
        source="This program.",
        licence="That of this program.",
    ),
)
def open_phantom(settings: DatasetSettings) -> Phantom:
    """Chest-CT slices made on this machine, with lesions, truth masks and report texts; needs no download."""
    return Phantom(settings)
