"""Corruptions of the finished image, whatever made it."""

from . import motion  # noqa: F401  (importing a module registers its corruption)
