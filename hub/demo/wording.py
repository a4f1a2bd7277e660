"""The words of both pages, by model and by answer."""

from hub.inference.batch import Result
from hub.inference.classifier import Classifier
from hub.text import percent

RADIOGRAPH_WORDS = {
    "title": "Is it pneumonia?",
    "introduction": "Give a child's chest X-ray: read how likely pneumonia is, and see where the "
    "evidence lies.",
    "disclaimer": "Research software, not a diagnosis. It knows films of children aged one to five of one "
    "hospital.",
    "first_tab": "One film",
    "api": None,  # the docstring of the endpoint
    "image": "Chest X-ray",
    "heatmap": "Colour marks what speaks for pneumonia, from faint yellow (a little) to red (a lot): what "
    "the model used, not where disease is.",
}
OTHER_WORDS = {
    "title": "What is in the picture?",
    "introduction": "A picture in: which of its classes the model finds it most like.",
    "disclaimer": "Research software: the answer is always one of the model's classes.",
    "first_tab": "Picture",
    "api": "Say which of its classes the model finds a picture most like.",
    "image": "Picture",
    "heatmap": "Colour marks what speaks for the answer, from faint yellow (a little) to red (a lot).",
}
FINDINGS = {
    "signs of pneumonia": "Signs of pneumonia",
    "no sign of pneumonia": "No sign of pneumonia",
    "uncertain": "Uncertain",
    "flagged for a second look": "Flagged for a second look",
}
OPERATING_POINTS = {
    "balanced": "weighs a missed pneumonia and a false alarm alike",
    "screening": "misses as little pneumonia as it can, at the price of more false alarms",
}
COLUMNS = ("Name", "Answer", "Calibrated probability", "Input check")  # of the batch table


def words(classifier: Classifier) -> dict[str, str | None]:
    """Return the words of the page that depend on the model."""
    return RADIOGRAPH_WORDS if classifier.radiograph else OTHER_WORDS


def headline(report: dict) -> str:
    """Return the finding, or else the class; "No answer" if the file was refused."""
    if report["label"] is None:
        return "No answer"
    return FINDINGS[report["finding"]] if report["finding"] else report["label"]


def table_row(result: Result, report: dict | None) -> tuple[str, str, float | None, str]:
    """Return the cells of one result under `COLUMNS`.

    A report of None is an error or a note.
    """
    if report is None:
        return result.name, "Left out" if result.note else "No answer", None, result.note or result.error
    probability = report["probability"]
    if report["finding"] is None:
        probability = max(report["probabilities"].values(), default=None)
    verdict = report["verdict"]
    check = verdict["sentence"] or {"fine": "fine", "unchecked": "not checked"}[verdict["status"]]
    return result.name, headline(report), probability, check


def explain_point(name: str, metrics: dict) -> str:
    """Return the purpose of an operating point, and its measured performance.

    Sensitivity and specificity are named for each split where both were measured.
    """
    measures = (f"{name}_sensitivity", f"{name}_specificity")
    figures = {
        split: [percent(metrics[split][measure]["value"]) for measure in measures]
        for split in ("validation", "test")
        if metrics.get(split, {}).keys() >= set(measures)
    }
    sentences = [f"{name.capitalize()} {OPERATING_POINTS[name]}."]
    if "validation" in figures:
        sensitivity, specificity = figures["validation"]
        sentences.append(
            f"On validation films: sensitivity {sensitivity} (share of pneumonia found), "
            f"specificity {specificity} (share of normal films cleared)."
        )
    if "test" in figures:
        sentences.append("On test films: {} and {}.".format(*figures["test"]))
    return " ".join(sentences)
