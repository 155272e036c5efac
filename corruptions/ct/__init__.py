"""Corruptions of computed tomography: what happens between the X-ray tube and the reconstructed slice."""

from . import (  # noqa: F401  (importing a module registers its corruption)
    beam_hardening,
    low_dose_ct,
    metal,
    motion,
    rings,
    sparse_views,
)
