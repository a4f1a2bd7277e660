"""ONNX Runtime beside OpenVINO, and the rule by which one of them is enough."""

import numpy as np
import pytest

from benchmarks import runtimes
from hub.inference.classifier import Classifier


def row(runtime, milliseconds, changed=0, precision="fp32", processes=1):
    return {
        "runtime": runtime, "precision": precision, "processes": processes, "threads": 2 // processes,
        "milliseconds": milliseconds, "cpu_milliseconds": 2 * milliseconds,
        "labels_changed": changed, "verdicts_changed": 0,
    }  # fmt: skip


def decided(fp32, changed, int8):
    ours, other = runtimes.RUNTIMES
    rows = [row(ours, 3.0), row(other, fp32, changed), row(ours, 2.0, 0, "int8"), row(other, int8, 0, "int8")]
    return runtimes.decision({"rows": rows})


def test_a_second_runtime_is_worth_it_where_it_is_much_faster_and_answers_the_same():
    assert "it would be worth it" in decided(fp32=2.0, changed=0, int8=2.0)
    assert "it is not worth it" in decided(fp32=2.5, changed=0, int8=1.6)
    assert "it is not worth it" in decided(fp32=1.0, changed=1, int8=2.0)
    assert "1.50 times as fast in fp32" in decided(fp32=2.0, changed=0, int8=2.0)


def test_each_is_at_its_best_when_they_are_compared():
    ours, other = runtimes.RUNTIMES
    rows = [row(ours, 3.0), row(ours, 1.5, processes=2), row(other, 1.5)]
    rows += [row(ours, 1, 0, "int8"), row(other, 1, 0, "int8")]
    assert "1.00 times as fast in fp32" in runtimes.decision({"rows": rows})


def test_openvino_gives_the_outputs_of_onnx_runtime(radiograph):
    pytest.importorskip("openvino", reason="OpenVINO is no dependency; `pip install openvino` brings it")
    classifier = Classifier.from_pretrained(precision="fp32")
    feed = {"pixel_values": classifier.normalize(np.stack([classifier.read(radiograph)] * 2))}
    expected = classifier.session.run(classifier.outputs, feed)
    given = runtimes.OpenVinoSession(classifier.file, 1).run(classifier.outputs, feed)
    for one, other in zip(given, expected, strict=True):
        assert np.allclose(one, other, atol=1e-3)
