"""The data set ``lvit``: a folder in LViT's layout (QaTa-COV19, MosMedData+, MoNuSeg and others converted to it)."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd

from biclip_bench.errors import UserError

from .base import Case, DatasetSettings, register_dataset
from .image_files import read_image, read_mask
from .lvit_check import check_pairs
from .lvit_layout import Triple, find_triples
from .lvit_names import context_of, group_of

_LOADER_VERSION = "lvit 1"
"""Raised whenever the same files would give other cases than before."""


class LVit:
    """Images, masks and texts from a folder; see :class:`~biclip_bench.benchmark.datasets.base.Dataset`.

    Case ids are ``train/NAME``, ``val/NAME`` and ``test/NAME`` with the image's name without suffix. Images keep their
    own size; where all are grey they have one channel, and where any has colour all have three. Groups and context
    follow from the names (:mod:`.lvit_names`); an image whose name tells no patient is a group of its own. The window
    is the whole range: the files were windowed when they were saved.

    Parameters
    ----------
    settings
        ``root`` and ``cache`` count.

    Raises
    ------
    UserError
        At the first defect, naming the file or row.
    """

    name = "lvit"

    def __init__(self, settings: DatasetSettings) -> None:
        if settings.root is None:
            raise UserError(
                "The data set lvit is read from a folder: name it with --data-root, the one that holds Train_Folder, "
                "Val_Folder and Test_Folder."
            )
        root = settings.root
        triples = find_triples(root)
        pairs = check_pairs(triples, root, settings.cache)
        self._channels = max(pair.channels for pair in pairs)
        self._triples: dict[str, Triple] = {f"{triple.part}/{triple.stem}": triple for triple in triples}
        self._groups = {case: group_of(triple.stem) or case for case, triple in self._triples.items()}
        self.context = context_of([triple.stem for triple in triples], grey=self._channels == 1)
        index = pd.DataFrame(
            {
                "case": list(self._triples),
                "part": [triple.part for triple in triples],
                "group": list(self._groups.values()),
                "text": [triple.text for triple in triples],
                "lesion_fraction": [pair.lesion_fraction for pair in pairs],
            }
        )
        self.index = index.sort_values("case", ignore_index=True)
        digest = hashlib.sha256(_LOADER_VERSION.encode())
        for triple, pair in zip(triples, pairs, strict=True):
            for field in (pair.image, pair.image_sha256, pair.mask, pair.mask_sha256, triple.text):
                # The length first, so that no two lists of fields can run together to the same bytes.
                encoded = field.encode()
                digest.update(len(encoded).to_bytes(8, "big") + encoded)
        self.fingerprint = digest.hexdigest()

    def load(self, case: str) -> Case:
        """Decode one case by its id.

        Raises
        ------
        UserError
            If there is no such case, or its files have become unreadable.
        """
        if case not in self._triples:
            raise UserError(f"The data set has no case {case!r}: ids look like {next(iter(self._triples))!r}.")
        triple = self._triples[case]
        image = read_image(triple.image)
        if image.shape[0] < self._channels:
            image = np.repeat(image, self._channels, axis=0)
        return Case(case, image, read_mask(triple.mask), triple.text, self._groups[case])


@register_dataset("lvit")
def open_lvit(settings: DatasetSettings) -> LVit:
    """A folder in LViT's layout, named by --data-root: QaTa-COV19, MosMedData+, MoNuSeg and others."""
    return LVit(settings)
