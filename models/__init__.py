"""Segmentation models, text encoders and the modules that fuse image and text."""

from . import (  # noqa: F401  (their import registers them)
    biclip,
    clipseg,
    ef_unet,
    hf_text_encoder,
    lang_guided_decoder,
    lvit,
    medclipseg,
    monai_models,
    nnunet,
    open_clip_text_encoder,
    smp_any,
    smp_models,
    text_only,
    tiny_text_encoder,
    unet,
)
from .build import build_model, count_parameters, find_model, listed_models
from .frozen_text import FrozenTextEncoder, build_text_encoder, frozen_text_encoders, keep_text_features
from .registry import Batch, ModelSettings, SegmentationModel, model_registry, register_model
from .spec import ModelSpec, parse_model
from .text_encoders import TextEncoder, TextFeatures, register_text_encoder, text_encoder_registry, text_features

__all__ = [
    "Batch",
    "FrozenTextEncoder",
    "ModelSettings",
    "ModelSpec",
    "SegmentationModel",
    "TextEncoder",
    "TextFeatures",
    "build_model",
    "build_text_encoder",
    "count_parameters",
    "find_model",
    "frozen_text_encoders",
    "keep_text_features",
    "listed_models",
    "model_registry",
    "parse_model",
    "register_model",
    "register_text_encoder",
    "text_encoder_registry",
    "text_features",
]
