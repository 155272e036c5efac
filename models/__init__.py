"""Segmentation models, text encoders and the modules that fuse image and text."""

from . import biclip, ef_unet, smp_unet, tiny_text_encoder, unet  # noqa: F401  (their import registers them)
from .build import build_model, count_parameters
from .registry import Batch, ModelSettings, SegmentationModel, model_registry, register_model
from .text_encoders import TextEncoder, build_text_encoder, register_text_encoder, text_encoder_registry

__all__ = [
    "Batch",
    "ModelSettings",
    "SegmentationModel",
    "TextEncoder",
    "build_model",
    "build_text_encoder",
    "count_parameters",
    "model_registry",
    "register_model",
    "register_text_encoder",
    "text_encoder_registry",
]
