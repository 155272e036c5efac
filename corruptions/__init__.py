"""Image corruptions with graded severity, computed from physics and seeded per case."""

from . import low_dose_ct, motion  # noqa: F401  (importing them registers them)
from .apply import corrupt, corrupt_image
from .context import ImageContext
from .registry import SEVERITIES, Corruption, corruption_registry, register_corruption

__all__ = [
    "SEVERITIES",
    "Corruption",
    "ImageContext",
    "corrupt",
    "corrupt_image",
    "corruption_registry",
    "register_corruption",
]
