"""Write benchmarks/README.md from results.json, coursework.json and browser.json.

python -m benchmarks report
"""

import argparse
from pathlib import Path
from types import ModuleType

from benchmarks import (
    coursework,
    distributed,
    growth,
    hosting,
    inference,
    memory,
    records,
    reduction,
    runtimes,
    score,
    serving,
    training,
)
from hub import files
from hub.errors import run_command

NOT_YET = "Not measured yet; this command does it:"
REPORT = Path(__file__).with_name("README.md")


def main(arguments: list[str] | None = None) -> None:
    """Write benchmarks/README.md and print the figures that the front page quotes.

    Raises InputError if a record is missing.
    """
    argparse.ArgumentParser(
        prog="python -m benchmarks.report",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args(arguments)
    record, exercises, browser = map(records.read, paths())
    with records.complete(*paths()):
        report, figures = format_report(record, exercises, browser), front_page_figures(record)
    files.write_text(REPORT, report)
    print(f"{REPORT.name} shows the figures of {', '.join(path.name for path in paths())}.")
    for name, figure in figures.items():
        print(f"the front page's {name}: {figure}")


def paths() -> tuple[Path, Path, Path]:
    """Return the records that the report is made of, in the order of `format_report`."""
    return records.RECORD, coursework.RECORD, hosting.BROWSER


def front_page_figures(record: dict) -> dict[str, str]:
    """Return the figures that README.md at the root quotes, as written there.

    `latency` is that of one image in fp32, `speedup_single` and `speedup_batch` how many times as fast as
    transformers' pipeline that is, alone and in batches of 32, and `click` the median latency of a click in
    the demo with one visitor.
    """
    rows = {row["who"]: row for row in record["inference"]["rows"]}
    ours, reference = rows["this project, fp32"], rows[inference.REFERENCE]
    single, batched = inference.BATCHES
    return {
        "latency": f"{ours['milliseconds'][str(single)][1]:.1f} ms",
        "speedup_single": f"{inference.speedup(ours, reference, single):.1f} times",
        "speedup_batch": f"{inference.speedup(ours, reference, batched):.1f} times",
        "click": f"{record['serving']['clicks']['1']['median']:.0f} ms",
    }


def _section(comparison: ModuleType, record: dict, name: str) -> str:
    """Return the figures of a comparison, or that there are none."""
    return comparison.format_record(record[name]) if name in record else NOT_YET


def format_report(record: dict, exercises: dict, browser: dict) -> str:
    """Return benchmarks/README.md from the contents of its records."""
    return f"""\
# Benchmarks

The speed of this project beside what people would use instead. `python -m benchmarks report` writes this page
from [results.json](results.json) and [coursework.json](coursework.json), where the comparisons below put
their figures with `--save`. Each system runs in its own process, on the same images and the same machine,
with nothing else beside the comparison. The machine is named under each table.

- [Inference](#inference): from the bytes of a file to its label
- [Archives](#archives): films an hour against processes, and their price
- [Demo](#demo): start-up, and clicks of its visitors
- [Many visitors](#many-visitors): what a server costs, and what their own browsers do
- [Training](#training): beside plain fine-tunes of the same network
- [Scaling](#scaling): time and memory as images, batches, file lists and data sets grow
- [Coursework, beside Keras](#coursework-beside-keras)
- [Measure again](#measure-again)

## Inference

From the bytes of a test radiograph (224 px, as published) to its label. This project's time includes the
probability, the heatmap and the input check; the others return a label. Systems take turns,
{record["inference"]["turns"]} each, on {record["inference"]["films"]} images drawn by lot.

![Throughput (images/s) of each system, for single images and in batches](inference.png)

{inference.format_table(record["inference"])}

Where the time goes:

{inference.format_profile(record["inference"])}

{reduction.format_record(record["reduction"])}

```bash
python -m benchmarks inference --films ../shared/data/chest_xray/test --save
python -m benchmarks reduction --films ../shared/data/chest_xray/test --save
```

## Archives

`python -m hub score`, from a folder of files to one of Parquet, listing and start-up included. Each process
has one thread.

{_section(score, record, "score")}

```bash
python -m benchmarks score --films ../shared/data/chest_xray/test --save
```

Another runtime, and one thread a process beside all threads in one:

{_section(runtimes, record, "runtimes")}

```bash
python -m benchmarks runtimes --films ../shared/data/chest_xray/test --save
```

## Demo

Clicks on an example, each from the visitor's request, as the page makes it, to the finished answer: image,
card and heatmap. Every visitor clicks again as soon as the last click is answered. The visitors run on the
same cores as the server.

{serving.format_record(record["serving"])}

```bash
python -m benchmarks serving --save
```

## Many visitors

A server answers them, or the [page in their own browsers](../docs/browser.md) does:

{hosting.format_table(record, browser)}

## Training

Keras's `fit`, transformers' `Trainer` and `train.py`'s recipe, from the same decoded radiographs and the same
ImageNet weights. Time runs from the first step to the end of an epoch, validation included. The test split is
not read.

![Two AUCs on validation radiographs against minutes of training](training.png)

{training.format_table(record["training"])}

In brackets: the time that `train.py` takes to the same AUC, as a share of the other system's time. Validation
radiographs are much like the training radiographs. `Keras fit` only mirrors its training images, and is best
on validation; `train.py` varies exposure, crop, shape and sharpness, for radiographs of other machines. The
AUC with shifted and swapped views shows the difference: a swapped view has the frame or the grey values of a
radiograph of the other class. Recipes and seeds were chosen by such views, which favours `train.py` there.
The first epochs of `train.py` train, and are validated, at 160 px.

```bash
python -m benchmarks training --dataset ../shared/data/chest_xray \\
  --weights ../shared/weights/mobilenetv2_100_imagenet.safetensors --save
```

Less memory, for more time: `--grad-checkpointing` computes activations again where it needs them.

{_section(memory, record, "memory")}

```bash
python -m benchmarks memory --save
```

## Scaling

Time, and the peak memory of the process.

![Time and memory against pixels, batch size, number of files and images in an epoch](growth.png)

{growth.format_record(record["growth"])}

```bash
python -m benchmarks growth --films ../shared/data/chest_xray/test --dataset ../shared/data/chest_xray \\
  --weights ../shared/weights/mobilenetv2_100_imagenet.safetensors --save
```

{_distributed_section(record)}## Coursework, beside Keras

The exercises of a first course on convolutional networks, as its notes did them in Keras and as `train.py`
does them, on the same images in the same run. No setting was chosen by the test split. Training time includes
the validation after each epoch on both sides. The whole command includes imports and, for `train.py`,
calibration, export, and the evaluation with its bootstrap.

{coursework.format_table(exercises)}

```bash
python -m benchmarks coursework --mnist ../shared/data/mnist --cifar10 ../shared/data/cifar10 \\
  --xray ../shared/data/chest_xray \\
  --weights ../shared/weights/mobilenetv2_100_imagenet.safetensors --save
```

## Measure again

From the root of the repository; all comparisons take some two hours:

```bash
pip install -r benchmarks/requirements.txt
python -m benchmarks --xray ../shared/data/chest_xray --mnist ../shared/data/mnist \\
  --cifar10 ../shared/data/cifar10 \\
  --weights ../shared/weights/mobilenetv2_100_imagenet.safetensors --save
```
"""


def _distributed_section(record: dict) -> str:
    """Return the section on several processes; "" before they were measured."""
    if "distributed" not in record:
        return ""
    return f"""\
## Training in several processes

`torchrun --nproc-per-node N train.py`. Strong scaling shares the recipe's batch among the processes, weak
scaling gives each of them one. Every process has one core.

{distributed.format_record(record["distributed"])}

```bash
python -m benchmarks distributed --save
```

"""


if __name__ == "__main__":
    run_command("python -m benchmarks.report", main)
