"""What a report says, in a visitor's words: the card of both pages."""

from hub.demo.words import Words
from hub.inference.decision import FINDINGS, UNCERTAIN_FACTOR
from hub.prevalence import posterior
from hub.text import percent

STILL_MANY = 0.2  # the probability above which many children without a sign have pneumonia


def verdict(report: dict, words: Words) -> str:
    """Return the finding, or else the class; "No answer" if the file was refused."""
    if report["label"] is None:
        return words("card.no_answer")
    return words(f"card.{FINDINGS[report['finding']]}") if report["finding"] else report["label"]


def check(report: dict, words: Words) -> str:
    """Return what the input check says of the image, and what to do."""
    found = report["verdict"]
    return words(check_phrase(found["reason"] or found["status"]))


def check_phrase(reason: str) -> str:
    """Return the name of the phrase for a reason of the input check, or a status."""
    return f"card.check_{reason.replace(' ', '_').replace('-', '_')}"


def next_step(report: dict, words: Words) -> str:
    """Return what to do with a finding; "" without one.

    Findings do not move with the prevalence and probabilities do, so that a finding may stand beside a number
    that seems to say otherwise: that is said too.
    """
    if not report["finding"]:
        return ""
    finding, probability = FINDINGS[report["finding"]], report["probability"]
    surprising = {
        "no_sign": probability > STILL_MANY,
        "signs": probability < 0.5,
        "flagged": probability < 0.5,
    }
    but = words(f"card.but_{finding}") if surprising.get(finding) else ""
    return f"{words(f'card.next_{finding}')} {but}".strip()


def unreadable(reason: object, words: Words) -> str:
    """Return why a file has no answer; `reason` is an InputError, in English."""
    return words("card.unreadable", reason=reason)


def of_hundred(report: dict, words: Words) -> str:
    """Return the probability as children among a hundred; "" without one.

    The interval is left out where it rounds to a single number.
    """
    probability = report["probability"]
    if probability is None:
        return ""
    if not 0.01 <= probability <= 0.99:
        return words("card.hundred_few" if probability < 0.5 else "card.hundred_most")
    count = round(100 * probability)
    low, high = (round(100 * end) for end in report["interval"] or (probability, probability))
    if low == high:
        return words("card.hundred", count=count)
    return words("card.hundred_between", count=count, low=low, high=high)


def likelihood(report: dict, words: Words) -> str:
    """Return what the likelihood ratio means."""
    ratio = report["likelihood_ratio"]
    if ratio >= 1:
        return words("card.more_likely", factor=factor(ratio))
    return words("card.less_likely", factor=factor(1 / max(ratio, 1e-30)), ratio=f"{ratio:.2g}")


def factor(ratio: float) -> str:
    """Return a ratio of 1 or more with the digits that matter: 1.3, 13, over 1,000."""
    if ratio > 1000:
        return "> 1,000"
    return f"{ratio:.1f}" if ratio < 9.95 else f"{ratio:.0f}"


def probability(report: dict, words: Words) -> str:
    """Return the probability of pneumonia and the prevalence that it is for."""
    values = {"prevalence": percent(report["prevalence"]), "probability": percent(report["probability"])}
    if report["interval"] is None:
        return words("card.probability", **values)
    low, high = map(percent, report["interval"])
    return words("card.probability_between", **values, low=low, high=high)


def threshold(report: dict, words: Words) -> str:
    """Return from which probability there is a finding."""
    limits = {"threshold": report["threshold"], "low": _limit(report, 1 / UNCERTAIN_FACTOR)}
    limits["high"] = _limit(report, UNCERTAIN_FACTOR)
    name = f"card.threshold_{report['operating_point']}"
    return words(name, **{limit: percent(value) for limit, value in limits.items()})


def explain_point(name: str, metrics: dict, words: Words) -> str:
    """Return the purpose of an operating point, and its measured performance.

    Sensitivity and specificity are named for each split where both were measured.
    """
    sentences = [words(f"point.{name}_weighs")]
    for split in ("validation", "test"):
        measures = {key: f"{name}_{key}" for key in ("sensitivity", "specificity")}
        if metrics.get(split, {}).keys() >= set(measures.values()):
            figures = {key: percent(metrics[split][each]["value"]) for key, each in measures.items()}
            sentences.append(words(f"point.{split}", **figures))
    return " ".join(sentences)


def most_probable(report: dict) -> list[tuple[str, float]]:
    """Return the five most probable classes with their probabilities, highest first."""
    return sorted(report["probabilities"].items(), key=lambda item: item[1], reverse=True)[:5]


def _limit(report: dict, factor: float) -> float:
    """Return the probability at a multiple of the threshold's likelihood ratio."""
    return posterior(factor * report["threshold_likelihood_ratio"], report["prevalence"])
