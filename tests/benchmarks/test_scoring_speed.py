"""How fast a batch is scored against a loop over MONAI; run with ``pytest tests/benchmarks --benchmark-enable``.

No test here asserts a time. MONAI is timed in the same test, in turns with the scores, so that both meet the same
machine, and the least of the turns counts. It is asked for what it has of the scores: Dice, IoU, HD95 and NSD.
"""

import time

import pytest
import torch
from monai.metrics import compute_dice, compute_hausdorff_distance, compute_iou, compute_surface_dice

from biclip_bench.benchmark.scores import score_cases

BATCH = 16


def lesions(size, wobble):
    """Masks of two lesions each, with outlines that differ by ``wobble``."""
    axis = torch.linspace(-1, 1, size)
    y, x = axis[:, None], axis
    masks = []
    for case in range(BATCH):
        angle = torch.atan2(y, x)
        round_one = torch.hypot(y + 0.3, x) < 0.3 + 0.01 * case + wobble * torch.sin(5 * angle)
        masks.append(round_one | (torch.hypot(y - 0.4, x - 0.02 * case) < 0.2))
    return torch.stack(masks)


def loop_over_monai(prediction, truth):
    for predicted, true in zip(prediction, truth, strict=True):
        pair = predicted[None, None].float(), true[None, None].float()
        compute_dice(*pair)
        compute_iou(*pair)
        compute_hausdorff_distance(*pair, include_background=True, percentile=95)
        compute_surface_dice(*pair, [2.0], include_background=True)


@pytest.mark.filterwarnings("ignore::FutureWarning")  # MONAI warns of its own arguments
@pytest.mark.parametrize("size", [96, 224, 512])
def test_against_a_loop_over_monai(benchmark, size):
    truth, prediction = lesions(size, 0.0), lesions(size, 0.03)
    probability = (prediction.float() * 0.8 + 0.1) * torch.rand(truth.shape, generator=torch.Generator().manual_seed(0))
    steps = {
        "scores": lambda: score_cases(prediction, truth, probability),
        "without calibration": lambda: score_cases(prediction, truth),
        "monai": lambda: loop_over_monai(prediction, truth),
    }
    least = dict.fromkeys(steps, float("inf"))
    for _ in range(5 if benchmark.enabled else 1):
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            least[name] = min(least[name], time.perf_counter() - start)
    result = benchmark(score_cases, prediction, truth, probability)
    benchmark.extra_info["threads"] = torch.get_num_threads()
    benchmark.extra_info["ms_per_case"] = 1000 * least["scores"] / BATCH
    benchmark.extra_info["monai_ms_per_case"] = 1000 * least["monai"] / BATCH
    benchmark.extra_info["times_faster"] = least["monai"] / least["scores"]
    benchmark.extra_info["times_faster_without_calibration"] = least["monai"] / least["without calibration"]
    assert len(result) == BATCH
