"""page.json: what the page in the browser says and decides by.

It is made of the model folder and the words of the demo. The page has no figures and no words of its own, so
that it cannot drift from the Gradio page.
"""

import math

from hub.demo import answer_words, film_panel, model_tab, panels, report_panel
from hub.demo.page_names import PREVALENCES, opening_sample
from hub.demo.samples import Sample
from hub.demo.words import LANGUAGES, phrases, words_in
from hub.inference import decision, heatmap, input_check
from hub.inference.batch import FORMULA, HEADLINES, REPORTED
from hub.inference.classifier import Classifier
from hub.inference.input_check import OBLIQUE, UNCHECKED, Verdict
from hub.left_out import CLUTTER
from hub.models.folder import DIGEST
from hub.prevalence import EVEN, MOST_EVIDENCE, log_odds

SAMPLES = "samples"  # folder of the examples
THUMBNAIL = ".webp"  # the suffix of their small pictures
UNSAID = ("inside", "model", "api")  # sections of the words for tabs that this page has not


def page_data(classifier: Classifier, graph: dict, samples: list[Sample], address: str | None = None) -> dict:
    """Return page.json as plain data.

    `classifier` is the model in the precision of its graph, `graph` has `file`, `bytes` and `sha256` of it
    and its `reasons`, `samples` are the examples, and `address` is where the model lies on the Hub.
    """
    metrics = model_tab.read_metrics(classifier.folder)
    return {
        "format": 1,
        "model": _model(classifier, address),
        "graph": {name: graph[name] for name in ("file", "bytes", "sha256")},
        "check": _check(graph["reasons"]),
        "corrections": panels.CORRECTIONS,
        "decision": _decision(classifier, metrics),
        "heatmap": _heatmap(metrics),
        "scale": {"end": panels.SCALE_END, "ticks": panels.TICKS},
        "csv": {"columns": ["file", "answer", *REPORTED], "headlines": HEADLINES, "formula": FORMULA},
        "clutter": sorted(CLUTTER),
        "examples": [_example(classifier, sample) for sample in samples],
        "opening": _opening(samples),
        "languages": LANGUAGES,
        "words": {language: _words(language) for language in LANGUAGES},
    }


def _model(classifier: Classifier, address: str | None) -> dict:
    network = classifier.session.get_modelmeta().custom_metadata_map
    return {
        "name": {language: report_panel.version(classifier, words_in(language)) for language in LANGUAGES},
        "digest": network.get(DIGEST),
        "address": address,
        "precision": classifier.precision,
        "classes": classifier.classes,
        "size": classifier.size,
    }


def _check(reasons: list[str]) -> dict:
    """Return the verdicts of the input check.

    `reasons` has one for each value of the graph's output `reason`, `oblique` is that of a DICOM header, and
    `unchecked` that of every image where there are no reasons.
    """
    return {
        "reasons": [_verdict(input_check.verdict(reason)) for reason in reasons],
        "oblique": _verdict(input_check.verdict(OBLIQUE)),
        "unchecked": _verdict(UNCHECKED),
    }


def _verdict(found: Verdict) -> dict:
    phrase = answer_words.check_phrase(found.reason or found.status)
    return {"status": found.status, "reason": found.reason, "sentence": found.sentence, "phrase": phrase}


def _decision(classifier: Classifier, metrics: dict) -> dict:
    points = [
        {
            "name": name,
            "threshold": math.exp(log_odds(classifier.operating_points[name])),
            "explanation": {
                language: answer_words.explain_point(name, metrics, words_in(language))
                for language in LANGUAGES
            },
        }
        for name in decision.operating_points(classifier)
    ]
    return {
        "points": points,
        "findings": decision.FINDINGS,
        "uncertain_factor": decision.UNCERTAIN_FACTOR,
        "normal_quantile": decision.NORMAL_QUANTILE,
        "covariance": classifier.calibration_covariance,
        "even": EVEN,
        "most_evidence": MOST_EVIDENCE,
        "still_many": answer_words.STILL_MANY,
        "prevalence": classifier.prevalence,
        "prevalences": [
            {"value": share, "phrase": f"prevalence.{name}"} for name, share in PREVALENCES.items()
        ],
    }


def _heatmap(metrics: dict) -> dict:
    return {
        "full_colour": heatmap.FULL_COLOUR,
        "faint": heatmap.FAINT,
        "full": heatmap.FULL,
        "layer_power": heatmap.LAYER_POWER,
        "visible": heatmap.VISIBLE,
        "layer_side": heatmap.LAYER_SIDE,
        "screen_side": heatmap.MAX_SIDE,
        "bar": film_panel.colour_bar(),
        "lungs": film_panel.lungs(metrics),
    }


def _example(classifier: Classifier, sample: Sample) -> dict:
    """Return an example, and what Python says of it."""
    prediction = classifier(sample.path)
    ratio = prediction.likelihood_ratio
    return {
        "file": f"{SAMPLES}/{sample.path.name}",
        "thumbnail": f"{SAMPLES}/{sample.path.stem}{THUMBNAIL}",
        "phrase": f"samples.{sample.name}",
        "log_odds": None if ratio is None else math.log(ratio),
        "status": prediction.verdict.status,
        "reason": prediction.verdict.reason,
    }


def _opening(samples: list[Sample]) -> int | None:
    first = opening_sample(samples)
    return samples.index(first) if first else None


def _words(language: str) -> dict[str, str]:
    """Return the phrases of a language by name, in English where it lacks one."""
    known = phrases("en") | phrases(language)
    return {name: text for name, text in known.items() if name.split(".")[0] not in (*UNSAID, "other")}
