"""Corruptions of computed tomography: what happens between the X-ray tube and the reconstructed slice."""

from . import low_dose_ct  # noqa: F401  (importing a module registers its corruption)
