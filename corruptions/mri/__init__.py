"""Corruptions of magnetic resonance imaging: noise in the magnitude image, and artefacts of k-space."""

from . import rician_noise, torchio_transforms  # noqa: F401  (importing a module registers its corruptions)
