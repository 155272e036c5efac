"""The data sets in MedVLSM's layout (Poudel et al., MIDL 2024): any folder (``medvlsm``), and two by their names."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from biclip_bench.errors import UserError

from ...corruptions.context import ImageContext
from .base import PARTS, DatasetSettings, Part, existing_root, options_of, register_dataset
from .case_files import CaseFiles, Defect, Listing
from .dataset_notes import DatasetNotes
from .file_dataset import FileDataset
from .image_files import bare_name
from .lvit_names import group_of
from .pairing import list_images
from .published_sets import PublishedSet, compare

_LOADER_VERSION = "medvlsm 1"
"""Raised whenever the same files would give other cases than before."""

_PROMPT = re.compile(r"(p\d+)(?::(\d+))?")
_LAYOUT = """\
DATA_ROOT/
  anns/train.json, val.json, test.json   a list of objects with img_name, mask_name and prompts {p0, p1, ...}
  images/                                images
  masks/                                 masks, 0 and 255"""
_PAPER = (
    "Poudel et al., Exploring Transfer Learning in Medical Image Segmentation using Vision-Language Models, MIDL 2024"
)
_PROMPTS = "prompts p0 to p9"

KVASIR = PublishedSet(
    "kvasir-seg",
    "Kvasir-SEG in MedVLSM's split",
    (800, 100, 100),
    lambda name: re.fullmatch(r"c[a-z0-9]{24}", name) is not None,
    "cju2rqo702wpx0855fn7d5cxh",
)
CLINIC = PublishedSet(
    "cvc-clinicdb", "CVC-ClinicDB in MedVLSM's split", (490, 61, 61), lambda name: name.isdecimal(), "288"
)


@dataclass(frozen=True)
class MedvlsmOptions:
    """Options of the sets in MedVLSM's layout.

    Parameters
    ----------
    prompt
        Which prompt is the text. p0 is empty, p1 the class, p2 to p6 add shape, colour, size, number and place; p7 to
        p9 are lists of which each case gets one, by a hash of its name, or all the one that stands behind a colon,
        counted from 0.
    """

    prompt: str = field(default="p6", metadata={"allowed": "p0 to p9, p7:0"})


@register_dataset(
    "medvlsm",
    options=MedvlsmOptions,
    notes=DatasetNotes(
        images="any; taken as of no stated scale",
        cases="as in the JSON files",
        texts=_PROMPTS,
        layout=_LAYOUT,
        source="https://github.com/naamiinepal/medvlsm (JSON files of eleven sets, and where their images are).",
        licence="Of the JSON files MIT; that of the images is their owners'.",
        cite=(_PAPER,),
    ),
)
def open_medvlsm(settings: DatasetSettings) -> FileDataset:
    """A folder in MedVLSM's layout, named by --data-root: polyps, ulcers, skin lesions and others with prompts."""
    return _open("medvlsm", settings)


@register_dataset(
    "kvasir-seg",
    options=MedvlsmOptions,
    notes=DatasetNotes(
        images="polyps in colonoscopy, colour, 332 to 1920 wide",
        cases="800 / 100 / 100",
        texts=_PROMPTS,
        layout=_LAYOUT,
        source="Images and masks: https://datasets.simula.no/kvasir-seg. JSON files: "
        "https://github.com/naamiinepal/medvlsm (kvasir_polyp).",
        licence="Research and education; other use needs its owners' written permission (see its page).",
        cite=("Jha et al., Kvasir-SEG: A Segmented Polyp Dataset, MMM 2020", _PAPER),
    ),
)
def open_kvasir(settings: DatasetSettings) -> FileDataset:
    """Kvasir-SEG in MedVLSM's layout and split: polyps in colonoscopy, with prompts.

    Which images show the same patient is not known.
    """
    return _open("kvasir-seg", settings, KVASIR)


@register_dataset(
    "cvc-clinicdb",
    options=MedvlsmOptions,
    notes=DatasetNotes(
        images="polyps in colonoscopy, colour, 384 x 288",
        cases="490 / 61 / 61",
        texts=_PROMPTS,
        layout=_LAYOUT,
        source="Images and masks: https://polyp.grand-challenge.org/CVCClinicDB. JSON files: "
        "https://github.com/naamiinepal/medvlsm (clinicdb_polyp).",
        licence="Research and education, citing the paper (see its page).",
        cite=(
            "Bernal et al., WM-DOVA Maps for Accurate Polyp Highlighting in Colonoscopy, Computerized Medical Imaging "
            "and Graphics 43, 2015",
            _PAPER,
        ),
    ),
)
def open_clinic(settings: DatasetSettings) -> FileDataset:
    """CVC-ClinicDB in MedVLSM's layout and split: polyps in colonoscopy, with prompts.

    Its 612 images are frames of about thirty videos, which the names do not tell: frames of one polyp may be on both
    sides.
    """
    return _open("cvc-clinicdb", settings, CLINIC)


def _open(name: str, settings: DatasetSettings, published: PublishedSet | None = None) -> FileDataset:
    root = existing_root(name, settings, "anns, images and masks")
    listing = read_medvlsm(root, options_of(name, settings).prompt)
    return FileDataset(
        name,
        _LOADER_VERSION,
        listing if published is None else compare(listing, published, "medvlsm"),
        root=root,
        cache=settings.cache,
        context=lambda files, grey: ImageContext("other"),
        allow_issues=settings.allow_issues,
    )


