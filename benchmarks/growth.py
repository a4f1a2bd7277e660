"""Measure time and memory as images, batches, file lists and data sets grow.

  python -m benchmarks.growth --films DIR --dataset DIR --weights FILE [--save]

Images are those of --films, enlarged and stored as JPEG. Latency is that of one image at a time, from bytes
to label; throughput that of batches. `classify_files` answers lists of files, and an epoch of training takes
data sets at both sizes of train.py's recipe. So that only the data grow, the last part decodes the synthetic
radiographs up to a hundred times over, from the disk and from streamed Parquet, and trains a very small
network on them for an epoch. Each runs in its own process, whose peak memory is recorded; that of the last
part without files that are mapped, whose pages the system takes back when it needs them. --save puts the
figures into results.json and draws growth.png.
"""

import argparse
import io
import json
import tempfile
import time
from pathlib import Path

from PIL import Image
from tqdm.auto import tqdm

from benchmarks import charts, inference, machine, processes, records
from hub.errors import InputError, run_command
from hub.models.folder import BUNDLED
from hub.text import markdown_table

SIDES = (224, 500, 1000, 2000, 4000, 7071)  # pixels; from 0.05 to 50 megapixels
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128)
COUNTS = (100, 1_000, 5_000)  # of files
IMAGES = (300, 600, 1200)  # of an epoch
REPETITIONS = (1, 10, 100)  # of the 320 synthetic radiographs
# What grows, the system, the unit of its time, and digits after the point.
ROWS = {
    "pixels": ("megapixels of one image", "{}", "ms", 0),
    "batch": ("images in a batch", "{}", "ms per image", 1),
    "files": ("files of one call", "{}", "s", 1),
    "training": ("images in an epoch of training", "`train.py` at {}", "s", 0),
    "repetition": ("repeated images, decoded and trained on", "{}", "s", 0),
}
COLUMNS = (
    "What grows", "System", "From", "Time", "Peak memory (MB)", "To", "Time", "Peak memory (MB)",
)  # fmt: skip
SERVED = ("this project, fp32", "this project, int8", "transformers pipeline")


