"""What was downloaded, told from the names of its folders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from biclip_bench.errors import UserError

from ..datasets.base import Part
from ..datasets.folder_files import PART_WORDS
from ..datasets.image_files import image_suffix
from ..datasets.lvit_layout import PART_FOLDERS
from ..datasets.table_files import TABLE_SUFFIXES

Kind = Literal["lvit", "kaggle-qata", "langguide", "medvlsm", "folders"]

IMAGE_WORDS = frozenset({"images", "image", "imgs", "img", "frames", "original", "originals"})
MASK_WORDS = frozenset(
    {"masks", "mask", "labels", "label", "labelcol", "gt", "gts", "ground truth", "ground truths", "groundtruth"}
)
LOOKED_FOR: dict[Kind, tuple[str, str]] = {
    "lvit": ("LViT's layout", "Train_Folder, Val_Folder and Test_Folder, each with img and labelcol"),
    "kaggle-qata": ("QaTa-COV19-v2 as Kaggle ships it", "'Train Set' and 'Test Set' with Images and Ground-truths"),
    "langguide": ("LanGuideMedSeg's layout", "Train and Test with Images and GTs, and prompt with CSV files"),
    "medvlsm": ("MedVLSM's layout", "anns with train.json, val.json and test.json; images and masks"),
    "folders": (
        "images and masks",
        "images, imgs, frames or Original beside masks, labels, GT or 'Ground Truth'; also in or above folders train, "
        "val and test",
    ),
}
"""What is looked for, in this order: a title, and the folders that tell it."""


@dataclass(frozen=True)
class FolderPair:
    """A folder of images and the one of their masks.

    Parameters
    ----------
    images, masks
        Paths in the source; empty for the source itself.
    part
        The part whose name a folder bears; Kaggle's training part holds what becomes the validation part too.
    """

    images: str
    masks: str
    part: Part | None = None


@dataclass(frozen=True)
class Found:
    """What a source holds.

    Parameters
    ----------
    kind
        Its layout.
    base
        Folder in the source where the layout begins; empty for the source itself.
    pairs
        Its images and masks.
    """

    kind: Kind
    base: str
    pairs: tuple[FolderPair, ...]

    @property
    def words(self) -> str:
        """What it is, for people."""
        return LOOKED_FOR[self.kind][0] + (f", in the folder {self.base!r}" if self.base else "")


def recognise(files: Iterable[str], wanted: Collection[Kind], inside: str = "") -> Found | None:
    """Tell a layout from the names of folders.

    Parameters
    ----------
    files
        Paths in the source, with slashes.
    wanted
        The layouts from which the data set can be prepared.
    inside
        Look only in this folder of the source.

    Returns
    -------
    Found or None
        None if nothing is recognised.

    Raises
    ------
    UserError
        If several data sets are.
    """
    prefix = f"{inside.strip('/')}/" if inside.strip("/") else ""
    images = [path for path in files if path.startswith(prefix) and image_suffix(path)]
    folders = {path.rpartition("/")[0] for path in images}
    everything = {folder for path in folders for folder in _with_parents(path)}
    others = {path.rpartition("/")[0] for path in files if path.endswith(".json")}
    for kind in (kind for kind in LOOKED_FOR if kind in wanted):
        candidates = _FINDERS[kind](everything, others)
        if len(candidates) > 1:
            places = ", ".join(repr(found.base or found.pairs[0].images) for found in candidates[:4])
            raise UserError(
                f"{len(candidates)} places look like {LOOKED_FOR[kind][0]} ({places}): name the folder of one with "
                "--inside."
            )
        if candidates:
            return candidates[0]
    return None


def seen_words(files: Collection[str], most: int = 12) -> list[tuple[str, str]]:
    """List the folders of a source that hold files, the fullest first, each with what it holds."""
    counts: dict[str, Counter[str]] = {}
    for path in files:
        folder, _, name = path.rpartition("/")
        suffix = image_suffix(name) or (name[name.rfind(".") :] if "." in name else "")
        counts.setdefault(folder, Counter())[suffix.lower() or "no suffix"] += 1
    fullest = sorted(counts.items(), key=lambda item: (-item[1].total(), item[0]))
    shown = [
        (folder or ".", ", ".join(f"{count} {suffix}" for suffix, count in found.most_common(4)))
        for folder, found in fullest[:most]
    ]
    return shown + ([(f"and {len(fullest) - most} more folders", "")] if len(fullest) > most else [])


def _with_parents(folder: str) -> list[str]:
    parts = folder.split("/") if folder else []
    return ["/".join(parts[:count]) for count in range(len(parts) + 1)]


def _join(base: str, *inner: str) -> str:
    return "/".join(part for part in (base, *inner) if part)


def _child(base: str, words: Collection[str], folders: Collection[str]) -> str | None:
    """Find a folder in ``base`` that bears one of the names, in any case and with - or _ for a space."""
    found = sorted(folder for folder in folders if folder and _parent(folder) == base and plain(folder) in words)
    return found[0] if found else None


def _parent(folder: str) -> str:
    return folder.rpartition("/")[0]


def plain(folder: str) -> str:
    """The last name of a path as it is compared: lower case, spaces for - and _."""
    return folder.rpartition("/")[2].casefold().replace("-", " ").replace("_", " ")


def _lvit(folders: set[str], others: set[str]) -> list[Found]:
    found = []
    for base in sorted(folders):
        pairs: list[FolderPair] = []
        for part, name in PART_FOLDERS.items():
            folder = _child(base, {plain(name)}, folders)
            images = folder and _child(folder, {"img"}, folders)
            masks = folder and _child(folder, {"labelcol"}, folders)
            if images and masks:
                pairs.append(FolderPair(images, masks, part))
        if len(pairs) == len(PART_FOLDERS):
            found.append(Found("lvit", base, tuple(pairs)))
    return found


def _in_two(kind: Kind, names: dict[Part, str], masks: str, folders: set[str]) -> list[Found]:
    """Find a layout with a folder for training and one for test, each with Images and a folder of masks."""
    found = []
    for base in sorted(folders):
        pairs: list[FolderPair] = []
        for part, name in names.items():
            folder = _child(base, {name}, folders)
            pair = folder and (_child(folder, {"images"}, folders), _child(folder, {masks}, folders))
            if pair and pair[0] and pair[1]:
                pairs.append(FolderPair(pair[0], pair[1], part))
        if len(pairs) == len(names):
            found.append(Found(kind, base, tuple(pairs)))
    return found


def _kaggle(folders: set[str], others: set[str]) -> list[Found]:
    return _in_two("kaggle-qata", {"train": "train set", "test": "test set"}, "ground truths", folders)


def _langguide(folders: set[str], others: set[str]) -> list[Found]:
    return _in_two("langguide", {"train": "train", "test": "test"}, "gts", folders)


def _medvlsm(folders: set[str], others: set[str]) -> list[Found]:
    found = []
    for base in sorted(folders):
        pair = _child(base, {"images"}, folders), _child(base, {"masks"}, folders)
        if pair[0] and pair[1] and _join(base, "anns") in others:
            found.append(Found("medvlsm", base, (FolderPair(pair[0], pair[1]),)))
    return found


def _folders(folders: set[str], others: set[str]) -> list[Found]:
    """Find folders of images beside folders of masks; those that differ by a part's name alone belong together."""
    sets: dict[str, list[FolderPair]] = {}
    for images in sorted(folders):
        masks = _child(_parent(images), MASK_WORDS, folders) if plain(images) in IMAGE_WORDS else None
        if masks is None:
            continue
        above = _parent(images)
        part = PART_WORDS.get(plain(above))
        inner = [
            FolderPair(one, other, PART_WORDS[plain(one)])
            for one in sorted(folders)
            if one and _parent(one) == images and plain(one) in PART_WORDS
            for other in sorted(folders)
            if other and _parent(other) == masks and plain(other) == plain(one)
        ]
        base = _parent(above) if part else above
        sets.setdefault(base, []).extend(inner or [FolderPair(images, masks, part)])
    return [Found("folders", base, tuple(pairs)) for base, pairs in sorted(sets.items())]


_FINDERS = {"lvit": _lvit, "kaggle-qata": _kaggle, "langguide": _langguide, "medvlsm": _medvlsm, "folders": _folders}


def tables_in(files: Iterable[str], folder: str) -> list[str]:
    """List the tables directly in a folder of a source."""
    return sorted(
        path
        for path in files
        if _parent(path) == folder
        and path.lower().endswith(TABLE_SUFFIXES)
        and not path.split("/")[-1].startswith("~$")
    )