def read_medvlsm(root: Path, prompt: str) -> Listing:
    """Match all entries with their files.

    Parameters
    ----------
    root
        Folder with ``anns``, ``images`` and ``masks``.
    prompt
        As :class:`MedvlsmOptions` says.

    Raises
    ------
    UserError
        If a folder or JSON file is missing or is not one, or the prompt is not written right.
    """
    chosen = _PROMPT.fullmatch(prompt)
    if chosen is None:
        raise UserError(f"Option 'prompt' is {prompt!r}: write p0 to p9, or p7:0 for one element of a list.")
    defects: list[Defect] = []
    folders = {kind: root / kind for kind in ("images", "masks")}
    for folder in folders.values():
        if not folder.is_dir():
            raise UserError(f"There is no folder {folder}: MedVLSM's layout has anns, images and masks.")
    found = {kind: _by_name(list_images(folder, defects)) for kind, folder in folders.items()}
    files: dict[str, CaseFiles] = {}
    placed: dict[Path, tuple[str, str]] = {}
    for part in PARTS:
        for where, entry in _entries(root / "anns" / f"{part}.json"):
            pair = [_file_of(entry, key, found[kind], where, defects) for key, kind in _KEYS.items()]
            text = _text_of(entry, chosen, where, defects)
            if text is None or pair[0] is None or pair[1] is None:
                continue
            name = bare_name(pair[0].name)
            case = CaseFiles(part, name, pair[0], pair[1], text, group_of(name), where)
            if pair[0] in placed:
                earlier, other = placed[pair[0]]
                message = f"{where} and {earlier} both name the image {pair[0]}: keep one."
                defects.append(Defect("image-twice", message, cases=(other, case.id)))
            placed.setdefault(pair[0], (where, case.id))
            files.setdefault(case.id, case)
    unnamed = sorted({path for paths in found["images"].values() for path in paths if path not in placed})
    if unnamed:
        message = f"{len(unnamed)} images, {unnamed[0]} first, are in no whole entry of {root / 'anns'} and not used."
        defects.append(Defect("image-without-entry", message, "warning"))
    order: dict[Part, int] = {part: place for place, part in enumerate(PARTS)}
    return Listing(tuple(sorted(files.values(), key=lambda case: (order[case.part], case.name))), tuple(defects))


_KEYS = {"img_name": "images", "mask_name": "masks"}


def _entries(path: Path) -> list[tuple[str, Any]]:
    """Read a JSON file's entries, each with words for where it stands."""
    if not path.is_file():
        raise UserError(f"There is no file {path}: MedVLSM's layout has anns/train.json, val.json and test.json.")
    try:
        entries = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}): it should be JSON. Copy or download it again.") from error
    if not isinstance(entries, list):
        raise UserError(f"{path} should hold a list of objects with img_name, mask_name and prompts.")
    return [(f"Entry {number} of {path}", entry) for number, entry in enumerate(entries, start=1)]


def _by_name(files: list[Path]) -> dict[str, list[Path]]:
    """Key files by their name, and by their name without suffix."""
    named: dict[str, list[Path]] = {}
    for path in files:
        for name in (path.name, bare_name(path.name)):
            named.setdefault(name, []).append(path)
    return named


def _file_of(entry: Any, key: str, files: dict[str, list[Path]], where: str, defects: list[Defect]) -> Path | None:
    name = entry.get(key) if isinstance(entry, dict) else None
    if not isinstance(name, str) or not name:
        defects.append(Defect("entry-without-name", f"{where} has no {key}: it should name a file of {_KEYS[key]}."))
        return None
    # The published files name JPEG masks that some copies hold as PNG.
    fits = files.get(name) or files.get(bare_name(name), [])
    if len(fits) == 1:
        return fits[0]
    if fits:
        message = f"{where}: {_KEYS[key]} holds several files for {name} ({', '.join(p.name for p in fits)}): keep one."
        defects.append(Defect("ambiguous-file", message))
    else:
        message = f"{where} names {name!r}, and {_KEYS[key]} holds no such file: add it or delete the entry."
        defects.append(Defect("entry-without-file", message))
    return None


def _text_of(entry: Any, chosen: re.Match[str], where: str, defects: list[Defect]) -> str | None:
    key, element = chosen[1], chosen[2]
    prompts = entry.get("prompts") if isinstance(entry, dict) else None
    value = prompts.get(key) if isinstance(prompts, dict) else None
    if isinstance(value, list) and value:
        name = str(entry.get("img_name"))
        digest = hashlib.sha256(f"{key}:{bare_name(name)}".encode()).digest()
        place = int(element) if element else int.from_bytes(digest[:8], "big") % len(value)
        value = value[place] if place < len(value) else None
    elif element:
        value = None
    if not isinstance(value, str) or (not value.strip() and key != "p0"):
        message = f"{where} has no text in its prompt {chosen[0]}: choose another with --data-option prompt=."
        defects.append(Defect("entry-without-prompt", message))
        return None
    return value.strip()
