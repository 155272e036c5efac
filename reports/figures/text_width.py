"""Text that fits a width: measured with the font itself, not by its number of characters."""

from __future__ import annotations

import re

ELLIPSIS = " …"
NO_BREAK = "\u00a0"

HINTED = 1.04
"""Letters made of pixels are up to this much wider than in print: text that is to fit leaves room for it."""


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Measure a line of text.

    Parameters
    ----------
    text
        One line.
    size
        Font size in points.
    bold
        Whether it is bold.

    Returns
    -------
    float
        Its width in inches in the font of the style sheet; to be called inside ``paper_style()``.
    """
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=size, weight="bold" if bold else "normal")
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return float(width) / 72


def fit_text(text: str, width: float, size: float, *, most_lines: int = 1) -> str:
    """Break text between words into lines of a width in inches; what does not fit is replaced by an ellipsis.

    A number stays on the line of its unit.
    """
    text = re.sub(r"(?<=\d) (?=[^\W\d])", NO_BREAK, " ".join(text.split()))
    width /= HINTED
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if not lines[-1] or text_width(longer, size) <= width:
            lines[-1] = longer
        elif len(lines) < most_lines:
            lines.append(word)
        else:
            words = lines[-1].split(" ")
            while len(words) > 1 and text_width(" ".join(words) + ELLIPSIS, size) > width:
                words.pop()
            lines[-1] = " ".join(words) + ELLIPSIS
            break
    return "\n".join(lines).replace(NO_BREAK, " ")


def wrap_text(text: str, width: float, size: float) -> str:
    """Break text into lines of a width in inches, between words or, where a word is wider, inside it."""
    width /= HINTED
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if text_width(longer, size) <= width:
            lines[-1] = longer
            continue
        if lines[-1]:
            lines.append("")
        while text_width(word, size) > width:
            fits = _most_characters(word, width, size)
            lines[-1:] = [word[:fits], ""]
            word = word[fits:]
        lines[-1] = word
    return "\n".join(line for line in lines if line)


def shorten_text(text: str, width: float, size: float, *, bold: bool = False) -> str:
    """Bring text into one line of a width in inches: what does not fit is cut from its middle.

    Names that begin alike often differ at their ends, so both ends stay.
    """
    width /= HINTED
    text = " ".join(text.split())
    if text_width(text, size, bold=bold) <= width:
        return text
    low, high = 1, len(text) - 1
    while low < high:
        kept = (low + high + 1) // 2
        low, high = (kept, high) if text_width(_ends(text, kept), size, bold=bold) <= width else (low, kept - 1)
    return _ends(text, low)


def one_line(text: str, width: float, size: float) -> str:
    """Bring text into one line: broken after a word if that is possible, else cut from its middle."""
    fitted = fit_text(text, width, size)
    return fitted if text_width(fitted, size) <= width else shorten_text(text, width, size)


def _ends(text: str, kept: int) -> str:
    head = (kept + 1) // 2
    return f"{text[:head].rstrip()}…{text[len(text) - (kept - head) :].lstrip()}"


def _most_characters(word: str, width: float, size: float) -> int:
    low, high = 1, len(word)
    while low < high:
        kept = (low + high + 1) // 2
        low, high = (kept, high) if text_width(word[:kept], size) <= width else (low, kept - 1)
    return low
