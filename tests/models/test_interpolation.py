import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from biclip_bench.models.interpolation import FixedUpsampling, interpolation_matrix


@given(st.integers(1, 12), st.integers(1, 10))
def test_it_equals_pytorchs_bilinear_interpolation(size, factor):
    maps = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(size))
    expected = F.interpolate(maps, scale_factor=factor, mode="bilinear", align_corners=False)
    torch.testing.assert_close(FixedUpsampling(size, size * factor)(maps), expected, atol=1e-5, rtol=1e-5)


def test_every_sample_is_a_mean_of_its_neighbours():
    matrix = interpolation_matrix(4, 32)
    assert matrix.min() >= 0
    torch.testing.assert_close(matrix.sum(dim=1), torch.ones(32))


def test_it_has_nothing_to_learn_and_nothing_to_store():
    upsampling = FixedUpsampling(4, 32)
    assert list(upsampling.parameters()) == []
    assert upsampling.state_dict() == {}
    with pytest.raises(RuntimeError):
        upsampling(torch.zeros(1, 1, 5, 5))
