import pytest
import torch

from biclip_bench.models import count_parameters
from biclip_bench.models.classic_unet import ClassicUNet


def convolution_pair(fan_in: int, out: int) -> int:
    return 9 * fan_in * out + 2 * out + 9 * out * out + 2 * out


@pytest.mark.parametrize(("channels", "width"), [(3, 64), (6, 64), (6, 12)])
def test_parameters_equal_the_count_by_hand(channels, width):
    w = width
    encoder = convolution_pair(channels, w) + sum(convolution_pair(w * 2**i, w * 2 ** (i + 1)) for i in range(4))
    decoder = sum(
        4 * (w * 2 ** (i + 1)) * (w * 2**i) + w * 2**i + convolution_pair(w * 2 ** (i + 1), w * 2**i) for i in range(4)
    )
    assert count_parameters(ClassicUNet(channels, w)) == encoder + decoder + w + 1


def test_three_channels_at_width_64_give_the_widely_printed_31_million():
    assert count_parameters(ClassicUNet(3, 64)) == 31_037_633


def test_levels_double_their_channels_and_halve_their_side():
    network = ClassicUNet(6, 64).eval()
    seen = []
    for block in (network.stem, *network.encoder, *network.decoder):
        block.register_forward_hook(lambda _module, _inputs, output: seen.append(tuple(output.shape[1:])))
    with torch.no_grad():
        features = network.features(torch.rand(1, 6, 64, 64))
        logits = network.head(features)
    down = [(64, 64, 64), (128, 32, 32), (256, 16, 16), (512, 8, 8), (1024, 4, 4)]
    assert seen == [*down, *down[-2::-1]]
    assert features.shape == (1, 64, 64, 64)
    assert logits.shape == (1, 1, 64, 64)


def test_forward_is_the_head_on_the_features():
    network = ClassicUNet(3, 4).eval()
    x = torch.rand(2, 3, 32, 32)
    assert torch.equal(network(x), network.head(network.features(x)))
