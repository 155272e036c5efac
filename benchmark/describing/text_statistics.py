"""Counting texts and their words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from biclip_bench.errors import UserError

from ..datasets.report_grammar import Findings, parse

_WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")
"""Letters and digits, also joined by an apostrophe or a hyphen."""


@dataclass(frozen=True)
class TextStatistics:
    """What texts are made of.

    Parameters
    ----------
    cases, with_text
        Number of cases, and of those whose text is not empty.
    distinct
        Number of different texts among those.
    vocabulary
        Number of different words, upper and lower case being the same.
    shortest, median, longest
        Words of a text.
    frequent
        The most frequent texts with their numbers of cases.
    """

    cases: int
    with_text: int
    distinct: int
    vocabulary: int
    shortest: int
    median: float
    longest: int
    frequent: tuple[tuple[str, int], ...]


def words_of(text: str) -> list[str]:
    """Split a text into words in lower case, without punctuation.

    Examples
    --------
    >>> words_of("Bilateral infection, two ground-glass areas.")
    ['bilateral', 'infection', 'two', 'ground-glass', 'areas']
    """
    return _WORD.findall(text.lower())


def text_statistics(texts: Sequence[str], most: int = 8) -> TextStatistics:
    """Count texts and words; ``most`` of the frequent ones are kept, ties in the order of the alphabet."""
    told = [text for text in texts if text.strip()]
    counts = Counter(told)
    lengths = np.array([len(words_of(text)) for text in told]) if told else np.zeros(1)
    vocabulary = {word for text in counts for word in words_of(text)}
    frequent = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]
    return TextStatistics(
        cases=len(texts),
        with_text=len(told),
        distinct=len(counts),
        vocabulary=len(vocabulary),
        shortest=int(lengths.min()),
        median=float(np.median(lengths)),
        longest=int(lengths.max()),
        frequent=tuple(frequent),
    )


def known_share(texts: Sequence[str], known: Sequence[str]) -> float:
    """Share of the texts that occur word for word among others; empty ones do not count, NaN where all are empty."""
    told = [text for text in texts if text.strip()]
    others = set(known)
    return sum(text in others for text in told) / len(told) if told else float("nan")


def stated(texts: Sequence[str]) -> list[Findings | None]:
    """Read what each text states in the grammar of the lung reports; None where it does not follow it."""
    read: dict[str, Findings | None] = {}
    for text in dict.fromkeys(texts):
        try:
            read[text] = parse(text)
        except UserError:
            read[text] = None
    return [read[text] for text in texts]
