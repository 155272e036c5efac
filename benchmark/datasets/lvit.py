"""The data sets in LViT's layout: any folder (``lvit``), and three of them by their names."""

from __future__ import annotations

from pathlib import Path

from ...corruptions.context import ImageContext
from .base import DatasetSettings, existing_root, register_dataset
from .case_files import CaseFiles, Listing
from .dataset_notes import DatasetNotes
from .file_dataset import ContextOf, FileDataset
from .lvit_layout import read_lvit
from .lvit_names import LUNG_WINDOW_HU, context_of, is_monuseg, is_mosmed, is_qata
from .published_sets import PublishedSet, compare

_LOADER_VERSION = "lvit 1"
"""Raised whenever the same files would give other cases than before."""

_LAYOUT = """\
DATA_ROOT/
  Train_Folder/
    img/             images
    labelcol/        masks: the image's name, or mask_ and the image's name
    Train_text.xlsx  columns Image (the mask's name) and Description
  Val_Folder/        likewise, Val_text.xlsx
  Test_Folder/       likewise, Test_text.xlsx"""
_LVIT = "Li et al., LViT: Language meets Vision Transformer in Medical Image Segmentation, IEEE TMI 43(1), 2024"

QATA = PublishedSet(
    "qata-lvit", "QaTa-COV19 v2 in LViT's split", (5716, 1429, 2113), is_qata, "sub-S10644_ses-E19682_run-1_..."
)
MOSMED = PublishedSet("mosmed", "MosMedData+", (2183, 273, 273), is_mosmed, "Morozov_study_0255_15")
MONUSEG = PublishedSet("monuseg", "MoNuSeg in LViT's repository", (24, 6, 14), is_monuseg, "TCGA-21-5784-01Z-00-DX1")


def names_context(files: list[CaseFiles], grey: bool) -> ImageContext:
    """Decide what the pixels mean from the files' names."""
    return context_of([case.name for case in files], grey=grey)


@register_dataset(
    "lvit",
    notes=DatasetNotes(
        images="any; meaning told by known names",
        cases="as in the folders",
        texts="a workbook a part",
        layout=_LAYOUT,
        source="https://github.com/HUANGLIZI/LViT describes the layout; mosmed, qata-lvit and monuseg are in it.",
        licence="That of the data you bring.",
        cite=(_LVIT,),
    ),
)
def open_lvit(settings: DatasetSettings) -> FileDataset:
    """A folder in LViT's layout, named by --data-root: QaTa-COV19, MosMedData+, MoNuSeg and others."""
    return _open("lvit", settings, read_lvit(_root("lvit", settings)))


@register_dataset(
    "qata-lvit",
    notes=DatasetNotes(
        images="chest radiographs, 224 x 224",
        cases="5,716 / 1,429 / 2,113",
        texts="report sentences",
        layout=_LAYOUT,
        source="Images and masks: https://www.kaggle.com/datasets/aysendegerli/qatacov19-dataset (QaTa-COV19-v2). "
        "Texts and the lists of the parts: https://github.com/HUANGLIZI/LViT.",
        licence="Stated on the Kaggle page; the texts come with LViT's repository (MIT).",
        cite=("Degerli et al., OSegNet: Operational Segmentation Network for COVID-19 Detection, ICIP 2022", _LVIT),
    ),
)
def open_qata_lvit(settings: DatasetSettings) -> FileDataset:
    """QaTa-COV19 v2 in LViT's layout and split: chest radiographs with COVID-19 lesions and report texts.

    The published validation part shares patients with training; --split patient deals whole ones.
    """
    return _open_published(QATA, settings, ImageContext("radiograph", None, None))


@register_dataset(
    "mosmed",
    notes=DatasetNotes(
        images="chest CT slices, 512 x 512, 8 bits through a lung window",
        cases="2,183 / 273 / 273",
        texts="report sentences",
        layout=_LAYOUT,
        source="Images and masks: "
        "https://www.kaggle.com/datasets/maedemaftouni/covid19-ct-scan-lesion-segmentation-dataset. Texts and the "
        "lists of the parts: https://github.com/HUANGLIZI/LViT.",
        licence="Stated on the Kaggle page, which merges several sets; the texts come with LViT's repository (MIT).",
        cite=(
            "Morozov et al., MosMedData: Chest CT Scans with COVID-19 Related Findings, arXiv 2005.06465, 2020",
            "Maftouni et al., A Robust Ensemble-Deep Learning Model for COVID-19 Diagnosis, IISE Conference 2021",
            _LVIT,
        ),
    ),
)
def open_mosmed(settings: DatasetSettings) -> FileDataset:
    """MosMedData+ in LViT's layout and split: chest CT slices with COVID-19 lesions and report texts.

    Pixels are taken as saved through the usual lung window, -1350 to 150 HU. The published parts are split by slice:
    --split patient deals whole studies.
    """
    return _open_published(MOSMED, settings, ImageContext("ct", LUNG_WINDOW_HU, None))


@register_dataset(
    "monuseg",
    notes=DatasetNotes(
        images="histology, 1000 x 1000, haematoxylin and eosin",
        cases="24 / 6 / 14",
        texts="sentences on density",
        layout=_LAYOUT,
        source="https://github.com/HUANGLIZI/LViT (its demo set); originally https://monuseg.grand-challenge.org.",
        licence="CC BY-NC-SA 4.0.",
        cite=("Kumar et al., A Multi-Organ Nucleus Segmentation Challenge, IEEE TMI 39(5), 2020", _LVIT),
    ),
)
def open_monuseg(settings: DatasetSettings) -> FileDataset:
    """MoNuSeg in LViT's layout and split: nuclei in histology, with texts on their density."""
    return _open_published(MONUSEG, settings, ImageContext("other", None, None))


def _root(name: str, settings: DatasetSettings) -> Path:
    return existing_root(name, settings, "Train_Folder, Val_Folder and Test_Folder")


def _open_published(published: PublishedSet, settings: DatasetSettings, context: ImageContext) -> FileDataset:
    listing = compare(read_lvit(_root(published.name, settings)), published, "lvit")
    # Colour is no CT slice and no radiograph, whatever the set's name says.
    return _open(published.name, settings, listing, lambda files, grey: context if grey else ImageContext("other"))


def _open(name: str, settings: DatasetSettings, listing: Listing, context: ContextOf = names_context) -> FileDataset:
    return FileDataset(
        name,
        _LOADER_VERSION,
        listing,
        root=_root(name, settings),
        cache=settings.cache,
        context=context,
        allow_issues=settings.allow_issues,
    )
