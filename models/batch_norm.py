"""Batch norm on a single value a channel: a last batch of one case meets a feature map of one pixel."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class TolerantBatchNorm2d(nn.BatchNorm2d):
    """Batch norm that uses its running statistics where a training batch has one value a channel.

    PyTorch refuses such a batch, which has no variance. It arises from one case and a feature map of 1x1: the image
    pooling of DeepLabV3+ at every image size, the deepest level of a network that halves 32 px five times.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Normalise (B, C, H, W)."""
        if self.training and input.numel() == input.shape[1]:
            return F.batch_norm(input, self.running_mean, self.running_var, self.weight, self.bias, False, 0, self.eps)
        return super().forward(input)


def tolerate_single_values(network: nn.Module) -> None:
    """Make every plain batch norm of a network a :class:`TolerantBatchNorm2d`; parameters and names stay."""
    for module in network.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = TolerantBatchNorm2d
