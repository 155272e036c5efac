"""Corruptions of the finished image, whatever made it."""

from . import (  # noqa: F401  (importing a module registers its corruption)
    brightness,
    contrast,
    defocus_blur,
    downsampling,
    gamma,
    gaussian_noise,
    jpeg,
    motion,
)
