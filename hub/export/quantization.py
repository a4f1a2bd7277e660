"""The network of an ONNX file in 8 bits: ranges and biases from training images."""

from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, numpy_helper
from onnxruntime import InferenceSession
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from tqdm.auto import tqdm

TOGETHER = 8  # images through the network at a time


def write_int8(full: Path, file: Path, inputs: np.ndarray) -> None:
    """Write the network of `full` in 8 bits, with ranges and biases from `inputs`, float32 [N, C, H, W]."""

    class Reader(CalibrationDataReader):
        images = iter(tqdm(inputs, "Ranges of 8 bits", unit=" images", leave=False))

        def get_next(self) -> dict[str, np.ndarray] | None:
            image = next(self.images, None)
            return None if image is None else {"pixel_values": image[None]}

    prepared = file.with_suffix(".prepared")
    quant_pre_process(str(full), str(prepared))
    network = onnx.load(prepared)
    quantize_static(
        str(prepared),
        str(file),
        Reader(),
        per_channel=True,
        activation_type=QuantType.QUInt8,  # with weights in int8, the pair that x86 multiplies fastest
        nodes_to_exclude=[*first_layers(network), *beside_logits(network)],
    )
    corrected = correct_biases(network, onnx.load(file), inputs)
    onnx.save(corrected, file)
    prepared.unlink()


def first_layers(network: ModelProto) -> list[str]:
    """Return the names of all nodes before the second half of the convolutions.

    They stay in 32 bits: what is rounded there, all that follows sees. It costs little time, for later
    layers hold most of the channels, and nearly all of the weights.
    """
    nodes = network.graph.node
    places = [place for place, node in enumerate(nodes) if node.op_type == "Conv"]
    return [node.name for node in nodes[: places[len(places) // 2]]] if places else []


def beside_logits(network: ModelProto) -> list[str]:
    """Return the names of the nodes that do not lead to the logits.

    They stay in 32 bits: 8 bits for the statistics of all channels together leave nothing of most.
    """
    nodes, needed = network.graph.node, {"logits"}
    for node in reversed(nodes):  # which come in the order in which they are run
        if needed & set(node.output):
            needed |= set(node.input)
    return [node.name for node in nodes if not needed & set(node.output)]


def correct_biases(full: ModelProto, small: ModelProto, inputs: np.ndarray) -> ModelProto:
    """Return `small` with biases that give every channel, on average over `inputs`, what `full` gives it.

    Rounded weights, those of depthwise convolutions above all, shift whole channels. Layers are mended in
    the order in which they are run, each after those before it (Nagel et al. 2019, appendix D,
    https://arxiv.org/abs/1906.04721).
    """
    biases = _quantized_biases(small)
    if not biases:
        return small
    # Layers keep their names in 8 bits, what they give out need not.
    outputs = {node.name: node.output[0] for node in full.graph.node if node.name in biases}
    wanted = _channel_means(full, list(outputs.values()), inputs)
    for layer, (name, bias, scale) in tqdm(biases.items(), "Biases of 8 bits", unit=" layers", leave=False):
        shift = _channel_means(small, [name], inputs)[name] - wanted[outputs[layer]]
        mended = numpy_helper.to_array(bias) - np.rint(shift / scale).astype(np.int32)
        bias.CopyFrom(numpy_helper.from_array(mended, bias.name))
    return small


def _quantized_biases(network: ModelProto) -> dict[str, tuple[str, onnx.TensorProto, np.ndarray]]:
    """Return by a layer's name its output, its bias, int32 [channels], and what a step of that is worth."""
    constants = {tensor.name: tensor for tensor in network.graph.initializer}
    makers: dict[str, NodeProto] = {output: node for node in network.graph.node for output in node.output}
    found = {}
    for node in network.graph.node:
        maker = (
            makers.get(node.input[2]) if node.op_type in ("Conv", "Gemm") and len(node.input) > 2 else None
        )
        if maker and maker.op_type == "DequantizeLinear" and maker.input[0] in constants:
            bias, scale = (constants[name] for name in maker.input[:2])
            found[node.name] = node.output[0], bias, numpy_helper.to_array(scale)
    return found


def _channel_means(network: ModelProto, names: list[str], inputs: np.ndarray) -> dict[str, np.ndarray]:
    """Return the mean of each of these tensors over images and positions, float [channels]."""
    outputs = list(network.graph.output)
    del network.graph.output[:]  # what leads to no output is not run
    network.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    session = InferenceSession(network.SerializeToString())
    del network.graph.output[:]
    network.graph.output.extend(outputs)
    sums = dict.fromkeys(names, 0.0)
    for start in range(0, len(inputs), TOGETHER):
        batch = inputs[start : start + TOGETHER]
        for name, values in zip(names, session.run(names, {"pixel_values": batch}), strict=True):
            axes = tuple(axis for axis in range(values.ndim) if axis != 1)
            sums[name] += values.mean(axes, dtype=np.float64) * len(batch)
    return {name: total / len(inputs) for name, total in sums.items()}
