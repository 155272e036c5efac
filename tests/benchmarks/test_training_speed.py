"""How fast BiCLIP trains against the reference recipe; run with ``pytest tests/benchmarks --benchmark-enable -s``.

Both have the same modules, losses, draws, optimiser and batch. The reference recipe runs the frozen text encoder in
every step and keeps the activations of both views for autograd; here, features are computed once a text, and the strong
view, whose features take no gradient, keeps none. The text encoder has the size of CXR-BERT and random weights; in the
recipe it runs on the batch at once, with the fastest attention of the transformers library. The recipe runs in the
channels-last memory format that training has here, and in PyTorch's default one, which a script has that asks for
none: the first ratio is that of the recipe alone, the second that of all of it.

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
MEMORY_FORMATS = {"same memory format": torch.channels_last, "default memory format": torch.contiguous_format}
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
    return Batch(images, TEXTS, masks)


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

    def __init__(self, settings, batch, losses, memory_format):
        torch.manual_seed(0)
        self.model = build_model("biclip", settings).to(memory_format=memory_format).train()
        self.optimiser = torch.optim.AdamW(self.model.parameters(), lr=3e-3)
        self.batch = Batch(batch.image.contiguous(memory_format=memory_format), batch.text, batch.mask)
        self.losses = losses
        torch.manual_seed(1)

    def step(self):
        self.optimiser.zero_grad()
        terms = self.losses(self.model, self.batch)
        torch.stack(list(terms.values())).sum().backward()
        self.optimiser.step()
        return {name: term.item() for name, term in terms.items()}

    def seconds(self, steps):
        """Seconds of a step on the clock, and of the processor in all threads."""
        started = time.perf_counter(), time.process_time()
        for _ in range(steps):
            self.step()
        return (time.perf_counter() - started[0]) / steps, (time.process_time() - started[1]) / steps


@pytest.mark.parametrize(("size", "width", "steps"), [(80, 8, 4), (224, 16, 2)])
def test_biclip_against_the_reference_recipe(benchmark, capsys, text_encoder, size, width, steps):
    settings, batch = ModelSettings(size, width, text_encoder), training_batch(size)
    here = Training(settings, batch, lambda model, batch: model.training_losses(batch), torch.channels_last)
    encoder = copy.deepcopy(here.model.text_encoder.encoder)
    encoder.transformer.set_attn_implementation("sdpa")
    first = here.step()
    recipes = {}
    for name, memory_format in MEMORY_FORMATS.items():
        recipes[name] = Training(
            settings, batch, lambda model, batch: reference_losses(model, encoder, batch), memory_format
        )
        # The consistency is one minus a cosine near one, so it rounds as one does.
        assert first == pytest.approx(recipes[name].step(), rel=1e-5, abs=5e-7)

    if benchmark.enabled:
        turns = [
            (here.seconds(steps), {name: recipe.seconds(steps) for name, recipe in recipes.items()})
            for _ in range(TURNS)
        ]
        started = time.process_time()
        with torch.no_grad():
            for text in TEXTS:
                here.model.text_encoder.encoder([text])
        once = 1000 * (time.process_time() - started) / len(TEXTS)
        own = statistics.median(mine[0] for mine, _ in turns)
        figures = {"threads": torch.get_num_threads(), "steps_per_second": 1 / own, "processor_ms_once_per_text": once}
        lines = [
            f"{size} px, width {width}, {torch.get_num_threads()} threads: {1 / own:.2f} steps a second; "
            f"{once:.0f} ms of processor time once a text"
        ]
        for name in recipes:
            ratios = sorted(others[name][0] / mine[0] for mine, others in turns)
            figures[f"times_faster, {name}"] = times = statistics.median(ratios)
            figures[f"times_faster_from_to, {name}"] = [ratios[0], ratios[-1]]
            figures[f"times_less_processor_time, {name}"] = processor = statistics.median(
                others[name][1] / mine[1] for mine, others in turns
            )
            lines.append(
                f"  against the recipe in the {name}: {times:.2f} times as fast ({ratios[0]:.2f} to {ratios[-1]:.2f}), "
                f"{processor:.2f} times less processor time"
            )
        benchmark.extra_info |= figures
        with capsys.disabled():
            print("\n" + "\n".join(lines))
    benchmark.pedantic(here.step, rounds=3 if benchmark.enabled else 1)
