"""Batch norm over the images of all processes, which torch has for GPUs only."""

import torch
import torch.distributed as dist
import torch.nn.functional as F
from timm.layers import convert_sync_batchnorm
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.modules.batchnorm import _BatchNorm


def synchronise_batch_norm(model: nn.Module, device: torch.device) -> None:
    """Let the batch norms of `model` take their statistics from all processes.

    A batch in parts is then normalised as the whole would be. Names and parameters stay. On GPUs this is
    torch's SyncBatchNorm.
    """
    if device.type == "cuda":
        convert_sync_batchnorm(model)
        return
    for name, child in model.named_children():
        if isinstance(child, _BatchNorm):
            setattr(model, name, SyncedBatchNorm(child))
        else:
            synchronise_batch_norm(child, device)


class SyncedBatchNorm(nn.Module):
    """A batch norm of torch, or timm's with activation, over all processes."""

    def __init__(self, norm: _BatchNorm):
        super().__init__()
        self.eps, self.momentum = norm.eps, norm.momentum
        self.weight, self.bias = norm.weight, norm.bias
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            self.register_buffer(name, getattr(norm, name))
        self.drop, self.act = getattr(norm, "drop", nn.Identity()), getattr(norm, "act", nn.Identity())
        self.train(norm.training)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise float [B, C, ...], in training by the statistics of all processes."""
        if self.training:
            mean, variance, count = global_moments(x)
            self._track(mean, variance * count / (count - 1))
            y = _Normalise.apply(x, self.weight, self.bias, mean, variance, count, self.eps)
        else:
            y = F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        return self.act(self.drop(y))

    @torch.no_grad()
    def _track(self, mean: Tensor, variance: Tensor) -> None:
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)


@torch.no_grad()
def global_moments(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return mean and variance [C], and the number of values, over all processes.

    The parts are combined as in Chan et al. 1982 (https://doi.org/10.1007/978-3-642-51461-6_3).
    """
    # As torch.var_mean, which takes several times as long.
    mean, variance = torch.ops.aten.batch_norm_update_stats(x, None, None, 0)
    count = mean.new_full((1,), x.numel() // x.shape[1])
    parts = [mean.new_empty(2 * len(mean) + 1) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, torch.cat([mean, variance, count]))
    means, variances, counts = torch.stack(parts).split([len(mean), len(mean), 1], 1)
    shares = counts / counts.sum()
    mean = (shares * means).sum(0)
    return mean, (shares * (variances + (means - mean).square())).sum(0), counts.sum()


class _Normalise(torch.autograd.Function):
    """Normalise by given moments, which every image of every process has a part in.

    The gradients of weight and bias are this process's share, as those of other layers are.
    """

    @staticmethod
    def forward(ctx, x, weight, bias, mean, variance, count, eps) -> Tensor:
        ctx.save_for_backward(x, weight, mean, variance, count)
        ctx.eps = eps
        return F.batch_norm(x, mean, variance, weight, bias, eps=eps)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, variance, count = ctx.saved_tensors
        # As for fixed moments (Ioffe and Szegedy 2015, section 3, without the terms through the moments) ...
        direct, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
            gradient, x, weight, mean, variance, None, None, False, ctx.eps, [True, True, True]
        )
        # ... and then these terms, of which each process knows a part.
        sums = torch.cat([of_weight, of_bias])
        dist.all_reduce(sums)
        mean_of_weight, mean_of_bias = (sums / count).chunk(2)
        deviation = (variance + ctx.eps).rsqrt()
        scale = deviation if weight is None else weight * deviation
        slope = scale * deviation * mean_of_weight
        shape = [1, -1] + [1] * (x.ndim - 2)
        constant = (scale * mean_of_bias - slope * mean).view(shape)
        direct.sub_(constant).addcmul_(x, slope.view(shape), value=-1)
        if weight is None:
            of_weight = of_bias = None
        return direct, of_weight, of_bias, None, None, None, None
