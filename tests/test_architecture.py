"""The floors of DESIGN: a package imports only packages below it, and no file has grown into two ideas."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = {"biclip_bench": 0, "corruptions": 1, "models": 2, "reports": 3, "benchmark": 4}
FILES = [
    path
    for package in FLOORS
    for path in sorted((ROOT / package).rglob("*.py"))
    if path != ROOT / "biclip_bench" / "__main__.py"
]


def imported_packages(path: Path) -> set[str]:
    """Names of the project's packages that a file imports."""
    inside = path.relative_to(ROOT).with_suffix("").parts
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = inside[: len(inside) - node.level]
            names = [*base, *(node.module or "").split(".")]
            found.add(names[0] if base else (node.module or "").split(".")[0])
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("biclip_bench"):
            parts = (node.module or "").split(".")
            found.add(parts[1] if len(parts) > 1 and parts[1] in FLOORS else "biclip_bench")
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("biclip_bench.")}
    return found & set(FLOORS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_package_imports_one_above_it(path):
    own = path.relative_to(ROOT).parts[0]
    # Reports know neither models nor corruptions: they read a table.
    forbidden = {"corruptions", "models"} if own == "reports" else set()
    for other in imported_packages(path) - {own}:
        assert FLOORS[other] < FLOORS[own], f"{own} imports {other}, which stands above it"
        assert other not in forbidden, f"{own} imports {other}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_holds_one_idea(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 320