def main(arguments: list[str] | None = None) -> None:
    """Measure each part and print the table, or run one measurement as JSON.

    Raises InputError for options that do not fit.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.growth",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--films", type=Path, metavar="DIR", help="a folder of images, its subfolders too")
    add("--dataset", metavar="DIR", help="the chest X-rays to train on: a folder, Parquet or a Hub id")
    add("--weights", metavar="FILE", help="timm's mobilenetv2_100, .safetensors")
    add("--only", nargs="+", choices=PARTS, metavar="PART", help=f"of: {', '.join(PARTS)}")
    add("--turns", type=int, default=3, help="of each system and size (default: %(default)s)")
    add("--save", action="store_true", help="put the figures into results.json and growth.png")
    add("--measure", type=json.loads, help=argparse.SUPPRESS)  # for the processes that this command starts
    options = parser.parse_args(arguments)
    records.check(options.save, records.RECORD)
    if options.measure:
        print(json.dumps(MEASURES[options.measure["part"]](**options.measure)))
        return
    parts = options.only or list(PARTS)
    if options.turns < 2:
        raise InputError("Give --turns of 2 or more.")
    if not options.films and set(parts) - {"training", "repetition"}:
        raise InputError("There are no films to classify; give --films DIR.")
    if "training" in parts and not (options.dataset and options.weights):
        raise InputError("There is nothing to learn from; give --dataset DIR and --weights FILE.safetensors.")
    record = records.load_here("growth") if options.only and options.save else {}
    for part in parts:
        record[part] = PARTS[part](options)
    record["machine"] = machine.describe()
    record = {part: record[part] for part in (*PARTS, "machine") if part in record}
    print(format_record(record))
    if options.save:
        records.save("growth", record)
        plot(record)


def grow_pixels(options: argparse.Namespace) -> dict:
    """Return milliseconds and megabytes of one image, by system and megapixels."""
    originals = [Image.open(path).convert("L") for path in _images(options.films, 4)]
    curves = {name: {} for name in (SERVED[0], SERVED[2])}
    for side in tqdm(SIDES, "Sizes of an image", unit=" sizes"):
        images = [_jpeg(image.resize((side, side), Image.Resampling.BICUBIC)) for image in originals]
        for row in inference.compare(list(curves), BUNDLED, images, options.turns, batches=(1,)):
            curves[row["who"]][f"{side**2 / 1e6:.2f}"] = _point(row, 1)
    return curves


def grow_batch(options: argparse.Namespace) -> dict:
    """Return milliseconds per image and megabytes, by system and batch size."""
    images = [path.read_bytes() for path in _images(options.films, max(BATCHES))]
    rows = inference.compare(list(SERVED), BUNDLED, images, options.turns, BATCHES)
    return {row["who"]: {str(size): _point(row, size) for size in BATCHES} for row in rows}


def grow_files(options: argparse.Namespace) -> dict:
    """Return seconds and megabytes of `classify_files`, by the number of files."""
    path = str(_images(options.films, 1)[0])
    counts = tqdm(COUNTS, "Numbers of files", unit=" sizes")
    return {"this project": {str(n): measure(part="files", path=path, count=n) for n in counts}}


def grow_training(options: argparse.Namespace) -> dict:
    """Return seconds and megabytes of one epoch, by image size and number of images."""
    from hub.training.recipes import RECIPES

    sizes = (RECIPES["xray"].small_size, RECIPES["xray"].size)
    common = {"part": "training", "dataset": options.dataset, "weights": options.weights}
    curves = {f"{size} px": {} for size in sizes}
    for size in sizes:
        for count in tqdm(IMAGES, f"Epochs at {size} px", unit=" sizes"):
            curves[f"{size} px"][str(count)] = measure(**common, size=size, count=count)
    return curves


def grow_repetition(options: argparse.Namespace) -> dict:
    """Return seconds and megabytes of decoding and one epoch, by image count."""
    counts = [320 * times for times in REPETITIONS]
    curves = {"`train.py` from the disk": {}, "`train.py --streaming`": {}}
    for streaming, curve in enumerate(curves.values()):
        for count in tqdm(counts, "Repeated images", unit=" sizes"):
            curve[str(count)] = measure(part="repetition", count=count, streaming=bool(streaming))
    return curves


def measure_files(part: str, path: str, count: int) -> dict:
    """Return seconds and megabytes of `classify_files` on `count` times one path."""
    from hub.inference.batch import classify_files
    from hub.inference.classifier import Classifier

    classifier = Classifier.from_pretrained(BUNDLED)
    started = time.perf_counter()
    for _ in classify_files(classifier, (path for _ in range(count))):
        pass
    return {"seconds": round(time.perf_counter() - started, 2), "megabytes": machine.peak_memory()}


def measure_training(part: str, dataset: str, weights: str, size: int, count: int) -> dict:
    """Return seconds and megabytes of one epoch on `count` images of `size` px."""
    from hub.system import keep_memory

    keep_memory()
    from hub.data import decode_cache
    from hub.data.splits import load_splits
    from hub.models import factory
    from hub.training import loop
    from hub.training.recipes import RECIPES

    recipe = RECIPES["xray"]
    splits = load_splits(dataset)
    few = splits["train"].shuffle(seed=0).select(range(count))
    validation = splits["validation"].shuffle(seed=0).select(range(64))
    sets = [decode_cache.decode_stored(split, recipe.size, 1, radiograph=True) for split in (few, validation)]
    model = factory.create_model(recipe.architecture, 2, weights, True, recipe.size, 1)
    history = loop.train(model, *sets, recipe._replace(epochs=1, size=size))
    return {"seconds": round(history[0]["seconds"], 2), "megabytes": machine.peak_memory()}


def measure_repetition(part: str, count: int, streaming: bool) -> dict:
    """Return seconds and megabytes of decoding at 224 px and one epoch at 32 px.

    The cache is a new one, which is deleted. With `streaming` the images come from Parquet files.
    """
    import datasets

    from hub.data import decode_cache
    from hub.data.sources import read_source
    from hub.data.splits import load_splits
    from hub.models import factory
    from hub.training import loop
    from hub.training.recipes import RECIPES

    splits = load_splits("synthetic")
    times = count // len(splits["train"])
    with tempfile.TemporaryDirectory() as folder, machine.watched(machine.held_memory) as held:
        datasets.config.HF_DATASETS_CACHE = folder
        if streaming:
            source = Path(folder) / "films"
            splits["train"].to_parquet(source / "train-0.parquet")
            splits["validation"].to_parquet(source / "validation.parquet")
            for copy in range(1, times):
                (source / f"train-{copy}.parquet").hardlink_to(source / "train-0.parquet")
        started = time.perf_counter()
        if streaming:
            splits, _ = read_source(source, stream_to=lambda radiograph: 224)
        else:
            splits["train"] = datasets.concatenate_datasets([splits["train"]] * times)
        sets = [
            decode_cache.decode_stored(splits[name], 224, 1, radiograph=True)
            for name in ("train", "validation")
        ]
        model = factory.create_model("airbench_small", 2, "none", True, 32, 1)
        loop.train(model, *sets, RECIPES["xray"]._replace(epochs=1, size=32))
        seconds, megabytes = round(time.perf_counter() - started, 2), held()
    return {"seconds": seconds, "megabytes": megabytes, "with_mapped_files": machine.peak_memory()}


PARTS = {
    "pixels": grow_pixels,
    "batch": grow_batch,
    "files": grow_files,
    "training": grow_training,
    "repetition": grow_repetition,
}
MEASURES = {"files": measure_files, "training": measure_training, "repetition": measure_repetition}


def measure(**keywords: object) -> dict:
    """Return the result of MEASURES[part], from another process.

    Raises InputError if it fails.
    """
    return processes.result(["-m", "benchmarks.growth", "--measure", json.dumps(keywords)])


def _images(folder: Path, count: int) -> list[Path]:
    images = inference.find_images(folder)
    if len(images) < count:
        raise InputError(f"{folder} holds {len(images)} pictures; {count} are needed.")
    return images[:: len(images) // count][:count]


def _jpeg(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    return file.getvalue()


def _point(row: dict, size: int) -> dict:
    return {"milliseconds": row["milliseconds"][str(size)][1], "megabytes": row["megabytes"][str(size)]}


def format_record(record: dict) -> str:
    """Return a Markdown table of both ends of each curve, and below it the machine."""
    rows = []
    for part, (what, system, unit, digits) in ROWS.items():
        for name, curve in record.get(part, {}).items():
            ends = []
            for amount, (time_taken, megabytes, *_) in ((key, curve[key].values()) for key in _ends(curve)):
                amount = f"{int(amount):,}" if amount.isdecimal() else amount
                ends += [amount, f"{time_taken:.{digits}f} {unit}", f"{megabytes:,}"]
            rows.append((what, system.format(name), *ends))
    return f"{markdown_table(COLUMNS, rows)}\n\n{machine.sentence(record['machine'])}"


def _ends(curve: dict) -> tuple[str, str]:
    first, *_, last = curve
    return first, last


def plot(record: dict) -> None:
    """Draw time above and memory below, a column for each part."""
    from matplotlib.ticker import LogLocator

    parts = [part for part in PARTS if part in record]
    figure, axes = charts.subplots(
        2, len(parts), figsize=(3.2 * len(parts), 5.2), squeeze=False, sharex="col"
    )
    titles = {
        "pixels": ("one image", "megapixels", "time (ms)"),
        "batch": ("batches", "batch size", "time per image (ms)"),
        "files": ("many files", "files", "time (s)"),
        "training": ("an epoch of training", "images", "time (s)"),
        "repetition": ("repeated images", "images", "time (s)"),
    }
    for (upper, lower), part in zip(axes.T, parts, strict=True):
        title, amount, unit = titles[part]
        for number, (name, curve) in enumerate(record[part].items()):
            theirs = name.startswith("transformers")
            style = {"color": charts.THEIRS if theirs else charts.OURS}
            style["linestyle"] = "--" if number == 1 and not theirs else "-"
            places = [float(place) for place in curve]
            first, second = zip(*([*point.values()][:2] for point in curve.values()), strict=True)
            upper.loglog(places, first, marker="o", markersize=3, label=name, **style)
            lower.semilogx(places, second, marker="o", markersize=3, **style)
        upper.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        upper.yaxis.set_major_formatter("{x:g}")
        upper.minorticks_off()
        lower.set_xticks(places, [f"{place:g}" for place in places], rotation=45)
        lower.minorticks_off()
        upper.set_title(title, fontsize=11)
        upper.set_ylabel(unit)
        upper.legend(frameon=False, fontsize=8)
        lower.set_ylabel("peak memory (MB)")
        lower.set_ylim(0, 1.1 * lower.get_ylim()[1])
        lower.set_xlabel(amount)
    charts.save(figure, "growth.png")


if __name__ == "__main__":
    run_command("python -m benchmarks.growth", main)
