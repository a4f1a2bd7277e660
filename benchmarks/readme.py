"""Write the README's section on speed from results.json.

python -m benchmarks.readme
"""

import argparse
import json
import re

from benchmarks import growth, inference, records, scale, serving, training
from hub import files
from hub.errors import run_command

README = records.RECORD.parents[1] / "README.md"
SECTION = re.compile(r"(?<=\n)## Speed\n.*?(?=\n## )", re.DOTALL)


def main(arguments: list[str] | None = None) -> None:
    argparse.ArgumentParser(prog="python -m benchmarks.readme", description=__doc__).parse_args(arguments)
    text = README.read_text()
    section = format_section(json.loads(records.RECORD.read_text()))
    files.write_text(README, SECTION.sub(lambda _: section, text))
    print(f"{README.name} shows what {records.RECORD.name} holds.")


def format_section(record: dict) -> str:
    """Return the section in Markdown, from its heading on, of all that results.json holds."""
    return f"""\
## Speed

`python -m benchmarks` measures, and writes this section and [results.json](benchmarks/results.json). Its
peers are what people would use instead: each in a process of its own, on the same films and the same machine.

**An answer**, from the bytes of a test film (224 px, as published) to its label. This project's holds the
calibrated probability, the heatmap and the input check; the others' is a label.

![Films a second of each, one at a time and in batches](benchmarks/inference.png)

{inference.format_table(record["inference"])}

{inference.format_profile(record["inference"])}
{scale.format_record(record["scale"])}

**The demo**, on the same machine, its visitors as well:

{serving.format_record(record["serving"])}

**Training**, to the end of each epoch's validation, against plain fine-tunes of the same network:

![Two AUCs on validation films against minutes of training](benchmarks/training.png)

{training.format_table(record["training"])}

Validation films are much like the training films. `Keras fit` only mirrors what it learns from, and is best
on them; `train.py` varies exposure, crop, shape and sharpness, for films of other machines. The AUC with
other views, shifted ones and ones with the frame or the grey values of a film of the other class, shows the
difference; recipes and seeds were chosen by such films. `train.py`'s first epochs learn, and are asked, at
160 px.

**As things grow**, time and the most memory of the process:

![Time and memory against pixels, batch, files and films of an epoch](benchmarks/growth.png)

{growth.format_record(record["growth"])}

```bash
pip install -r benchmarks/requirements.txt
python -m benchmarks --xray ../shared/data/chest_xray --mnist ../shared/data/mnist \\
  --cifar10 ../shared/data/cifar10 \\
  --weights ../shared/weights/mobilenetv2_100_imagenet.safetensors --save
```
"""


if __name__ == "__main__":
    run_command("python -m benchmarks.readme", main)
