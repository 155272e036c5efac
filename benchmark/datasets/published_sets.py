"""The data sets known by name in LViT's and MedVLSM's layouts, as far as they can be told from a folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from biclip_bench.errors import UserError

from .base import PARTS
from .case_files import Defect, Listing


@dataclass(frozen=True)
class PublishedSet:
    """A data set as it was published.

    Parameters
    ----------
    name
        As on the command line.
    title
        As papers write it.
    counts
        Cases for training, validation and test.
    named
        Whether a case's name is one of this set's.
    example
        Such a name, for messages.
    """

    name: str
    title: str
    counts: tuple[int, int, int]
    named: Callable[[str], bool]
    example: str


def compare(listing: Listing, published: PublishedSet, general: str) -> Listing:
    """Add what differs from the published set, as warnings: foreign names, and other numbers of cases.

    Parameters
    ----------
    listing
        What the folder holds.
    published
        What it should be.
    general
        The data set to open it as otherwise.

    Raises
    ------
    UserError
        If no more than half of the names are the set's: what the pixels mean would be a guess.
    """
    foreign = [case for case in listing.files if not published.named(case.name)]
    if listing.files and len(foreign) * 2 >= len(listing.files):
        raise UserError(
            f"This is not {published.title}: {len(foreign)} of {len(listing.files)} images, such as "
            f"{foreign[0].image}, are not named like its images ({published.example}). Open the folder with --dataset "
            f"{general}."
        )
    found = []
    if foreign:
        message = (
            f"{len(foreign)} of {len(listing.files)} images, such as {foreign[0].image}, are not named like those of "
            f"{published.title} ({published.example}); their pixels are taken to mean the same."
        )
        found.append(Defect("foreign-name", message, "warning"))
    counts = tuple(sum(case.part == part for case in listing.files) for part in PARTS)
    if counts != published.counts:
        message = (
            f"{published.title} was published with {_words(published.counts)} cases for training, validation and test; "
            f"here {_words(counts)} are whole. Scores may not compare with published ones."
        )
        found.append(Defect("other-counts", message, "warning"))
    return replace(listing, defects=listing.defects + tuple(found))


def _words(counts: tuple[int, ...]) -> str:
    return ", ".join(f"{count:,}" for count in counts[:-1]) + f" and {counts[-1]:,}"
