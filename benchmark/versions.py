"""Versions of the software that made a result."""

from __future__ import annotations

import platform
from importlib.metadata import version

PACKAGES = (
    "biclip-bench",
    "torch",
    "lightning",
    "open_clip_torch",
    "segmentation-models-pytorch",
    "numpy",
    "scipy",
    "pandas",
    "finufft",
)


def software_versions() -> dict[str, str]:
    """Versions of Python and of the packages that results depend on."""
    return {"python": platform.python_version()} | {name: version(name) for name in PACKAGES}
