"""Save what torch exports to ONNX."""

from pathlib import Path

from torch.onnx import ONNXProgram


def save_program(program: ONNXProgram, file: Path) -> None:
    """Write an exported network to a file, without where its code lies.

    torch notes that at each node, with paths that name folders of this machine, and often its user.
    """
    for graph in (program.model.graph, *program.model.functions.values()):
        for node in graph.all_nodes():
            node.metadata_props.clear()
    program.save(str(file), external_data=False)
