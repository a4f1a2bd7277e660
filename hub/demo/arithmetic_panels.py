"""The panels of convolution arithmetic as HTML, for both pages.

Their templates are in templates/explorer/.
"""

from hub.demo.render import render
from hub.demo.words import Words
from hub.errors import InputError
from hub.explorer import conv_arithmetic
from hub.explorer.network import has_torch

# Name of each slider: its lowest, highest and default value.
SLIDERS = {
    "size": (1, 64, 12),
    "kernel": (1, 15, 3),
    "padding": (0, 8, 1),
    "stride": (1, 8, 2),
    "dilation": (1, 4, 1),
    "channels": (1, 512, 64),
    "filters": (1, 512, 64),
    "filter_size": (1, 11, 3),
    "image": (1, 256, 56),
    "step": (1, 4, 2),
}
PADDINGS = ("valid", "same", "number")
ROWS = 8  # positions of a kernel that are drawn


def slide(size: int, kernel: int, padding: int | str, stride: int, dilation: int, words: Words) -> str:
    """Return the output size and the positions of a sliding kernel.

    torch's call and, where torch is installed, its output size are beside them. Settings that are invalid
    return a sentence that says why.
    """
    pixels = 0 if isinstance(padding, str) else padding
    if not _whole(size, kernel, stride, dilation) or not _whole(pixels, least=0):
        return _invalid_settings(words("inside.impossible_numbers"), words)
    try:
        result = conv_arithmetic.slide(size, kernel, padding, stride, dilation)
    except InputError:  # the kernel does not fit, nothing else is left
        reach, room = dilation * (kernel - 1) + 1, size + 2 * pixels
        return _invalid_settings(words("inside.impossible_slide", reach=reach, room=room), words)
    settings = (size, kernel, padding, stride, dilation)
    output = conv_arithmetic.torch_output(*settings) if has_torch() else None
    starts = list(result.starts)
    if len(starts) > ROWS:
        starts = [*starts[: ROWS - 2], None, starts[-1]]
    return render(
        "explorer/slide.html", slide=result, starts=starts, same=padding == "same", output=output,
        call=conv_arithmetic.torch_call(*settings), words=words,
    )  # fmt: skip


def _whole(*numbers: float | None, least: int = 1) -> bool:
    """Return whether all are whole numbers; a field that was emptied is None."""
    return all(isinstance(number, int) and number >= least for number in numbers)


def _invalid_settings(reason: str, words: Words) -> str:
    return render("explorer/invalid_settings.html", reason=reason, words=words)


def cost(channels: int, filters: int, kernel: int, size: int, stride: int, words: Words) -> str:
    """Return the cost of a convolution at strides 1 to 4, with `stride` marked.

    Settings that are invalid return a sentence that says why.
    """
    if not _whole(channels, filters, kernel, size, stride):
        return _invalid_settings(words("inside.impossible_numbers"), words)
    costs = {
        step: conv_arithmetic.convolution_cost(channels, filters, kernel, size, "same", step)
        for step in sorted({1, 2, 3, 4, stride})
    }
    return render(
        "explorer/cost.html", channels=channels, filters=filters, kernel=kernel, stride=stride, costs=costs,
        side=conv_arithmetic.slide(size, kernel, "same", stride).output, words=words,
    )  # fmt: skip


def stacks(channels: int, size: int, words: Words) -> str:
    """Return the cost of one 7 x 7 against three 3 x 3 convolutions.

    Maps are of `size` x `size` cells. Returns "" for settings that are invalid.
    """
    if not _whole(channels, size):
        return ""
    large, field = conv_arithmetic.stack_cost([7], channels, size)
    small, _ = conv_arithmetic.stack_cost([3, 3, 3], channels, size)
    return render(
        "explorer/stacks.html", channels=channels, large=large, small=small, field=field, words=words
    )
