"""Time and memory against the size of what is classified or trained on."""

import pytest

from benchmarks import growth, inference
from hub.errors import InputError


def test_growth_is_measured_in_its_own_process(radiograph_folder):
    file = str(inference.find_images(radiograph_folder)[0])
    figures = growth.measure(part="files", path=file, count=3)
    assert figures["seconds"] > 0 and figures["megabytes"] > 0
    with pytest.raises(InputError, match="ended with 1; what it says above is why"):
        growth.measure(part="files", count=3)


def test_growth_is_shown_by_its_ends():
    curve = {
        "0.05": {"milliseconds": 8.1, "megabytes": 200},
        "50.00": {"milliseconds": 400.4, "megabytes": 1100},
    }
    about = {"cpu": "A processor", "cores": 2, "torch": "2.15"}
    table = growth.format_record({"pixels": {"this project, fp32": curve}, "machine": about}).splitlines()
    assert table[2].endswith("| this project, fp32 | 0.05 | 8 ms | 200 | 50.00 | 400 ms | 1,100 |")
    assert "A processor, 2 cores" in table[-1]
