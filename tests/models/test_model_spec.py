import pytest
import torch

from biclip_bench.errors import UserError
from biclip_bench.models import ModelSettings, ModelSpec, build_model, parse_model
from biclip_bench.models.text_guided import mirrored_texts, swap_words


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("unet", ModelSpec("unet")),
        ("smp:Unet", ModelSpec("smp", "Unet")),
        ("biclip?cycle=false", ModelSpec("biclip", "", {"cycle": "false"})),
        ("smp:Unet?encoder=x&weights=a/b:c.pth", ModelSpec("smp", "Unet", {"encoder": "x", "weights": "a/b:c.pth"})),
    ],
)  # fmt: skip
def test_specifications_are_read_and_written(text, spec):
    assert parse_model(text) == spec
    assert spec.text == text


def test_the_order_of_options_does_not_make_another_model():
    assert (
        parse_model("biclip?cycle=false&refinement=false").text
        == parse_model("biclip?refinement=false&cycle=false").text
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("biclip?cycle", "'cycle' is no option. Write biclip[?]OPTION=VALUE"),
        ("biclip?=x", "'=x' is no option"),
        ("biclip?cycle=on&cycle=off", "'cycle' twice"),
    ],
)
def test_a_malformed_specification_is_named(text, message):
    with pytest.raises(UserError, match=message):
        parse_model(text)


def test_options_typed_as_text_take_their_type():
    settings = ModelSettings(32, 4)
    assert hasattr(build_model("biclip", settings), "text_refinement")
    assert not hasattr(build_model("biclip?refinement=off", settings), "text_refinement")


def test_an_argument_that_is_not_taken_is_named():
    with pytest.raises(UserError, match="'unet' takes nothing behind a colon: write unet, not unet:big"):
        build_model("unet:big", ModelSettings(32, 4))


def test_words_are_swapped_whole_and_keep_their_capitals():
    assert swap_words("Left lung, leftover; RIGHT", {"left": "right", "right": "left"}) == "Right lung, leftover; Left"


def test_a_mirrored_image_gets_a_mirrored_text():
    maps = torch.eye(2, 3).repeat(3, 1, 1)
    maps[1, 0, 0] = -1
    maps[2, 1, 1] = -1
    assert mirrored_texts(["Upper left lung"] * 3, maps) == ["Upper left lung", "Upper right lung", "Lower left lung"]
