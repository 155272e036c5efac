"""Corruptions of radiographs: projections that reach the reader without a reconstruction."""

from . import low_dose_xray  # noqa: F401  (importing a module registers its corruption)
