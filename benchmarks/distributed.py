"""Measure training with several processes, and reckon what eight devices do.

  python -m benchmarks.distributed [--processes 1 2] [--size 160] [--save]

Strong scaling keeps the batch of the recipe and shares it; weak scaling gives every process such a batch.
Each process has one thread, or one GPU where there is one for each. Images are noise, which costs as much as
radiographs do. --save puts the figures into results.json. The last line is arithmetic, not a measurement: the
compute of a step divided by eight, and the all-reduce of its gradients and of batch norm's figures as
measured between two processes here.
"""

import argparse
import json
import statistics
import time

from benchmarks import machine, processes, records
from hub.errors import InputError, run_command
from hub.text import markdown_table

STEPS = 12  # of an epoch, of which there are two; the first one warms up
REPEATS = 20
DEVICES = 8  # of the arithmetic


def main(arguments: list[str] | None = None) -> None:
    """Measure each number of processes and print the table.

    Raises InputError for numbers of processes without a 1, or below it.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.distributed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--processes", type=int, nargs="+", default=[1, 2], metavar="N", help="numbers (default: 1 2)")
    add("--size", type=int, default=160, help="pixels a side (default: %(default)s)")
    add("--save", action="store_true", help="put the figures into results.json")
    add("--measure", type=json.loads, help=argparse.SUPPRESS)  # for the processes that this command starts
    options = parser.parse_args(arguments)
    records.check(options.save, records.RECORD)
    if options.measure:
        measured = measure(**options.measure)
        if measured:
            print(json.dumps(measured))
        return
    if options.size < 32:
        raise InputError("Give a --size of 32 or more.")
    counts = sorted({*options.processes})
    if counts[0] != 1:
        raise InputError("Give --processes a 1, with which the others are compared, and no number below it.")
    record = {"size": options.size, "strong": {}, "weak": {}}
    for count in counts:
        record["strong"][str(count)] = start(count, options.size, 1)
        record["weak"][str(count)] = start(count, options.size, count) if count > 1 else record["strong"]["1"]
    record["machine"] = machine.describe()
    print(format_record(record))
    if options.save:
        records.save("distributed", record)


def start(count: int, size: int, batches: int) -> dict:
    """Return the figures of so many processes, at `batches` times the batch."""
    options = ["-m", "benchmarks.distributed", "--measure", json.dumps({"size": size, "batches": batches})]
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
    return processes.result([*launcher, *options])


def measure(size: int, batches: int) -> dict | None:
    """Return images per second of the loop, and seconds of what processes send.

    It is None in all processes but the main one.
    """
    from hub.system import keep_memory
    from hub.training import distributed

    keep_memory()
    distributed.silence_others()
    distributed.join()
    import torch

    from hub.models import factory
    from hub.training import loop
    from hub.training.recipes import RECIPES

    torch.set_num_threads(1)
    recipe = RECIPES["xray"]._replace(epochs=2, small_epochs=0, size=size)
    recipe = recipe._replace(batch_size=batches * recipe.batch_size)
    model = factory.create_model(recipe.architecture, 2, "none", True, size, 1)
    norms = sum(isinstance(each, torch.nn.BatchNorm2d) for each in model.modules())
    values = sum(parameter.numel() for parameter in model.parameters())
    train_set, validation_set = (noise(count, size) for count in (STEPS * recipe.batch_size, 16))
    rate = loop.train(model, train_set, validation_set, recipe)[1]["images_per_second"]
    several = distributed.process_count() > 1
    figures = {
        "batch": recipe.batch_size,
        "images_per_second": round(rate, 2),
        "norms": norms,
        "gradient_bytes": 4 * values,
        "gradient_seconds": all_reduce_seconds(values) if several else 0,
        "norm_seconds": all_reduce_seconds(512) if several else 0,
    }
    distributed.leave()
    return figures if distributed.is_main() else None


def noise(count: int, size: int) -> tuple:
    """Return images uint8 [count, 1, size, size] of noise, and labels of two classes."""
    import torch

    return torch.randint(0, 256, (count, 1, size, size), dtype=torch.uint8), torch.arange(count) % 2


def all_reduce_seconds(values: int) -> float:
    """Return the median time of an all-reduce of so many float32."""
    import torch
    from accelerate import PartialState

    tensor, seconds = torch.ones(values, device=PartialState().device), []
    for _ in range(REPEATS):
        torch.distributed.barrier()
        started = time.perf_counter()
        torch.distributed.all_reduce(tensor)
        tensor[:1].item()  # waits for a GPU
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def reckon(record: dict, devices: int = DEVICES) -> dict[str, float]:
    """Return images per second of so many devices, by arithmetic.

    A ring's all-reduce sends 2 (n - 1) / n of the values (Patarasuk and Yuan 2009,
    https://doi.org/10.1016/j.jpdc.2008.09.002): of two processes 1, of eight 1.75 times. The small messages
    of batch norm, two for each, take time for every step of the ring.
    """
    alone, two = record["strong"]["1"], record["strong"]["2"]
    seconds = alone["batch"] / alone["images_per_second"]
    ring = 2 * (devices - 1) / devices
    sent = ring * two["gradient_seconds"] + 2 * two["norms"] * two["norm_seconds"] * (devices - 1)
    return {
        "strong": alone["batch"] / (seconds / devices + sent),
        "weak": devices * alone["batch"] / (seconds + sent),
    }


def format_record(record: dict) -> str:
    """Return the Markdown table of both scalings, the arithmetic and the machine."""
    alone, rows = record["strong"]["1"]["images_per_second"], []
    for kind in ("strong", "weak"):
        for count, row in record[kind].items():
            speedup = row["images_per_second"] / alone
            rows.append(
                (kind, count, row["batch"], f"{row['images_per_second']:.1f}", f"{speedup:.2f}",
                 f"{100 * speedup / int(count):.0f} %")
            )  # fmt: skip
    titles = ("Scaling", "Processes", "Batch", "Images/s", "Speed-up", "Efficiency")
    text = markdown_table(titles, rows)
    if "2" in record["strong"]:
        two, paper = record["strong"]["2"], reckon(record)
        text += (
            f"\n\nBetween two processes an all-reduce of the gradients, "
            f"{two['gradient_bytes'] / 1e6:.1f} MB, takes {1000 * two['gradient_seconds']:.1f} ms, one of a "
            f"batch norm {1000 * two['norm_seconds']:.2f} ms. By arithmetic, not measured, {DEVICES} devices "
            f"that compute and send as this one does train on {paper['strong']:.0f} images/s at the same "
            f"batch, and {paper['weak']:.0f} at {DEVICES} times the batch."
        )
    return f"{text}\n\n{record['size']} px, {machine.sentence(record['machine'])}"


if __name__ == "__main__":
    run_command("python -m benchmarks.distributed", main)
