"""Image corruptions with graded severity, computed from physics and seeded per case."""

from . import ct, image, mri, radiograph  # noqa: F401  (importing them registers their corruptions)
from .advice import advice
from .apply import corrupt, corrupt_image
from .context import ImageContext
from .registry import (
    SEVERITIES,
    Corruption,
    Level,
    Parameter,
    Preset,
    corruption_registry,
    register_corruption,
)
from .spec import CorruptionSpec, parse_spec

__all__ = [
    "SEVERITIES",
    "Corruption",
    "CorruptionSpec",
    "ImageContext",
    "Level",
    "Parameter",
    "Preset",
    "advice",
    "corrupt",
    "corrupt_image",
    "corruption_registry",
    "parse_spec",
    "register_corruption",
]
