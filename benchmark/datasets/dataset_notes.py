"""What a user should know of a data set before getting it: layout, source, licence, and whom to cite."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DatasetNotes:
    """Notes on a data set, for ``datasets list`` and ``datasets show``.

    Parameters
    ----------
    images
        What they are, in a few words.
    cases
        Published numbers of cases for training, validation and test; or how the parts come about.
    texts
        What the texts are, in a few words.
    layout
        The folder as a tree.
    source
        Where the files come from.
    licence
        On what terms they may be used; licences of data are their owners' to state and may change.
    cite
        The papers to cite.
    """

    images: str
    cases: str
    texts: str
    layout: str
    source: str
    licence: str
    cite: tuple[str, ...] = ()
