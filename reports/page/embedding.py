"""Put data and scripts into a page so that what users wrote stays text and only the page's own scripts run."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markupsafe import Markup

SCRIPTS = Path(__file__).with_name("scripts")

SCRIPT_ORDER = ("elements", "sorting", "copying", "curve_axes", "curves", "case_list", "case_picture", "cases")
"""The page's scripts, each after those that it uses."""

# What could end a script element, open a comment in it, or end a line in old readers of JavaScript.
_ESCAPES = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"})


def json_block(value: object) -> Markup:
    r"""Write data as JSON that may stand inside ``<script type="application/json">``.

    ``<``, ``>``, ``&`` and the two line separators of Unicode are written as ``\u003c`` and so on: a text that holds
    ``</script>`` cannot end the block.

    Raises
    ------
    ValueError
        If a number is not finite: JSON has none, absent values are ``None``.
    """
    from markupsafe import Markup

    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.translate(_ESCAPES))


def page_scripts() -> list[Markup]:
    """Read the page's own scripts in the order in which they run."""
    from markupsafe import Markup

    return [Markup("\n" + (SCRIPTS / f"{name}.js").read_text(encoding="utf-8")) for name in SCRIPT_ORDER]


def content_policy(scripts: list[Markup]) -> str:
    """Allow pictures inside the page, its own style and exactly these scripts; forbid everything else.

    A script is allowed by the SHA-256 of its text (Content Security Policy Level 3), so one that came with a text or
    a name does not run even if it should become an element.
    """
    hashes = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii") for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    return (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {allowed}; "
        "base-uri 'none'; form-action 'none'"
    )
