"""The built-in chest-CT phantom with report texts."""

from .dataset import GENERATOR_VERSION, Phantom, make_case, open_phantom, phantom_fingerprint

__all__ = ["GENERATOR_VERSION", "Phantom", "make_case", "open_phantom", "phantom_fingerprint"]
