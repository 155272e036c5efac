"""Text that fits a width: measured with the font itself, not by its number of characters."""

from __future__ import annotations

import re

ELLIPSIS = " …"
NO_BREAK = "\u00a0"


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
