"""Memory of a first training run."""

from benchmarks import memory


def test_the_table_names_the_option_and_what_it_saves():
    rows = [
        {"options": [], "megabytes": 4400, "seconds": 60.4},
        {"options": [memory.OPTION], "megabytes": 2200, "seconds": 90.6},
    ]
    machine = {"cpu": "CPU", "cores": 2, "torch": "2"}
    lines = memory.format_record({"rows": rows, "size": 224, "machine": machine}).splitlines()
    assert lines[2].endswith("| 4.4 | 60 |")
    assert memory.OPTION in lines[3] and lines[3].endswith("| 2.2 | 91 |")
