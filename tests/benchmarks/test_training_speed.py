"""How fast BiCLIP trains against the reference recipe; run with ``pytest tests/benchmarks --benchmark-enable -s``.

Both have the same modules, losses, draws, optimiser, batch and memory format. The reference recipe runs the frozen text
encoder in every step and keeps the activations of both views for autograd; here, features are computed once a text,
and the strong view, whose features take no gradient, keeps none. The text encoder has the size of CXR-BERT and random
weights; in the recipe it runs on the batch at once, with the fastest attention of the transformers library.

No test here asserts a time. The two are timed in turns, so that both meet the same machine; a ratio is that of two
turns next to each other, and the median of these counts. Beside the time on the clock stands the processor time of all
threads, which other programs on the same cores hardly change. Encoding a text for the first time is timed on its own.
"""

import copy
import statistics
import time

import pytest
import torch

from biclip_bench.models import Batch, ModelSettings, build_model
from biclip_bench.models.augmentation import warp
from biclip_bench.models.losses import (
    CONSISTENCY_WEIGHT,
    CYCLE_WEIGHT,
    GENERATION_WEIGHT,
    consistency_loss,
    cycle_loss,
    generation_loss,
    segmentation_loss,
)

BATCH = 8
BERT_BASE = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072}
VOCABULARY = 30522
TURNS = 5
TEXTS = [
    f"{extent} pulmonary infection, {count} infected areas, {place} lung."
    for extent, count in (("Bilateral", "two"), ("Unilateral", "one"))
    for place in ("upper left", "lower left", "upper right", "all right")
]


@pytest.fixture(scope="module")
def text_encoder(request, write_cxr_bert, tmp_path_factory):
    """CXR-BERT's size where speed is measured, else a small one."""
    folder = tmp_path_factory.mktemp("weights")
    if request.config.getoption("--benchmark-disable") and not request.config.getoption("--benchmark-enable"):
        return f"hf:{write_cxr_bert(folder)}"
    words = "left right upper lower lung pulmonary infection infected areas bilateral unilateral one two all , ."
    words += "".join(f" word{number}" for number in range(VOCABULARY - 5 - len(words.split())))
    return f"hf:{write_cxr_bert(folder, words=words, **BERT_BASE)}"


def training_batch(size):
    images = torch.rand(BATCH, 1, size, size, generator=torch.Generator().manual_seed(1)).repeat(1, 3, 1, 1)
    masks = torch.zeros(BATCH, 1, size, size)
    masks[:, :, size // 4 : size // 2, size // 3 :] = 1
    return Batch(images.to(memory_format=torch.channels_last), TEXTS, masks)


def reference_losses(model, text_encoder, batch):
    """One step of the reference recipe, said plainly with the model's modules."""
    with torch.no_grad():
        features = text_encoder(batch.text).pooled
    text = model.text_head(features)
    refined = model.text_refinement(text, model.image_embedding(batch.image))
    pseudo_image = model.generator(refined)
    maps = model.augmentation.draw(BATCH)
    image, moved_pseudo_image = warp(torch.cat([batch.image, pseudo_image], dim=1), maps).chunk(2, dim=1)
    mask = warp(batch.mask, maps, "nearest")
    fused = model.normalise_pseudo_image(moved_pseudo_image)
    weak = model.unet.features(torch.cat([model.normalise_image(image), fused], dim=1))
    strong = model.unet.features(torch.cat([model.normalise_image(model.strong_view(image)), fused], dim=1))
    views = model.consistency_projection(weak), model.consistency_projection(strong)
    return {
        "segmentation": segmentation_loss(model.unet.head(weak), mask),
        "generation": GENERATION_WEIGHT * generation_loss(pseudo_image, batch.image, batch.mask),
        "consistency": CONSISTENCY_WEIGHT * consistency_loss(*views),
        "cycle": CYCLE_WEIGHT * cycle_loss(text, model.image_to_text(pseudo_image)),
    }


class Training:
    """A model with its optimiser."""

    def __init__(self, settings, losses):
        torch.manual_seed(0)
        self.model = build_model("biclip", settings).to(memory_format=torch.channels_last).train()
        self.optimiser = torch.optim.AdamW(self.model.parameters(), lr=3e-3)
        self.losses = losses
        torch.manual_seed(1)

    def step(self, batch):
        self.optimiser.zero_grad()
        terms = self.losses(self.model, batch)
        torch.stack(list(terms.values())).sum().backward()
        self.optimiser.step()
        return {name: term.item() for name, term in terms.items()}

    def seconds(self, batch, steps):
        """Seconds of a step on the clock, and of the processor in all threads."""
        started = time.perf_counter(), time.process_time()
        for _ in range(steps):
            self.step(batch)
        return (time.perf_counter() - started[0]) / steps, (time.process_time() - started[1]) / steps


@pytest.mark.parametrize(("size", "width", "steps"), [(80, 8, 4), (224, 16, 2)])
def test_biclip_against_the_reference_recipe(benchmark, capsys, text_encoder, size, width, steps):
    settings, batch = ModelSettings(size, width, text_encoder), training_batch(size)
    here = Training(settings, lambda model, batch: model.training_losses(batch))
    encoder = copy.deepcopy(here.model.text_encoder.encoder)
    encoder.transformer.set_attn_implementation("sdpa")
    first = here.step(batch)
    recipe = Training(settings, lambda model, batch: reference_losses(model, encoder, batch))
    assert first == pytest.approx(recipe.step(batch), rel=1e-5)

    if benchmark.enabled:
        turns = [(here.seconds(batch, steps), recipe.seconds(batch, steps)) for _ in range(TURNS)]
        ratios = sorted(reference[0] / own[0] for own, reference in turns)
        of_processor = statistics.median(reference[1] / own[1] for own, reference in turns)
        own, reference = (statistics.median(seconds[0] for seconds in times) for times in zip(*turns, strict=True))
        started = time.process_time()
        with torch.no_grad():
            for text in TEXTS:
                here.model.text_encoder.encoder([text])
        once = (time.process_time() - started) / len(TEXTS)
        benchmark.extra_info |= {
            "threads": torch.get_num_threads(),
            "steps_per_second": 1 / own,
            "reference_steps_per_second": 1 / reference,
            "times_faster": statistics.median(ratios),
            "times_faster_least": ratios[0],
            "times_faster_most": ratios[-1],
            "times_less_processor_time": of_processor,
            "processor_ms_of_a_step": 1000 * statistics.median(own[1] for own, _ in turns),
            "processor_ms_once_per_text": 1000 * once,
        }
        with capsys.disabled():
            print(
                f"\n{size} px, width {width}: {1 / own:.2f} steps a second against {1 / reference:.2f}, "
                f"{statistics.median(ratios):.2f} times ({ratios[0]:.2f} to {ratios[-1]:.2f}); {of_processor:.2f} "
                f"times less processor time, {1000 * once:.0f} ms of it once a text; {torch.get_num_threads()} threads"
            )
    benchmark.pedantic(here.step, args=(batch,), rounds=3 if benchmark.enabled else 1)
