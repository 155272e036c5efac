"""What to tell a user whose images are not of the kind that a corruption's physics is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .context import Modality
from .registry import Corruption, corruption_registry
from .spec import CorruptionSpec

_IMAGES: Mapping[Modality, str] = {
    "ct": "CT slices",
    "mr": "magnetic resonance images",
    "radiograph": "radiographs",
    "other": "images of no known kind",
}


def advice(spec: CorruptionSpec, modality: Modality) -> list[str]:
    """Say for each part made for another kind of image what it is made for, and what there is instead.

    Such a part is applied all the same: the BiCLIP paper puts low-dose CT noise on radiographs.

    Parameters
    ----------
    spec
        What was asked for.
    modality
        The kind of images of the data set.

    Returns
    -------
    list of str
        A paragraph a part; empty where every part fits.
    """
    return [_paragraph(part.corruption, modality) for part in spec.parts if not _fits(part.corruption, modality)]


def _fits(corruption: Corruption, modality: Modality) -> bool:
    return not corruption.modalities or modality in corruption.modalities


def _paragraph(corruption: Corruption, modality: Modality) -> str:
    made_for = _listed([_IMAGES[kind] for kind in corruption.modalities])
    text = (
        f"{corruption.name} models the physics of {made_for}, and this data set holds {_IMAGES[modality]}: it is "
        f"applied as if they were {made_for}."
    )
    others = [corruption_registry.get(name) for name in corruption_registry]
    instead = [other.name for other in others if other.family == corruption.family and modality in other.modalities]
    return f"{text} Made for {_IMAGES[modality]}: {_listed(instead)}." if instead else text


def _listed(items: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(items[:-1]), items[-1])))
