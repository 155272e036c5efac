"""How each data set is made from what can be downloaded of it.

A prepared folder has the layout that the data set's own loader reads, and not one layout for all: the same files under
the same loader have the same fingerprint whether this program or somebody by hand laid them out, so that results can be
shared; code that was published for a layout reads the folder too; and nothing is lost that another layout has no place
for, such as the ten prompts of MedVLSM's files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from biclip_bench.errors import UserError
from biclip_bench.registry import suggest

from ..datasets.base import Part
from ..datasets.lvit_layout import PART_FOLDERS
from ..datasets.table_files import TABLE_SUFFIXES
from .arrange import Arrangement, copy_folders, sort_into_parts
from .given_texts import PartLists, given_files, parts_told, read_given
from .recognise import FolderPair, Found, Kind, tables_in
from .sources import Source, tables_of

Arranger = Callable[[Source, Found, Sequence[Path], Path], Arrangement]
"""From a source, what was found in it, the files of --texts and a folder for passing use."""


@dataclass(frozen=True)
class Recipe:
    """How a data set is made.

    Parameters
    ----------
    kinds
        The layouts that it can be made from.
    arrange
        Says where each file goes.
    size
        How large it is.
    texts
        What ``--texts`` takes; empty where nothing is needed.
    """

    kinds: tuple[Kind, ...]
    arrange: Arranger
    size: str
    texts: str = ""


def arrange_lvit(source: Source, found: Found, texts: Sequence[Path], passing: Path) -> Arrangement:
    """Lay out as LViT: as it is if it came so with its workbooks, otherwise by the tables that were given."""
    books = {pair: tables_in(source.files, pair.images.rpartition("/")[0]) for pair in found.pairs}
    if found.kind == "lvit" and not texts and all(books.values()):
        made = Arrangement()
        targets = [
            (f"{PART_FOLDERS[_part(pair)]}/img", f"{PART_FOLDERS[_part(pair)]}/labelcol") for pair in found.pairs
        ]
        copy_folders(source, found.pairs, targets, made)
        for pair, own in books.items():
            for book in own:
                made.add(f"{PART_FOLDERS[_part(pair)]}/{book.rpartition('/')[2]}", book)
        return made
    inside = [] if texts else [*tables_in(source.files, found.base), *(book for own in books.values() for book in own)]
    with tables_of(source, inside, passing) as unpacked:
        tables = [read_given(path) for path in [*given_files(texts), *unpacked.values()]]
    fixed = all(pair.part for pair in found.pairs) and found.kind != "kaggle-qata"
    return sort_into_parts(source, found.pairs, PartLists(tables), fixed=fixed)


def arrange_kaggle(source: Source, found: Found, texts: Sequence[Path], passing: Path) -> Arrangement:
    """Lay out as Kaggle ships QaTa-COV19 v2, with the tables of texts beside it."""
    made = Arrangement()
    names = {"train": "Train Set", "test": "Test Set"}
    targets = [(f"{names[_part(pair)]}/Images", f"{names[_part(pair)]}/Ground-truths") for pair in found.pairs]
    copy_folders(source, found.pairs, targets, made)
    tables = [read_given(path) for path in given_files(texts)]
    for table in tables:
        if not table.has_texts:
            raise UserError(
                f"{table.path} lists the images of a part. The data set qata makes its own validation part of whole "
                "patients; for LViT's parts prepare qata-lvit."
            )
        made.add(f"texts/{table.path.name}", content=table.path.read_bytes())
    if tables:
        made.options["texts"] = ",".join(f"texts/{table.path.name}" for table in tables)
    return made


def arrange_langguide(source: Source, found: Found, texts: Sequence[Path], passing: Path) -> Arrangement:
    """Lay out as LanGuideMedSeg, with its train.csv and test.csv."""
    made = Arrangement()
    names = {"train": "Train", "test": "Test"}
    targets = [(f"{names[_part(pair)]}/Images", f"{names[_part(pair)]}/GTs") for pair in found.pairs]
    copy_folders(source, found.pairs, targets, made)
    inside = [] if texts else tables_in(source.files, "/".join(filter(None, (found.base, "prompt"))))
    with tables_of(source, inside, passing) as unpacked:
        for path in [*given_files(texts, (".csv",)), *unpacked.values()]:
            parts = parts_told(path.name)
            if path.suffix.lower() == ".csv" and parts in ({"train"}, {"test"}):
                made.add(f"prompt/{next(iter(parts))}.csv", content=path.read_bytes())
    for part in ("train", "test"):
        if not any(placed.target == f"prompt/{part}.csv" for placed in made.placements):
            raise UserError(
                f"There is no {part}.csv of LanGuideMedSeg's prompts: name its train.csv and test.csv with --texts."
            )
    return made


def arrange_medvlsm(source: Source, found: Found, texts: Sequence[Path], passing: Path) -> Arrangement:
    """Lay out as MedVLSM, with its JSON files."""
    made = Arrangement()
    if len(found.pairs) > 1:
        raise UserError(
            f"{found.words}: there are {len(found.pairs)} folders of images, and MedVLSM's layout has one. Name its "
            "folder with --inside."
        )
    copy_folders(source, found.pairs, [("images", "masks")], made)
    own = [path for path in source.files if path.startswith("/".join(filter(None, (found.base, "anns/"))))]
    with tables_of(source, [] if texts else own, passing) as unpacked:
        for path in [*given_files(texts, (".json",)), *unpacked.values()]:
            if path.name in ("train.json", "val.json", "test.json"):
                made.add(f"anns/{path.name}", content=path.read_bytes())
    if sum(placed.target.startswith("anns/") for placed in made.placements) < 3:
        raise UserError(
            "MedVLSM's train.json, val.json and test.json tell the parts and prompts of this data set: name the folder "
            "that holds them with --texts (data/DATA SET/anns in https://github.com/naamiinepal/medvlsm)."
        )
    return made


def arrange_folder(source: Source, found: Found, texts: Sequence[Path], passing: Path) -> Arrangement:
    """Lay out as the data set folder: images and masks, with folders of parts in them where parts are told."""
    made = Arrangement()
    suffixes = [f"/{pair.part}" if pair.part else "" for pair in found.pairs]
    copy_folders(source, found.pairs, [(f"images{end}", f"masks{end}") for end in suffixes], made)
    inside = [] if texts else tables_in(source.files, found.base)
    with tables_of(source, inside, passing) as unpacked:
        tables = [*given_files(texts), *unpacked.values()]
        if len(tables) > 1:
            names = ", ".join(path.name for path in tables)
            raise UserError(f"The data set folder has one table of texts, and here are {names}: name one with --texts.")
        for table in tables:
            read_given(table)
            name = f"texts{table.suffix.lower()}"
            made.add(name, content=table.read_bytes())
            made.options["texts"] = name
    return made


def recipe_of(name: str) -> Recipe:
    """Return how a data set is made.

    Raises
    ------
    UserError
        If it is not made from a download.
    """
    if name not in RECIPES:
        raise UserError(f"{name!r} is no data set that is prepared from a download. {suggest(name, list(RECIPES))}")
    return RECIPES[name]


def check_texts(recipe: Recipe, name: str, texts: Sequence[Path]) -> None:
    """Refuse ``--texts`` where nothing takes it.

    Raises
    ------
    UserError
        If it was given.
    """
    if texts and not recipe.texts:
        raise UserError(f"The data set {name} takes no --texts: leave it out.")


def _part(pair: FolderPair) -> Part:
    if pair.part is None:
        raise UserError(f"The folder {pair.images} tells no part by its name: it should be train, val or test.")
    return pair.part


_LVIT_TEXTS = "LViT's workbooks of texts, and its lists of the parts where it has them; any of " + ", ".join(
    TABLE_SUFFIXES[:2]
)
_JSON = "MedVLSM's train.json, val.json and test.json, or the folder anns that holds them"

RECIPES: dict[str, Recipe] = {
    "lvit": Recipe(("lvit", "kaggle-qata", "folders"), arrange_lvit, "as large as the data", _LVIT_TEXTS),
    "qata-lvit": Recipe(
        ("lvit", "kaggle-qata"), arrange_lvit, "9,258 images of 224 x 224 and their masks, below 1 GB unpacked",
        "LViT's Train_text_for_Covid19.xlsx, Test_text_for_Covid19.xlsx, Train_ID.xlsx and Val_ID.xlsx",
    ),
    "mosmed": Recipe(
        ("lvit", "folders"), arrange_lvit, "2,729 slices of 512 x 512 and their masks, below 1.5 GB unpacked",
        "LViT's Train_text_MosMedData+.xlsx, Val_text_MosMedData+.xlsx and Test_text_MosMedData+.xlsx",
    ),
    "monuseg": Recipe(("lvit",), arrange_lvit, "44 images of 1000 x 1000 and their masks, below 0.2 GB", _LVIT_TEXTS),
    "qata": Recipe(
        ("kaggle-qata",), arrange_kaggle, "9,258 images of 224 x 224 and their masks, below 1 GB unpacked",
        "LViT's Train_text_for_Covid19.xlsx and Test_text_for_Covid19.xlsx; without them there are no texts",
    ),
    "langguide": Recipe(
        ("langguide", "kaggle-qata"), arrange_langguide,
        "9,258 images of 224 x 224 and their masks, below 1 GB unpacked",
        "LanGuideMedSeg's train.csv and test.csv, where they are not in the download",
    ),
    "medvlsm": Recipe(("medvlsm", "folders"), arrange_medvlsm, "as large as the data", _JSON),
    "kvasir-seg": Recipe(("medvlsm", "folders"), arrange_medvlsm, "1,000 images and their masks, 46 MB packed", _JSON),
    "cvc-clinicdb": Recipe(
        ("medvlsm", "folders"), arrange_medvlsm, "612 images of 384 x 288 and their masks, below 0.3 GB in one format",
        _JSON,
    ),
    "folder": Recipe(
        ("folders", "medvlsm", "langguide"), arrange_folder, "as large as the data",
        "one table with the columns Image and Description",
    ),
}  # fmt: skip
"""Sizes: two 8-bit files a case at most (four bytes a pixel in colour); Kvasir-SEG's is stated on its page."""
