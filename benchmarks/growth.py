"""Measure how time and memory grow: with the size of a film, the size of a batch, and how many there are.

  python -m benchmarks.growth --films DIR --dataset DIR --weights FILE [--save]

Films are those of DIR, enlarged and stored as JPEG. Latency is of one film at a time, from bytes to label;
throughput is of batches; `classify_files` answers as many paths as there are; and a training epoch takes as
many radiographs, at both sizes of train.py's recipe. Each lives in a process of its own, whose most memory
is what is shown. --save puts the figures into results.json and draws growth.png.
"""

import argparse
import io
import json
import time
from pathlib import Path

from PIL import Image
from tqdm.auto import tqdm

from benchmarks import inference, machine
from hub.errors import InputError, run_command
from hub.models.folder import BUNDLED

SIDES = (224, 500, 1000, 2000, 4000, 7071)  # pixels; from 0.05 to 50 megapixels
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128)
COUNTS = (100, 1_000, 5_000)  # of files
IMAGES = (300, 600, 1200)  # of an epoch
SERVED = ("this project, fp32", "this project, int8", "transformers pipeline")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--films", type=Path, metavar="DIR", help="a folder of encoded films, its subfolders too")
    add("--dataset", metavar="DIR", help="the chest X-rays to train on: a folder, Parquet or a Hub id")
    add("--weights", metavar="FILE", help="timm's mobilenetv2_100, .safetensors")
    add("--only", nargs="+", choices=PARTS, metavar="PART", help=f"of: {', '.join(PARTS)}")
    add("--turns", type=int, default=3, help="of each peer and size (default: %(default)s)")
    add("--save", action="store_true", help="put the figures into results.json and growth.png")
    add("--measure", type=json.loads, help=argparse.SUPPRESS)  # what the processes are started with
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(MEASURES[options.measure["part"]](**options.measure)))
        return
    parts = options.only or list(PARTS)
    if options.turns < 1:
        raise InputError("Give --turns of 1 or more.")
    if not options.films and set(parts) - {"training"}:
        raise InputError("There are no films to classify; give --films DIR.")
    if "training" in parts and not (options.dataset and options.weights):
        raise InputError("There is nothing to learn from; give --dataset DIR and --weights FILE.safetensors.")
    record = machine.load_here("growth") if options.only and options.save else {}
    for part in parts:
        record[part] = PARTS[part](options)
    record["machine"] = machine.describe()
    record = {part: record[part] for part in (*PARTS, "machine") if part in record}
    print(format_record(record))
    if options.save:
        machine.save("growth", record)
        plot(record)


def grow_pixels(options: argparse.Namespace) -> dict:
    """Return for each peer milliseconds and megabytes of one film at a time, by megapixels."""
    few = [Image.open(path).convert("L") for path in _films(options.films, 4)]
    found = {name: {} for name in (SERVED[0], SERVED[2])}
    for side in tqdm(SIDES, "Sizes of a film", unit=" sizes"):
        films = [_jpeg(film.resize((side, side), Image.Resampling.BICUBIC)) for film in few]
        for row in inference.compare(list(found), BUNDLED, films, options.turns, batches=(1,)):
            found[row["who"]][f"{side**2 / 1e6:.2f}"] = _of(row, 1)
    return found


def grow_batch(options: argparse.Namespace) -> dict:
    """Return for each peer milliseconds a film and megabytes, by the size of a batch."""
    films = [path.read_bytes() for path in _films(options.films, max(BATCHES))]
    rows = inference.compare(list(SERVED), BUNDLED, films, options.turns, BATCHES)
    return {row["who"]: {str(size): _of(row, size) for size in BATCHES} for row in rows}


def grow_files(options: argparse.Namespace) -> dict:
    """Return seconds and megabytes of `classify_files`, by the number of files."""
    film = str(_films(options.films, 1)[0])
    counts = tqdm(COUNTS, "Numbers of files", unit=" sizes")
    return {"this project": {str(n): measure(part="files", film=film, count=n) for n in counts}}


def grow_training(options: argparse.Namespace) -> dict:
    """Return seconds and megabytes of one epoch, for each size of the recipe by the number of images."""
    from hub.training.recipes import RECIPES

    sizes = (RECIPES["xray"].small_size, RECIPES["xray"].size)
    common = {"part": "training", "dataset": options.dataset, "weights": options.weights}
    found = {f"{size} px": {} for size in sizes}
    for size in sizes:
        for count in tqdm(IMAGES, f"Epochs at {size} px", unit=" sizes"):
            found[f"{size} px"][str(count)] = measure(**common, size=size, count=count)
    return found


