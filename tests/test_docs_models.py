"""The page on the models says what the code does: every model, its size and its cost."""

import re
from pathlib import Path

import pytest

from biclip_bench.models import ModelSettings, listed_models, model_registry, text_encoder_registry
from biclip_bench.models.cost import model_cost

PAGE = (Path(__file__).parents[1] / "docs" / "models.md").read_text(encoding="utf-8")
TABLE = re.search(r"<!-- models -->\n(.*?)<!-- end -->", PAGE, re.DOTALL)[1]
ROWS = {
    cells[0].strip("`"): cells[1:]
    for cells in ([cell.strip() for cell in line.strip("|").split("|")] for line in TABLE.splitlines()[2:])
}


def test_every_model_has_a_row_and_nothing_else_has():
    assert list(ROWS) == listed_models()


@pytest.mark.parametrize("name", listed_models())
def test_the_row_says_what_the_model_is_and_costs(name):
    model, cost = model_registry.get(name), model_cost(name, ModelSettings(224, 64))
    text, size, gflops, parts, paper = ROWS[name]
    assert text == ("yes" if model.uses_text else "no")
    assert float(size) == pytest.approx(cost.trained / 1e6, abs=0.005)
    assert float(gflops) == pytest.approx(cost.gflops, rel=0.005)
    assert re.findall(r"\w+", parts.replace("`", "")) == list(model.parts)
    assert paper == model.paper


def test_every_text_encoder_is_shown():
    assert all(f"--text-encoder {name}" in PAGE for name in text_encoder_registry)
