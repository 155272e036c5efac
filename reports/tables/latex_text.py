"""Any text as LaTeX that prints it, in ASCII, with the kernel's own commands."""

from __future__ import annotations

import unicodedata

ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"{\ttfamily\char34}",
    "`": r"\textasciigrave{}",
    "\u2020": r"\textsuperscript{\textdagger}",
    "\u2021": r"\textsuperscript{\textdaggerdbl}",
    "\u2013": "--",
    "\u2014": "---",
    "\u2018": "`",
    "\u2019": "'",
    "\u201c": "``",
    "\u201d": "''",
    "\u2026": r"\dots{}",
    "\u2212": "$-$",
    "\u00b1": r"$\pm$",
    "\u00d7": r"$\times$",
    "\u00b7": r"$\cdot$",
    "\u00b0": r"$^\circ$",
    "\u2264": r"$\leq$",
    "\u2265": r"$\geq$",
    "\u2248": r"$\approx$",
    "\u2260": r"$\neq$",
    "\u2192": r"$\rightarrow$",
    "\u2190": r"$\leftarrow$",
    "\u221e": r"$\infty$",
    "\u00a7": r"\S{}",
    "\u00a9": r"\copyright{}",
    "\u00df": r"\ss{}",
    "\u00e6": r"\ae{}",
    "\u00c6": r"\AE{}",
    "\u0153": r"\oe{}",
    "\u0152": r"\OE{}",
    "\u00f8": r"\o{}",
    "\u00d8": r"\O{}",
    "\u0142": r"\l{}",
    "\u0141": r"\L{}",
    "\u0131": r"\i{}",
    "\u00b5": r"$\mu$",
}

ACCENTS = {
    "\u0300": "`",
    "\u0301": "'",
    "\u0302": "^",
    "\u0303": "~",
    "\u0304": "=",
    "\u0306": "u",
    "\u0307": ".",
    "\u0308": '"',
    "\u030a": "r",
    "\u030b": "H",
    "\u030c": "v",
    "\u0327": "c",
}
"""Combining marks and the commands of the default font encoding that set them."""

_GREEK_LETTERS = (
    "\u03b1\u03b2\u03b3\u03b4\u03b5\u03b6\u03b7\u03b8\u03b9\u03ba\u03bb\u03bc\u03bd\u03be\u03c0\u03c1\u03c3\u03c4\u03c5\u03c6"
    "\u03c7\u03c8\u03c9\u0393\u0394\u0398\u039b\u039e\u03a0\u03a3\u03a6\u03a8\u03a9"
)
_GREEK_NAMES = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi "
    "omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega"
)
GREEK = dict(zip(_GREEK_LETTERS, _GREEK_NAMES.split(), strict=True))

LONGEST_WORD = 16
"""A longer word without a space may break after any of its characters, in a column that breaks lines."""


def escape_latex(text: str, *, breakable: bool = False) -> str:
    r"""Escape what LaTeX would act on, and put the text on one line.

    The result is ASCII and compiles with every engine. A character for which the default fonts have no sign is
    printed by its number (``U+4E2D``).

    Parameters
    ----------
    text
        Any text.
    breakable
        Whether long words may break anywhere, with ``\allowbreak``.
    """
    return " ".join(_word(word, breakable) for word in unicodedata.normalize("NFC", text).split())


def _word(word: str, breakable: bool) -> str:
    # Two hyphens would become a dash, two quotes or commas one sign.
    pieces = [
        f"{{}}{_escape(character)}" if character in "-'," and before == character else _escape(character)
        for before, character in zip(f" {word}", word, strict=False)
    ]
    return (r"\allowbreak{}" if breakable and len(word) > LONGEST_WORD else "").join(pieces)


def _escape(character: str) -> str:
    if character in ESCAPES:
        return ESCAPES[character]
    if character in GREEK:
        return rf"$\{GREEK[character]}$"
    if character.isascii():
        return character if character.isprintable() else ""
    base, *marks = list(unicodedata.normalize("NFD", character))
    if base.isascii() and base.isalpha() and len(marks) == 1 and marks[0] in ACCENTS:
        letter = {"i": r"\i", "j": r"\j"}.get(base, base) if marks[0] != "\u0327" else base
        return rf"\{ACCENTS[marks[0]]}{{{letter}}}"
    return rf"\texttt{{U+{ord(character):04X}}}"