def measure_files(part: str, film: str, count: int) -> dict:
    """Classify one file so many times, as so many files."""
    from hub.inference.batch import classify_files
    from hub.inference.classifier import Classifier

    classifier = Classifier.from_pretrained(BUNDLED)
    started = time.perf_counter()
    for _ in classify_files(classifier, (film for _ in range(count))):
        pass
    return {"seconds": round(time.perf_counter() - started, 2), "megabytes": machine.peak_memory()}


def measure_training(part: str, dataset: str, weights: str, size: int, count: int) -> dict:
    """Train one epoch on so many images."""
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
    sets = [
        decode_cache.decode(split, recipe.size, channels=1, radiograph=True) for split in (few, validation)
    ]
    model = factory.create_model(recipe.architecture, 2, weights, True, recipe.size, 1)
    history = loop.train(model, *sets, recipe._replace(epochs=1, size=size))
    return {"seconds": round(history[0]["seconds"], 2), "megabytes": machine.peak_memory()}


PARTS = {"pixels": grow_pixels, "batch": grow_batch, "files": grow_files, "training": grow_training}
MEASURES = {"files": measure_files, "training": measure_training}


def measure(**wanted: object) -> dict:
    """Return what MEASURES[part] does in a process of its own; InputError where it fails."""
    return machine.ask(["-m", "benchmarks.growth", "--measure", json.dumps(wanted)])


def _films(folder: Path, count: int) -> list[Path]:
    films = inference.find_films(folder)
    if len(films) < count:
        raise InputError(f"{folder} holds {len(films)} pictures; {count} are needed.")
    return films[:: len(films) // count][:count]


def _jpeg(film: Image.Image) -> bytes:
    file = io.BytesIO()
    film.save(file, "JPEG", quality=90)
    return file.getvalue()


def _of(row: dict, size: int) -> dict:
    return {"milliseconds": row["milliseconds"][str(size)][1], "megabytes": row["megabytes"][str(size)]}


def format_record(record: dict) -> str:
    """Return the ends of each curve as lines of Markdown, and below them the machine."""
    lines = []
    for part, sentence in (
        ("pixels", "One film of {} megapixels, {}: {:.0f} ms and {:,} MB; of {}: {:.0f} ms and {:,} MB."),
        ("batch", "Batches of {}, {}: {:.1f} ms a film and {:,} MB; of {}: {:.1f} ms and {:,} MB."),
        ("files", "{} files, {}: {:.1f} s and {:,} MB; {}: {:.1f} s and {:,} MB."),
        ("training", "An epoch of {} films at {}: {:.0f} s and {:,} MB; of {}: {:.0f} s and {:,} MB."),
    ):
        for name, curve in record.get(part, {}).items():
            (first, low), *_, (last, high) = curve.items()
            first, last = (f"{int(end):,}" if end.isdecimal() else end for end in (first, last))
            lines.append(f"- {sentence.format(first, name, *low.values(), last, *high.values())}")
    return "\n".join([*lines, "", machine.sentence(record["machine"])])


def plot(record: dict) -> None:
    """Draw time above and memory below, for all that grows, both axes in steps of factors."""
    from matplotlib.ticker import LogLocator

    parts = [part for part in PARTS if part in record]
    figure, axes = machine.subplots(
        2, len(parts), figsize=(3.2 * len(parts), 5.2), squeeze=False, sharex="col"
    )
    titles = {
        "pixels": ("one film", "megapixels", "ms"),
        "batch": ("batches", "films in a batch", "ms a film"),
        "files": ("many files", "files", "s"),
        "training": ("an epoch of training", "films", "s"),
    }
    for (upper, lower), part in zip(axes.T, parts, strict=True):
        title, amount, unit = titles[part]
        for number, (name, curve) in enumerate(record[part].items()):
            theirs = name.startswith("transformers")
            style = {"color": machine.THEIRS if theirs else machine.OURS}
            style["linestyle"] = "--" if number == 1 and not theirs else "-"
            places = [float(place) for place in curve]
            first, second = zip(*(point.values() for point in curve.values()), strict=True)
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
        lower.set_ylabel("MB at most")
        lower.set_ylim(0)
        lower.set_xlabel(amount)
    machine.save_figure(figure, "growth.png")


if __name__ == "__main__":
    run_command("python -m benchmarks.growth", main)
