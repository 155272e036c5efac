"""The one thin layer that lets the same formulas run on NumPy arrays and on PyTorch tensors."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Values = TypeVar("Values", NDArray[np.float32], Tensor)
"""float32 values: an array, or a tensor on any device."""


def namespace(values: object) -> Any:
    """Give the module whose functions (``exp``, ``log``, ``sqrt``, ``clip``, ``amax``) take these values.

    Parameters
    ----------
    values
        An array or a tensor.

    Returns
    -------
    module
        ``torch`` for a tensor, ``numpy`` for anything else. Of both only what they spell alike is used.
    """
    return torch if isinstance(values, Tensor) else np
