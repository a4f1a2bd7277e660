"""The panels of convolution arithmetic as HTML, for both pages.

Their templates are in templates/explorer/.
"""

from hub.demo.render import render
from hub.errors import InputError

# Label of each slider: its lowest, highest and default value.
SLIDERS = {
    "Pixels, N": (1, 64, 12),
    "Kernel, F": (1, 15, 3),
    "Padding, P": (0, 8, 1),
    "Stride, S": (1, 8, 2),
    "Dilation": (1, 4, 1),
    "Channels in": (1, 512, 64),
    "Filters": (1, 512, 64),
    "Filter size": (1, 11, 3),
    "Picture, pixels a side": (1, 256, 56),
    "Stride": (1, 4, 2),
}
PADDINGS = ("valid", "same", "number")
ROWS = 8  # positions of a kernel that are drawn


def slide(size: int, kernel: int, padding: int | str, stride: int, dilation: int) -> str:
    """Return the output size and the positions of a sliding kernel.

    torch's output size and call are beside them. Settings that are invalid return the sentence of the error.
    """
    from hub.explorer import conv_arithmetic

    try:
        result = conv_arithmetic.slide(size, kernel, padding, stride, dilation)
    except InputError as error:
        return _invalid_settings(error)
    output, call = conv_arithmetic.torch_slide(size, kernel, padding, stride, dilation)
    starts = list(result.starts)
    if len(starts) > ROWS:
        starts = [*starts[: ROWS - 2], None, starts[-1]]
    return render(
        "explorer/slide.html", slide=result, starts=starts, same=padding == "same", output=output, call=call
    )


def _invalid_settings(error: InputError) -> str:
    return render("explorer/invalid_settings.html", error=error)


def cost(channels: int, filters: int, kernel: int, size: int, stride: int) -> str:
    """Return the cost of a convolution at strides 1 to 4, with `stride` marked.

    Settings that are invalid return the sentence of the error.
    """
    from hub.explorer import conv_arithmetic

    try:
        costs = {
            step: conv_arithmetic.convolution_cost(channels, filters, kernel, size, "same", step)
            for step in sorted({1, 2, 3, 4, stride})
        }
    except InputError as error:
        return _invalid_settings(error)
    return render(
        "explorer/cost.html", channels=channels, filters=filters, kernel=kernel, stride=stride, costs=costs,
        side=conv_arithmetic.slide(size, kernel, "same", stride).output,
    )  # fmt: skip


def stacks(channels: int, size: int) -> str:
    """Return the cost of one 7 x 7 against three 3 x 3 convolutions.

    Maps are of `size` x `size` cells.
    """
    from hub.explorer import conv_arithmetic

    large, field = conv_arithmetic.stack_cost([7], channels, size)
    small, _ = conv_arithmetic.stack_cost([3, 3, 3], channels, size)
    return render("explorer/stacks.html", channels=channels, large=large, small=small, field=field)
