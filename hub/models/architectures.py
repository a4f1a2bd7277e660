"""Small networks, registered with timm by `import hub.architectures`.

`simple_cnn` is the first network of many courses: two convolutions, each with pooling, and two dense layers.
`lenet5` is that of LeCun et al. 1998 (figure 2) in today's form: pooling has no weights, and every filter
reads all maps. `airbench_small` is a narrower cifar10-airbench (Jordan 2024,
https://arxiv.org/abs/2404.00498), which learns CIFAR-10 in few epochs.
"""

import torch
import torch.nn.functional as F
from timm.layers import to_2tuple
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from torch import Tensor, nn

FILTER = ("global_pool",)  # an argument of timm that these networks do not have
WHITENING_FLOOR = 5e-4  # of the variance, so that noise is not amplified


class ConvNet(nn.Module):
    """Stages of convolutions, then dense layers, with timm's interface."""

    def __init__(
        self, stages: list[nn.Module], neck: nn.Module, num_features: int, num_classes: int, drop_rate: float
    ):
        super().__init__()
        self.stages, self.neck = nn.Sequential(*stages), neck
        self.keeps_whitened = False  # whether `whiten` freezes the filters that it sets
        self.num_classes, self.drop_rate = num_classes, drop_rate
        self.num_features = self.head_hidden_size = num_features
        self.classifier = nn.Linear(num_features, num_classes)

    def get_classifier(self) -> nn.Module:
        return self.classifier

    def reset_classifier(self, num_classes: int) -> None:
        self.num_classes = num_classes
        self.classifier = nn.Linear(self.num_features, num_classes)

    def forward_intermediates(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the last feature map and that of every stage, float [B, C, h, w]."""
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return x, maps

    def forward_features(self, x: Tensor) -> Tensor:
        return self.stages(x)

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        x = F.dropout(self.neck(x), self.drop_rate, self.training)
        return x if pre_logits else self.classifier(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(x))


def _simple_cnn(
    img_size: int | tuple[int, int], in_chans: int, num_classes: int, drop_rate: float = 0.0
) -> ConvNet:
    def stage(channels: int, filters: int) -> nn.Sequential:
        return nn.Sequential(nn.Conv2d(channels, filters, 3), nn.ReLU(), nn.MaxPool2d(2))

    height, width = (((side - 2) // 2 - 2) // 2 for side in to_2tuple(img_size))
    neck = nn.Sequential(nn.Flatten(), nn.Linear(64 * height * width, 128), nn.ReLU())
    return ConvNet([stage(in_chans, 32), stage(32, 64)], neck, 128, num_classes, drop_rate)


def _lenet5(
    img_size: int | tuple[int, int], in_chans: int, num_classes: int, drop_rate: float = 0.0
) -> ConvNet:
    def stage(channels: int, filters: int) -> nn.Sequential:
        return nn.Sequential(nn.Conv2d(channels, filters, 5), nn.Tanh(), nn.AvgPool2d(2))

    height, width = (((side - 4) // 2 - 4) // 2 for side in to_2tuple(img_size))
    neck = nn.Sequential(
        nn.Flatten(), nn.Linear(16 * height * width, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh()
    )
    return ConvNet([stage(in_chans, 6), stage(6, 16)], neck, 84, num_classes, drop_rate)


def _airbench_small(in_chans: int, num_classes: int, drop_rate: float = 0.0) -> ConvNet:
    def stage(channels: int, filters: int) -> nn.Sequential:
        first, second = (
            nn.Conv2d(inputs, filters, 3, padding=1, bias=False) for inputs in (channels, filters)
        )
        for layer in (first, second):  # identity at first, for as many maps as go in
            nn.init.dirac_(layer.weight.data[: layer.in_channels])
        return nn.Sequential(
            first, nn.MaxPool2d(2), nn.BatchNorm2d(filters), nn.GELU(),
            second, nn.BatchNorm2d(filters), nn.GELU(),
        )  # fmt: skip

    # A stride of 2 costs a little accuracy and saves three quarters of the work.
    stem = nn.Sequential(nn.Conv2d(in_chans, 32, 4, stride=2), nn.GELU())
    neck = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model = ConvNet([stem, stage(32, 48), stage(48, 128)], neck, 128, num_classes, drop_rate)
    model.keeps_whitened = True
    return model


@torch.no_grad()
def whiten(model: ConvNet, pixels: Tensor) -> None:
    """Initialise the filters of the first convolution by whitening.

    They become the principal components of patches, and their negatives. Neighbouring pixels and their
    colours are correlated; the outputs of such filters are not, and have deviation one (Jordan 2024,
    section 3.2). Filters beyond that number do not change. The layer is frozen if `model.keeps_whitened`.
    `pixels` are normalised images, float32 [N, channels, H, W]; a few thousand suffice.
    """
    conv = next(module for module in model.modules() if isinstance(module, nn.Conv2d))
    patches = F.unfold(pixels, conv.kernel_size, stride=conv.stride).transpose(1, 2).flatten(0, 1)
    variances, components = torch.linalg.eigh(patches.T @ patches / len(patches))
    half = conv.out_channels // 2
    scaled = (components / (variances + WHITENING_FLOOR).sqrt()).T.flip(0)[:half]
    kernels = scaled.view(-1, *conv.weight.shape[1:])
    conv.weight[: 2 * len(kernels)] = torch.cat([kernels, -kernels])
    conv.bias.zero_()
    conv.requires_grad_(not model.keeps_whitened)


def _cfg(input_size: tuple[int, int, int], **options: bool) -> dict:
    # Maps 0 to 1 onto -1 to 1.
    half = (0.5,) * input_size[0]
    return {
        "input_size": input_size,
        "num_classes": 10,
        "mean": half,
        "std": half,
        "first_conv": "stages.0.0",
        "classifier": "classifier",
        "interpolation": "bicubic",
        "crop_pct": 1.0,
        "crop_mode": "squash",
    } | options


default_cfgs = generate_default_cfgs(
    {
        "simple_cnn": _cfg((1, 28, 28), fixed_input_size=True),
        "lenet5": _cfg((1, 32, 32), fixed_input_size=True),
        "airbench_small": _cfg((3, 32, 32)),
    }
)


@register_model
def simple_cnn(pretrained: bool = False, **kwargs) -> ConvNet:
    """Return two convolutions, each with pooling, and two dense layers."""
    return build_model_with_cfg(_simple_cnn, "simple_cnn", pretrained, kwargs_filter=FILTER, **kwargs)


@register_model
def lenet5(pretrained: bool = False, **kwargs) -> ConvNet:
    """Return LeNet-5 (LeCun et al. 1998) in today's form."""
    return build_model_with_cfg(_lenet5, "lenet5", pretrained, kwargs_filter=FILTER, **kwargs)


@register_model
def airbench_small(pretrained: bool = False, **kwargs) -> ConvNet:
    """Return a narrower cifar10-airbench (Jordan 2024)."""
    return build_model_with_cfg(_airbench_small, "airbench_small", pretrained, kwargs_filter=FILTER, **kwargs)
