"""How lists are written on the command line and in a configuration: ``1-5``, ``1,3,5``, repeated or ``all``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from biclip_bench.errors import UserError


def split_names(values: Iterable[str], known: Sequence[str] = ()) -> list[str]:
    """Take names that are repeated or separated by commas; ``all`` stands for every known name.

    Parameters
    ----------
    values
        What was typed, each possibly with several names.
    known
        What ``all`` stands for; without it ``all`` is kept as it is.

    Returns
    -------
    list of str
        Each name once, in the order typed.
    """
    names = [name.strip() for value in values for name in value.split(",") if name.strip()]
    if "all" in names and known:
        names = [*known]
    return list(dict.fromkeys(names))


def split_specs(values: Iterable[str]) -> list[str]:
    """Take corruptions that are repeated or separated by commas; a comma before ``parameter=`` separates none.

    Examples
    --------
    >>> split_specs(["motion,low-dose-ct:dose=0.1,mode=reconstruct"])
    ['motion', 'low-dose-ct:dose=0.1,mode=reconstruct']
    """
    specs: list[str] = []
    for value in values:
        started = False
        for piece in filter(None, (piece.strip() for piece in value.split(","))):
            if started and re.match(r"[^:+]*=", piece) and ":" in specs[-1]:
                specs[-1] += f",{piece}"
            else:
                specs.append(piece)
            started = True
    return list(dict.fromkeys(specs))


def parse_settings(values: Iterable[str], option: str) -> dict[str, str]:
    """Read ``KEY=VALUE``, repeated.

    Raises
    ------
    ValueError
        If one has no key or no value, or a key is given twice.
    """
    settings: dict[str, str] = {}
    for text in values:
        key, equals, value = (piece.strip() for piece in text.partition("="))
        if not (key and equals and value):
            raise ValueError(f"{option} {text!r} should be KEY=VALUE")
        if key in settings:
            raise ValueError(f"{option} gives {key!r} twice: give it once")
        settings[key] = value
    return settings


def parse_whole_numbers(text: str, option: str, *, lowest: int, highest: int | None = None) -> list[int]:
    """Read ``3``, ``1,3,5``, ``1-5`` or a mixture as sorted whole numbers.

    Raises
    ------
    UserError
        If a piece is no number or range, runs backwards, or leaves the allowed interval.
    """
    allowed = f"from {lowest} to {highest}" if highest is not None else f"from {lowest}"
    example = f"Write numbers {allowed}, such as {option} 3, {option} 1,3 or {option} 1-{highest or 4}."
    numbers: set[int] = set()
    for piece in filter(None, (piece.strip() for piece in text.split(","))):
        match = re.fullmatch(r"(\d+)(?:\s*-\s*(\d+))?", piece)
        if match is None:
            raise UserError(f"{option} {text!r}: {piece!r} is neither a number nor a range. {example}")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise UserError(f"{option} {text!r}: the range {piece!r} runs backwards. {example}")
        if first < lowest or (highest is not None and last > highest):
            raise UserError(f"{option} {text!r}: {piece!r} is out of range. {example}")
        if last - first > 10_000:
            raise UserError(f"{option} {text!r}: the range {piece!r} has more than 10,000 numbers. {example}")
        numbers.update(range(first, last + 1))
    if not numbers:
        raise UserError(f"{option} is empty. {example}")
    return sorted(numbers)


def parse_percentages(text: str, option: str) -> list[float]:
    """Read ``1,5,100`` as sorted percentages above 0 and at most 100.

    Raises
    ------
    UserError
        If a piece is no number or is out of range.
    """
    percentages: set[float] = set()
    for piece in filter(None, (piece.strip().removesuffix("%") for piece in text.split(","))):
        try:
            value = float(piece)
        except ValueError:
            value = float("nan")
        if not 0 < value <= 100:
            raise UserError(
                f"{option} {text!r}: {piece!r} is no percentage. Write the share of training labels in percent, "
                f"above 0 and at most 100, such as {option} 1,5,100."
            )
        percentages.add(value)
    if not percentages:
        raise UserError(f"{option} is empty. Write percentages such as {option} 1,5,100.")
    return sorted(percentages)
