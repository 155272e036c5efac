"""What a report says besides the numbers: the setting, the models and the corruptions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ModelNote:
    """A model as the report describes it.

    Parameters
    ----------
    name
        As in the frame's ``model`` column.
    uses_text
        Whether the text changes its prediction; None where nobody has said.
    augmented_with
        Corruption families that its training saw; None where nobody has said, and then the report says so beside every
        score. Where one is the family of a tested corruption, the report marks the model with a dagger: that
        robustness was trained for.
    paper
        The publication it comes from.
    parameters
        Number of its trained parameters; None where it is not known.
    frozen_parameters
        Number of those that training left alone, such as a frozen text encoder's.
    uses_image
        Whether the image changes its prediction.
    pretrained
        Which weights, trained on other data, it began with; empty if none.
    uses_unlabelled
        Whether it also learned from the images and texts of the training cases that were not labelled.
    """

    name: str
    uses_text: bool | None
    augmented_with: tuple[str, ...] | None
    paper: str
    parameters: int | None
    frozen_parameters: int = 0
    uses_image: bool = True
    pretrained: str = ""
    uses_unlabelled: bool = False


@dataclass(frozen=True)
class CorruptionNote:
    """A corruption as the report describes it.

    Parameters
    ----------
    name
        As in the frame's ``corruption`` column.
    families
        Kinds of degradation, compared with ``ModelNote.augmented_with``.
    summary
        One sentence that says what it models.
    units
        Unit of every parameter of ``levels``.
    levels
        The severity table: the parameters of severity 1, 2, ...
    remarks
        What a reader must know about it on these images, a paragraph each.
    severities
        The severity of each row of ``levels`` where these are not 1, 2, ...
    """

    name: str
    families: tuple[str, ...]
    summary: str
    units: Mapping[str, str]
    levels: Sequence[Mapping[str, float | str]]
    remarks: tuple[str, ...] = ()
    severities: tuple[int, ...] = ()


@dataclass(frozen=True)
class ScoringNote:
    """What the scores' numbers mean where the frame cannot say it.

    Parameters
    ----------
    distance_unit
        Unit of ``hd95`` and of ``tolerance``: ``"mm"`` where the files state the size of a pixel, else ``"px"`` of the
        native mask grid.
    tolerance
        How far outlines may lie apart and count as agreeing in ``nsd``.
    threshold
        How a probability becomes a mask, in words.
    """

    distance_unit: str = "px"
    tolerance: float = 2.0
    threshold: str = "probability above 0.5"


@dataclass(frozen=True)
class ReportDetails:
    """Everything that a report prints and cannot compute from the scores.

    Parameters
    ----------
    title
        Heading of the page.
    profile
        One line that names the setting, such as ``"quick profile (96 px, width 12, 20 epochs)"``; under every
        figure and table.
    is_paper_setting
        False puts a warning on top of the page: the numbers are not comparable with published ones.
    dataset
        The data set as a reader would name it.
    split
        How training and test cases were separated.
    settings
        Every setting of the run, by name; listed in the page's method section.
    models
        One note a model; their order is the order in figures and tables. Models of the frame without a note follow
        in alphabetical order.
    corruptions
        One note a corruption, likewise.
    versions
        Versions of the software, by name.
    scoring
        What the scores' numbers mean.
    provenance
        What must agree between reports whose scores are merged, by name: data set fingerprint, suite version of the
        corruptions, digest of every condition and of every model's settings. Printed in full in the page's method
        section.
    methods
        Paragraphs on data, training and corruption for the methods section of a paper.
    citations
        Short references of the data, such as ``"Morozov et al., MosMedData, arXiv 2005.06465, 2020"``.
    """

    title: str
    profile: str
    is_paper_setting: bool
    dataset: str
    split: str
    settings: Mapping[str, str] = field(default_factory=dict)
    models: tuple[ModelNote, ...] = ()
    corruptions: tuple[CorruptionNote, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    scoring: ScoringNote = ScoringNote()
    provenance: Mapping[str, str] = field(default_factory=dict)
    methods: tuple[str, ...] = ()
    citations: tuple[str, ...] = ()

    def order_models(self, names: Sequence[str]) -> list[str]:
        """Order model names as the notes are ordered, those without a note last."""
        return _ordered(names, [note.name for note in self.models])

    def order_corruptions(self, names: Sequence[str]) -> list[str]:
        """Order corruption names as the notes are ordered, those without a note last."""
        return _ordered(names, [note.name for note in self.corruptions])

    def trained_for(self, model: str, corruption: str) -> bool:
        """Say whether the model's training saw the family of the corruption."""
        families = {family for note in self.corruptions if note.name == corruption for family in note.families}
        return any(families & set(note.augmented_with or ()) for note in self.models if note.name == model)

    def untold_training(self, models: Sequence[str]) -> list[str]:
        """Those of the models of which nobody has said what corruptions their training saw."""
        return [note.name for note in self.models if note.name in models and note.augmented_with is None]


def _ordered(names: Sequence[str], noted: Sequence[str]) -> list[str]:
    unique = sorted(set(names))
    return [name for name in noted if name in unique] + [name for name in unique if name not in noted]
