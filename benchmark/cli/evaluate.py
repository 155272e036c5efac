"""The command ``evaluate``: score a model that was trained before, here or elsewhere."""

from __future__ import annotations

from . import options as opt
from . import source_options as src


def evaluate_command(
    checkpoint: src.Checkpoint = None,
    model_file: src.ModelFile = None,
    weights: src.Weights = None,
    predictions: src.Predictions = None,
    release: src.Release = None,
    model: src.Model = None,
    name: src.Name = None,
    labels: src.Labels = None,
    seed: src.Seed = None,
    output_kind: src.Kind = None,
    uses_text: src.UsesText = None,
    augmented_with: src.AugmentedWith = None,
    corruption: opt.Corruption = None,
    severity: opt.Severity = None,
    threshold: opt.Threshold = None,
    dataset: opt.Dataset = None,
    data_root: opt.DataRoot = None,
    data_option: opt.DataOption = None,
    split: opt.Split = None,
    allow_issues: opt.AllowIssues = None,
    patients: opt.Patients = None,
    preset: opt.Preset = None,
    text_encoder: opt.TextEncoder = None,
    freeze_text: opt.FreezeText = None,
    image_size: opt.ImageSize = None,
    width: opt.Width = None,
    accelerator: opt.Accelerator = None,
    output: opt.Output = None,
) -> None:
    """Score a model on corrupted test images: a checkpoint of 'train', a model file, weights, or predictions.

    A model that lives elsewhere needs no class here: export it (--model-file), or let any tool predict on the images
    that 'corrupt' wrote (--predictions).
    """
    flags = {
        "release": release, "model": model, "name": name, "labels": labels, "seed": seed, "output_kind": output_kind,
        "uses_text": uses_text, "augmented_with": augmented_with, "corruption": corruption, "severity": severity,
        "threshold": threshold, "dataset": dataset, "data_root": data_root, "data_option": data_option,
        "split": split, "allow_issues": allow_issues, "patients": patients, "preset": preset,
        "text_encoder": text_encoder, "freeze_text": freeze_text, "image_size": image_size, "width": width,
        "accelerator": accelerator, "output": output,
    }  # fmt: skip
    sources = {
        "CHECKPOINT": checkpoint, "--model-file": model_file, "--weights": weights, "--predictions": predictions,
    }  # fmt: skip
    src.one_source(sources, flags)
    given = opt.given_flags(flags)
    if checkpoint is not None:
        from .evaluate_checkpoint import evaluate_checkpoint

        evaluate_checkpoint(checkpoint, given)
    elif model_file is not None:
        from .evaluate_file import evaluate_model_file

        evaluate_model_file(model_file, given)
    elif weights is not None:
        from .evaluate_file import evaluate_weights

        evaluate_weights(weights, given)
    elif predictions is not None:
        from .evaluate_predictions import evaluate_predictions

        evaluate_predictions(predictions, given)
