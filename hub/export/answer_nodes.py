"""What `onnx/answer.onnx` computes around a network, and its constants.

It is in ONNX's own text. A line is an operator with its inputs; https://onnx.ai/onnx/operators says what each
does. The tensors of the network have names that begin with `network_`.
"""

import numpy as np
from onnx import NodeProto, parser

from hub.inference.input_check import BLANK, COLOUR, COLOURED_SHARE, FINE, FOREIGN, UNLIKE
from hub.inference.served_config import ServedConfig

NETWORK = "network_"

# Pillow's bicubic, in whole numbers too; `exclude_outside` lets the weights at an edge add up to 1.
INPUT = """
    planes = Transpose <perm = [2, 0, 1]> (pixels)
    image = Unsqueeze (planes, first)
    squashed = Resize
        <mode = "cubic", cubic_coeff_a = -0.5, antialias = 1, exclude_outside = 1, axes = [2, 3]>
        (image, , , size)
    shown = Expand (squashed, shape)
    alone = Squeeze (shown, first)
    input = Transpose <perm = [1, 2, 0]> (alone)
    levels = Cast <to = 1> (shown)
    shares = Div (levels, white)
    centred = Sub (shares, mean)
    network_pixel_values = Div (centred, std)
"""
# Softmax at each position, as `inference.heatmap.local_log_odds` has it: of two classes, a difference.
LOG_ODDS = """
    logits = Squeeze (network_logits, first)
    negative = Gather (logits, zero)
    positive = Gather (logits, one)
    log_odds = Sub (positive, negative)
"""
HEATMAP = """
    maps = Squeeze (network_heatmap, first)
    negative_map = Gather (maps, zero)
    positive_map = Gather (maps, one)
    evidence = Sub (positive_map, negative_map)
    mean_evidence = ReduceMean <keepdims = 0> (evidence)
    local_evidence = Sub (evidence, mean_evidence)
    heatmap = Add (local_evidence, log_odds)
"""
# `input_check.judge` and `input_check.reasons`, line by line, for one image.
CHECK = """
    greys = ReduceMean <keepdims = 0> (levels, channel_axis)
    mean_grey = ReduceMean <keepdims = 0> (greys)
    grey_offsets = Sub (greys, mean_grey)
    grey_squares = Mul (grey_offsets, grey_offsets)
    grey_variance = ReduceMean <keepdims = 0> (grey_squares)
    grey_deviation = Sqrt (grey_variance)
    blank = Less (grey_deviation, blank_deviation)

    highest = ReduceMax <keepdims = 0> (levels, channel_axis)
    lowest = ReduceMin <keepdims = 0> (levels, channel_axis)
    colour = Sub (highest, lowest)
    coloured_pixels = GreaterOrEqual (colour, colour_levels)
    coloured_numbers = Cast <to = 1> (coloured_pixels)
    coloured_share = ReduceMean <keepdims = 0> (coloured_numbers)
    coloured = Greater (coloured_share, most_coloured)

    flat = Flatten (network_statistics)
    products = MatMul (flat, weight)
    rows = Add (products, bias)
    scores = Squeeze (rows, first)
    good = Gather (scores, zero)
    faults = Slice (scores, after_first, end, first)
    worst = ReduceMax <keepdims = 0> (faults)
    lead = Sub (worst, good)
    by_scores = Greater (lead, margin)
    place = ArgMax <axis = 0, keepdims = 0> (faults)
    worst_kind = Add (place, one)

    statistics = Squeeze (network_statistics, first)
    some = Slice (statistics, start, stop, first)
    features = Reshape (some, row)
    offsets = Sub (features, centres)
    offset_rows = Unsqueeze (offsets, channel_axis)
    turned = MatMul (offset_rows, precisions)
    turned_rows = Squeeze (turned, channel_axis)
    parts = Mul (turned_rows, offsets)
    squares = ReduceSum <keepdims = 0> (parts, channel_axis)
    positive_squares = Max (squares, no_distance)
    distances = Sqrt (positive_squares)
    away = Gather (distances, zero)
    near = LessOrEqual (away, familiar)
    by_distance = Not (near)

    kind_by_distance = Where (by_distance, unlike_kind, zero)
    kind = Where (by_scores, worst_kind, kind_by_distance)
    all_distances = Concat <axis = 0> (distances, infinite)
    relative = Div (all_distances, limits)
    own = Gather (relative, kind)
    fine_own = Gather (relative, zero)
    nearest = Min (own, fine_own)
    among_radiographs = LessOrEqual (nearest, limit)
    found = Or (by_scores, by_distance)
    name = Gather (names, kind)
    known = Where (among_radiographs, name, foreign)
    by_network = Where (found, known, fine)
    is_foreign = Equal (by_network, foreign)
    is_radiograph = Not (is_foreign)
    is_coloured = And (coloured, is_radiograph)
    by_colour = Where (is_coloured, coloured_reason, by_network)
    reason = Where (blank, blank_reason, by_colour)
"""


def parsed(text: str) -> list[NodeProto]:
    """Return the nodes of a text."""
    return list(parser.parse_graph(f"text () => () {{{text}}}").node)


def input_constants(config: ServedConfig) -> dict[str, np.ndarray]:
    """Return the constants of `INPUT`, `LOG_ODDS` and `HEATMAP` by name."""
    channels, *size = config.input_size
    return {
        "first": np.array([0]),
        "zero": np.array(0),
        "one": np.array(1),
        "size": np.array(size),
        "shape": np.array([1, channels, *size]),
        "white": np.float32(255),
        "mean": config.mean[None, :, None, None],
        "std": config.std[None, :, None, None],
    }


def reasons(check: dict) -> list[str]:
    """Return what the output `reason` counts through.

    It is FINE and the reasons of `input_check.SENTENCES` that the check may find."""
    return list(dict.fromkeys([*check["kinds"], UNLIKE, "blank", "coloured"]))


def check_constants(check: dict) -> dict[str, np.ndarray]:
    """Return the constants of `CHECK` by name; `check` is that of `input_check.load`."""
    kinds, names = check["kinds"], reasons(check)
    start, stop = check["channels"].tolist()
    return {
        "channel_axis": np.array([1]),
        "blank_deviation": np.float32(BLANK),
        "colour_levels": np.float32(COLOUR),
        "most_coloured": np.float32(COLOURED_SHARE),
        "weight": np.ascontiguousarray(check["weight"].T),
        "bias": check["bias"],
        "after_first": np.array([1]),
        "end": np.array([len(kinds)]),
        "margin": check["margin"][0],
        "start": np.array([start]),
        "stop": np.array([stop]),
        "row": np.array([1, -1]),
        "centres": check["centres"],
        "precisions": check["precisions"],
        "no_distance": np.float32(0),
        "familiar": check["familiar"][0],
        "infinite": np.array([np.inf], np.float32),  # FOREIGN has no Gaussian
        "limits": np.append(check["limits"], np.float32(1)),
        "limit": np.float32(1),
        "unlike_kind": np.array(kinds.index(UNLIKE) if UNLIKE in kinds else 0),
        "names": np.array([names.index(UNLIKE), *map(names.index, kinds[1:])]),
        "fine": np.array(names.index(FINE)),
        "foreign": np.array(names.index(FOREIGN)),
        "blank_reason": np.array(names.index("blank")),
        "coloured_reason": np.array(names.index("coloured")),
    }
