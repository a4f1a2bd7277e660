"""Static quantisation of an ONNX file to 8 bits, with bias correction."""

from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, numpy_helper
from onnxruntime import InferenceSession
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from hub.batching import batches
from hub.inference.session import session_options
from hub.progress import progress
from hub.system import usable_cores

CHUNK_SIZE = 8  # images in one run of the network


def write_int8(full: Path, file: Path, inputs: np.ndarray) -> None:
    """Write the network of the ONNX file `full` in 8 bits to `file`.

    `inputs`, float32 [N, C, H, W], calibrate ranges and biases.
    """

    class Reader(CalibrationDataReader):
        images = iter(progress(inputs, "Ranges of 8 bits", unit=" images", leave=False))

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
        activation_type=QuantType.QUInt8,  # with int8 weights, the fastest product on x86
        nodes_to_exclude=[*first_layers(network), *last_layer(network), *beside_logits(network)],
    )
    corrected = correct_biases(network, onnx.load(file), inputs)
    onnx.save(corrected, file)
    prepared.unlink()


def first_layers(network: ModelProto) -> list[str]:
    """Return the names of all nodes before the second half of the convolutions.

    They stay in 32 bits, because rounding there changes the input of every later layer. It costs little time:
    later layers hold most of the channels and nearly all of the weights.
    """
    nodes = network.graph.node
    convolutions = [index for index, node in enumerate(nodes) if node.op_type == "Conv"]
    return [node.name for node in nodes[: convolutions[len(convolutions) // 2]]] if convolutions else []


def last_layer(network: ModelProto) -> list[str]:
    """Return the names of the layer of the logits and of what follows pooling.

    They stay in 32 bits: one range of 8 bits for all logits would leave them about two hundred values.
    """
    names, wanted = [], "logits"
    for node in reversed(network.graph.node):
        if wanted in node.output:
            if node.op_type not in ("Gemm", "MatMul", "Add", "Reshape", "Flatten", "Identity"):
                break
            names.append(node.name)
            wanted = node.input[0]
    return names


def beside_logits(network: ModelProto) -> list[str]:
    """Return the names of the nodes that do not lead to the logits.

    They stay in 32 bits: one range of 8 bits for the statistics of all channels rounds most of them to 0.
    """
    nodes, needed = network.graph.node, {"logits"}
    for node in reversed(nodes):  # in the order of execution
        if needed & set(node.output):
            needed |= set(node.input)
    return [node.name for node in nodes if not needed & set(node.output)]


def correct_biases(full: ModelProto, small: ModelProto, inputs: np.ndarray) -> ModelProto:
    """Return `small` with biases that give its channels the means of `full`.

    Means are over `inputs`, float32 [N, C, H, W]. Rounded weights shift them, most of all in depthwise
    convolutions. Layers are corrected in the order of execution, each after those before it (Nagel et al.
    2019, appendix D, https://arxiv.org/abs/1906.04721). `small` is changed in place.
    """
    biases = _quantized_biases(small)
    if not biases:
        return small
    # Layers keep their names in 8 bits, their outputs need not.
    outputs = {node.name: node.output[0] for node in full.graph.node if node.name in biases}
    targets = _channel_means(full, list(outputs.values()), inputs)
    for layer, (name, bias, scale) in progress(
        biases.items(), "Biases of 8 bits", unit=" layers", leave=False
    ):
        shift = _channel_means(small, [name], inputs)[name] - targets[outputs[layer]]
        corrected = numpy_helper.to_array(bias) - np.rint(shift / scale).astype(np.int32)
        bias.CopyFrom(numpy_helper.from_array(corrected, bias.name))
    return small


def _quantized_biases(network: ModelProto) -> dict[str, tuple[str, onnx.TensorProto, np.ndarray]]:
    """Return the output, the bias and the scale of the bias of each layer, by name.

    The output is a name; the bias is int32 [channels].
    """
    constants = {tensor.name: tensor for tensor in network.graph.initializer}
    producers: dict[str, NodeProto] = {output: node for node in network.graph.node for output in node.output}
    biases = {}
    for node in network.graph.node:
        if node.op_type not in ("Conv", "Gemm") or len(node.input) < 3:
            continue  # without a bias
        producer = producers.get(node.input[2])
        if producer and producer.op_type == "DequantizeLinear" and producer.input[0] in constants:
            bias, scale = (constants[name] for name in producer.input[:2])
            biases[node.name] = node.output[0], bias, numpy_helper.to_array(scale)
    return biases


def _channel_means(network: ModelProto, names: list[str], inputs: np.ndarray) -> dict[str, np.ndarray]:
    """Return the mean of each named tensor over images and positions.

    The means are float [channels].
    """
    outputs = list(network.graph.output)
    del network.graph.output[:]  # nodes that lead to no output are not run
    network.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    session = InferenceSession(network.SerializeToString(), session_options(usable_cores()))
    del network.graph.output[:]
    network.graph.output.extend(outputs)
    sums = dict.fromkeys(names, 0.0)
    for chunk in batches(inputs, CHUNK_SIZE):
        for name, values in zip(names, session.run(names, {"pixel_values": np.stack(chunk)}), strict=True):
            axes = tuple(axis for axis in range(values.ndim) if axis != 1)
            sums[name] += values.mean(axes, dtype=np.float64) * len(chunk)
    return {name: total / len(inputs) for name, total in sums.items()}
