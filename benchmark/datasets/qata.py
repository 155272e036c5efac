"""The data set ``qata``: QaTa-COV19 v2 as Kaggle ships it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from biclip_bench.errors import UserError

from ...corruptions.context import ImageContext
from .base import DatasetSettings, Part, existing_root, options_of, register_dataset
from .case_files import CaseFiles, Defect, Listing
from .dataset_notes import DatasetNotes
from .dealing import deal_groups
from .file_dataset import FileDataset
from .image_files import bare_name
from .lvit_names import group_of
from .pairing import LVIT_NAMING, Place, cases_of_part, images_by_name, list_images, pair_masks, two_texts
from .text_tables import TextRow, read_text_table

_LOADER_VERSION = "qata 1"
"""Raised whenever the same files would give other cases than before."""

_TRAIN, _TEST = "Train Set", "Test Set"
_INSIDE = (Path(), Path("QaTa-COV19-v2"), Path("QaTa-COV19/QaTa-COV19-v2"))


@dataclass(frozen=True)
class QataOptions:
    """Options of ``qata``.

    Parameters
    ----------
    texts
        Workbook or CSV with the columns Image (the mask's name) and Description, such as LViT's; several separated by
        commas; a path in DATA_ROOT or from where you are. Without one every text is empty.
    validation_share
        Percent of the training images that become the validation part. Whole patients are taken, by a fixed rule that
        depends on their names alone.
    """

    texts: str = field(default="none", metadata={"allowed": "FILE or FILE,FILE"})
    validation_share: float = field(default=20.0, metadata={"allowed": "above 0 and below 100"})


@register_dataset(
    "qata",
    options=QataOptions,
    notes=DatasetNotes(
        images="chest radiographs, 224 x 224",
        cases="7,145 for training and validation, 2,113 for test",
        texts="none in Kaggle's set; LViT's workbooks by the option texts",
        layout="""\
DATA_ROOT/                 QaTa-COV19-v2, or a folder that holds it or QaTa-COV19/QaTa-COV19-v2
  Train Set/
    Images/                sub-S10644_ses-E19682_run-1_bp-chest_vp-ap_cr.png, covid_1.png, ...
    Ground-truths/         masks: mask_ and the image's name, or the image's name
  Test Set/                likewise""",
        source="https://www.kaggle.com/datasets/aysendegerli/qatacov19-dataset; texts from "
        "https://github.com/HUANGLIZI/LViT.",
        licence="Stated on the Kaggle page.",
        cite=("Degerli et al., OSegNet: Operational Segmentation Network for COVID-19 Detection, ICIP 2022",),
    ),
)
def open_qata(settings: DatasetSettings) -> FileDataset:
    """QaTa-COV19 v2 as Kaggle ships it: chest radiographs with COVID-19 lesions.

    Kaggle's set has a training and a test part. The validation part is made of whole patients of the training part
    (the subject in the file's name; an image without one stands for itself), in an order given by a hash of their
    names, until it holds 20% of the images.
    """
    options = options_of("qata", settings)
    return FileDataset(
        "qata",
        _LOADER_VERSION,
        read_qata(existing_root("qata", settings, f"'{_TRAIN}' and '{_TEST}'"), options),
        root=_set_folder(existing_root("qata", settings, "QaTa-COV19-v2")),
        cache=settings.cache,
        context=lambda files, grey: ImageContext("radiograph" if grey else "other"),
        allow_issues=settings.allow_issues,
    )


def read_qata(root: Path, options: QataOptions) -> Listing:
    """Match all files and texts, and take the validation part from training.

    Raises
    ------
    UserError
        If a folder or table is missing, or an option's value is not allowed.
    """
    if not 0 < options.validation_share < 100:
        raise UserError(
            f"Option 'validation_share' of data set 'qata' is {options.validation_share:g}: give the percentage of the "
            "training images, above 0 and below 100."
        )
    defects: list[Defect] = []
    folder = _set_folder(root)
    parts: tuple[tuple[Part, str], ...] = (("train", _TRAIN), ("test", _TEST))
    places = [Place(part, folder / name / "Images", folder / name / "Ground-truths") for part, name in parts]
    images, masks = {}, {}
    for place in places:
        for needed in (place.images, place.masks):
            if not needed.is_dir():
                raise UserError(f"There is no folder {needed}: '{_TRAIN}' and '{_TEST}' hold Images and Ground-truths.")
        images[place] = images_by_name(list_images(place.images, defects), place, defects)
        found = [(bare_name(mask.name), mask) for mask in list_images(place.masks, defects)]
        masks[place] = pair_masks(found, images[place], LVIT_NAMING, place, defects)
    rows: dict[Place, dict[str, TextRow]] | None = None
    if options.texts != "none":
        books = [_book(name.strip(), root) for name in options.texts.split(",")]
        rows = _texts_of([row for book in books for row in read_text_table(book, defects)], images, defects)
    files = [
        case
        for place in places
        for case in cases_of_part(
            images[place], masks[place], None if rows is None else rows[place], options.texts, place, defects
        )
    ]
    return _with_validation(files, defects, options.validation_share)


def _set_folder(root: Path) -> Path:
    for inside in _INSIDE:
        if (root / inside / _TRAIN).is_dir():
            return root / inside
    raise UserError(
        f"There is no folder '{_TRAIN}' in {root}, nor in QaTa-COV19-v2 below it: give the folder of Kaggle's "
        "QaTa-COV19-v2."
    )


def _book(name: str, root: Path) -> Path:
    return root / name if (root / name).is_file() else Path(name)


def _texts_of(
    rows: list[TextRow], images: dict[Place, dict[str, Path]], defects: list[Defect]
) -> dict[Place, dict[str, TextRow]]:
    """Find the part and image of each row: a table may hold rows of both parts."""
    matched: dict[Place, dict[str, TextRow]] = {place: {} for place in images}
    for row in rows:
        name = bare_name(Path(row.name).name)
        meant = [(place, stem) for place, named in images.items() for stem in LVIT_NAMING.meant(name, named)]
        if not meant:
            message = f"{row.where} names {row.name!r}, and there is no such image: delete the row or add the image."
            defects.append(Defect("text-without-image", message))
        elif len(meant) > 1:
            cases = tuple(place.case(stem) for place, stem in meant)
            message = f"{row.where} names {row.name!r}, which fits several images ({', '.join(cases)}): rename them."
            defects.append(Defect("ambiguous-text", message, cases=cases))
        else:
            place, stem = meant[0]
            if stem in matched[place]:
                earlier = matched[place][stem]
                defects.append(two_texts(row, earlier, images[place][stem], place.case(stem)))
            else:
                matched[place][stem] = row
    return matched


def _with_validation(files: list[CaseFiles], defects: list[Defect], share: float) -> Listing:
    def group(case: CaseFiles) -> str:
        return case.group or case.name

    sizes = Counter(group(case) for case in files if case.part == "train")
    part_of = deal_groups(sizes, {"train": 100 - share, "val": share})

    def moved(case: CaseFiles) -> CaseFiles:
        return replace(case, part=part_of[group(case)]) if case.part == "train" else case

    # An image that is blamed for something goes with its patient too.
    def moved_id(case: str) -> str:
        part, _, name = case.partition("/")
        own: Part = part_of.get(group_of(name) or name, "train")
        return f"{own}/{name}" if part == "train" else case

    order: dict[str, int] = {"train": 0, "val": 1, "test": 2}
    return Listing(
        tuple(sorted(map(moved, files), key=lambda case: (order[case.part], case.name))),
        tuple(replace(defect, cases=tuple(map(moved_id, defect.cases))) for defect in defects),
        f"the published test part; {share:g}% of the training part, whole patients by a fixed rule of biclip-bench, "
        "for validation",
    )
