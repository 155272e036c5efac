"""The page on the corruptions says what the code does: every corruption, every level, every picture."""

import re
from pathlib import Path

import pytest

from biclip_bench.corruptions import corruption_registry

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "corruptions.md").read_text(encoding="utf-8")
SECTIONS = {
    match[1]: match[2] for match in re.finditer(r"^### `([^`]+)`\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
}


def number(text: str) -> float:
    above, _, below = text.partition("/")
    return float(above) / float(below or 1)


def test_every_corruption_has_a_section_and_nothing_else_has():
    assert sorted(SECTIONS) == corruption_registry.names()


@pytest.mark.parametrize("name", corruption_registry.names())
def test_the_table_holds_the_levels(name):
    corruption = corruption_registry.get(name)
    head, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in SECTIONS[name].splitlines()
        if line.startswith("| ") or line.startswith("|--")
    ]
    assert [cell.split(" ")[0] for cell in head[: 1 + len(corruption.graded)]] == ["severity", *corruption.graded]
    assert [row[0] for row in rows] == ["1", "2", "3", "4", "5"]
    for row, level in zip(rows, corruption.levels, strict=True):
        assert [number(cell) for cell in row[1 : 1 + len(corruption.graded)]] == [
            pytest.approx(level[key]) for key in corruption.graded
        ]


@pytest.mark.parametrize("name", corruption_registry.names())
def test_the_picture_is_there(name):
    (picture,) = re.findall(r"!\[[^]]*\]\(([^)]+)\)", SECTIONS[name])
    assert (DOCS / picture).read_bytes().startswith(b"\x89PNG")
