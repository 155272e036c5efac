from dataclasses import dataclass
from typing import Literal

import pytest

from biclip_bench.models import listed_models, model_registry
from biclip_bench.models.option_notes import OptionNote, option_notes


@dataclass(frozen=True)
class Example:
    """Options of an example.

    Parameters
    ----------
    first
        Whether ``x`` is on;
        see :func:`~some.module.function`.
    second, third
        Shared.
    """

    first: bool = True
    second: float = 0.5
    third: Literal["a", "b"] = "a"


def test_options_are_described_as_typed():
    assert option_notes(Example) == [
        OptionNote("first", "true or false", "true", "Whether x is on; see function."),
        OptionNote("second", "a number", "0.5", "Shared."),
        OptionNote("third", "a, b", "a", "Shared."),
    ]
    assert option_notes(None) == []


@pytest.mark.parametrize("name", listed_models())
def test_every_option_of_every_model_says_what_it_does(name):
    model = model_registry.get(name)
    notes = option_notes(model.options_kind)
    assert all(note.meaning for note in notes)
    assert set(model.parts) <= {note.name for note in notes if note.allowed == "true or false"}
