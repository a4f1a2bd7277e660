"""Scaling with processes: its table, and the arithmetic below it."""

import pytest

from benchmarks import distributed


def row(batch, rate, gradient=0.0, norm=0.0):
    return {
        "batch": batch, "images_per_second": rate, "norms": 52, "gradient_bytes": 9e6,
        "gradient_seconds": gradient, "norm_seconds": norm,
    }  # fmt: skip


@pytest.fixture
def record():
    alone, about = row(32, 20.0), {"cpu": "A processor", "cores": 2, "torch": "2.15"}
    two = {"strong": row(32, 30.0, 0.02, 0.0001), "weak": row(64, 36.0, 0.02, 0.0001)}
    return {"size": 160, "machine": about} | {kind: {"1": alone, "2": two[kind]} for kind in two}


def test_the_table_compares_with_one_process(record):
    lines = distributed.format_record(record).splitlines()
    assert "| strong | 2 | 32 | 30.0 | 1.50 | 75 % |" in lines
    assert "| weak | 2 | 64 | 36.0 | 1.80 | 90 % |" in lines
    assert lines[-1] == "160 px, A processor, 2 cores, torch 2.15."


def test_the_arithmetic_adds_what_is_sent_to_a_share_of_the_compute(record):
    paper = distributed.reckon(record, devices=8)
    sent = 1.75 * 0.02 + 2 * 52 * 0.0001 * 7
    assert paper["strong"] == pytest.approx(32 / (1.6 / 8 + sent))
    assert paper["weak"] == pytest.approx(8 * 32 / (1.6 + sent))
    for kind in ("strong", "weak"):
        record[kind]["2"] |= {"gradient_seconds": 0, "norm_seconds": 0}
    assert distributed.reckon(record, devices=8) == pytest.approx({"strong": 160, "weak": 160})
