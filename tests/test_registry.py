import pytest

from biclip_bench.errors import UserError
from biclip_bench.registry import Registry


def test_unknown_name_suggests_a_close_one():
    registry: Registry[int] = Registry("corruption", "biclip_bench.test_none")
    registry.add("motion", 1)
    registry.add("low-dose-ct", 2)
    with pytest.raises(
        UserError, match=r"no corruption named 'moton'.*Did you mean 'motion'\?.*Known: low-dose-ct, motion"
    ):
        registry.get("moton")


def test_a_name_is_taken_once():
    registry: Registry[int] = Registry("model", "biclip_bench.test_none")
    registry.register("unet")(1)
    with pytest.raises(ValueError, match="already a model named 'unet'"):
        registry.add("unet", 2)
    assert registry.get("unet") == 1
    assert list(registry) == ["unet"]
