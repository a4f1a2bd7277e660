"""The words of both pages."""

from hub.inference.classifier import Classifier
from hub.inference.decision import NEAR, OPERATING_POINTS
from hub.text import percent

RADIOGRAPH_WORDS = {
    "title": "Is it pneumonia?",
    "introduction": "Give a child's chest X-ray: read how likely pneumonia is, and see where the "
    "evidence lies.",
    "disclaimer": "Research software, not a diagnosis. It knows films of children aged one to five of one "
    "hospital.",
    "one": "One film",
    "api": None,  # the docstring of the endpoint
    "picture": "Chest X-ray",
    "heatmap": "Colour marks what speaks for pneumonia, from faint yellow (a little) to red (a lot): what "
    "the model used, not where disease is.",
}
OTHER_WORDS = {
    "title": "What is in the picture?",
    "introduction": "A picture in: which of its classes the model finds it most like.",
    "disclaimer": "Research software: the answer is always one of the model's classes.",
    "one": "Picture",
    "api": "Say which of its classes the model finds a picture most like.",
    "picture": "Picture",
    "heatmap": "Colour marks what speaks for the answer, from faint yellow (a little) to red (a lot).",
}
FINDINGS = {
    "signs of pneumonia": "Signs of pneumonia",
    "no sign of pneumonia": "No sign of pneumonia",
    "uncertain": "Uncertain",
}
SHARE, CHECK = "Calibrated probability", "Input check"  # columns of the batch table


def words(classifier: Classifier) -> dict[str, str | None]:
    """Return the sentences of the page for this model."""
    return RADIOGRAPH_WORDS if classifier.radiograph else OTHER_WORDS


def headline(report: dict) -> str:
    """Return the answer in a few words: the finding, or else the class; "No answer" where refused."""
    if report["label"] is None:
        return "No answer"
    return FINDINGS[report["finding"]] if report["finding"] else report["label"]


def advice(report: dict) -> str:
    """Return what the answer means at its operating point, in a sentence or two; "" where it says it all."""
    if report["finding"] is None:
        return ""
    threshold = f"the {report['operating_point']} threshold of {percent(report['threshold'])}"
    if report["finding"] == "uncertain":
        return (
            f"Too close to call: the odds are within a factor of {NEAR} of those of {threshold}. "
            "Have a person look at this film."
        )
    side = "Above" if report["finding"] == "signs of pneumonia" else "Below"
    return f"{side} {threshold}, by more than the factor of {NEAR} in odds that counts as uncertain."


def check_words(report: dict) -> str:
    """Return what the input check says of the picture, in a sentence."""
    verdict = report["verdict"]
    if verdict["status"] == "fine":
        return "Input check: a film like those it knows."
    if verdict["status"] == "unchecked":
        return "Input check: this model has none, and answers whatever it is shown."
    return verdict["sentence"]


def most_probable(report: dict) -> list[tuple[str, float]]:
    """Return the five most probable classes and their probabilities, the highest first."""
    return sorted(report["probabilities"].items(), key=lambda pair: pair[1], reverse=True)[:5]


def table_row(name: str, report: dict | None, error: str | None) -> dict:
    """Return a row of the batch table, by column; without a report, the file could not be read."""
    if report is None:
        return {"Name": name, "Answer": "No answer", SHARE: None, CHECK: error}
    share = report["probability"]
    if report["finding"] is None:
        share = max(report["probabilities"].values(), default=None)
    verdict = report["verdict"]
    check = verdict["sentence"] or {"fine": "fine", "unchecked": "not checked"}[verdict["status"]]
    return {"Name": name, "Answer": headline(report), SHARE: share, CHECK: check}


def explain_point(name: str, metrics: dict) -> str:
    """Return what an operating point is for, with the sensitivity and specificity that `metrics` has."""
    figures = {
        split: [percent(metrics[split][f"{name}_{what}"]["value"]) for what in ("sensitivity", "specificity")]
        for split in ("validation", "test")
        if {f"{name}_sensitivity", f"{name}_specificity"} <= metrics.get(split, {}).keys()
    }
    sentences = [f"{name.capitalize()} {OPERATING_POINTS[name]}."]
    if "validation" in figures:
        found, cleared = figures["validation"]
        sentences.append(
            f"On validation films: sensitivity {found} (share of pneumonia found), specificity {cleared} "
            "(share of normal films cleared)."
        )
    if "test" in figures:
        sentences.append("On test films: {} and {}.".format(*figures["test"]))
    return " ".join(sentences)
