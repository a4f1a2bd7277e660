"""The layers of a network to choose from: early, middle and late ones."""

from dataclasses import replace
from typing import TYPE_CHECKING

from hub.demo.words import Words
from hub.text import dimensions

if TYPE_CHECKING:
    from hub.explorer.layers import Layer
    from hub.explorer.network import Network

DEPTHS = ("early", "middle", "late")


def depths(network: "Network") -> list[str]:
    """Return those of `DEPTHS` in which a layer has maps."""
    present = {depth_of(network, layer.name) for layer in network.maps}
    return [depth for depth in DEPTHS if depth in present]


def depth_of(network: "Network", layer: str) -> str:
    """Return in which third of the network a layer is, one of `DEPTHS`."""
    names = [layer.name for layer in network.layers]
    return DEPTHS[int((names.index(layer) + 0.5) / len(names) * len(DEPTHS))]


def default_layer(network: "Network", depth: str = "middle") -> str | None:
    """Return the layer that stands for a depth: the first, middle or last one.

    It is one whose maps have several cells, if there is any. Where no layer of this depth has maps it is of
    the whole network; None for a network without maps.
    """
    maps = [layer for layer in network.maps if max(layer.output[1:]) > 1] or network.maps
    maps = [layer for layer in maps if depth_of(network, layer.name) == depth] or maps
    index = {"early": 0, "middle": len(maps) // 2, "late": -1}[depth]
    return maps[index].name if maps else None


def choices(network: "Network", depth: str | None, words: Words) -> list[tuple[str, str]]:
    """Return a label and the name of each layer of a depth, in the network's order.

    Layers without maps are left out.
    """
    return [
        (option(network, layer, words), layer.name)
        for layer in network.maps
        if depth_of(network, layer.name) == depth
    ]


def option(network: "Network", layer: "Layer", words: Words) -> str:
    """Return a layer's number in the network, and the cells of its maps."""
    number, count = network.layers.index(layer) + 1, len(network.layers)
    return words("inside.layer_option", number=number, count=count, cells=dimensions(layer.output[1:]))


def find(network: "Network", name: str) -> "Layer":
    """Return a layer with maps by its name."""
    return next(layer for layer in network.maps if layer.name == name)


def operation(layer: "Layer", words: Words) -> str:
    """Return a layer's kind, kernel and stride: "convolution 3 × 3, stride 2"."""
    kind, kernel = words(f"inside.kind_{layer.kind}"), dimensions(layer.kernel)
    if layer.kind == "dense" or (layer.kind == "pooling" and layer.kernel == (1, 1)):
        return kind
    if layer.stride == (1, 1):
        return words("inside.kind_kernel", kind=kind, kernel=kernel)
    return words("inside.kind_stride", kind=kind, kernel=kernel, stride=layer.stride[0])


def technical_name(network: "Network", name: str, words: Words) -> str:
    """Return what torch calls a layer, what it does, and the shape of its output."""
    layer = find(network, name)
    return f"{layer.name}: {operation(layer, words)}, {dimensions(layer.output)}"


def layers_as_trained(network: "Network") -> tuple[list["Layer"], int | None]:
    """Return the layers, the first one with the weights that were trained.

    With them is how many weights the file stores of the first one, or None if just those: a model of
    radiographs is stored with three channels in for one that was trained.
    """
    first = next((layer for layer in network.layers if layer.kind != "pooling"), None)
    if first is None or network.after is None or len(first.input) != 3:
        return network.layers, None
    channels, weights = network.after.shape[1], network.after.size
    stored = weights * first.input[0] // channels
    if channels * first.groups >= first.input[0]:
        return network.layers, None
    trained = replace(
        first,
        input=(channels, *first.input[1:]),
        parameters=first.parameters - stored + weights,
        multiply_adds=first.multiply_adds * channels // first.input[0],
    )
    return [trained if layer is first else layer for layer in network.layers], stored
