"""What the card of an answer says, in every language, and how a film is corrected."""

from html import unescape
from types import SimpleNamespace

import dicom_files
import numpy as np
import pytest

from hub.demo import answer_words, handlers, model_tab, panels
from hub.demo.words import LANGUAGES, words_in
from hub.errors import InputError
from hub.inference import decision, input_check
from hub.inference.classifier import Prediction
from hub.inference.input_check import UNCHECKED, Verdict
from hub.models.folder import BUNDLED
from hub.prevalence import posterior
from hub.text import percent

FINE = Verdict("fine")
DIGITS = SimpleNamespace(classes=[*"0123456789"], operating_points={}, radiograph=False, prevalence=0.5)
WORDS = words_in("en")


def predict(probability, verdict=FINE):
    label = "PNEUMONIA" if probability > 0.5 else "NORMAL"
    return Prediction(label, {"NORMAL": 1 - probability, "PNEUMONIA": probability}, {}, verdict)


def report(classifier, probability, point="balanced", verdict=FINE, **options):
    return decision.report(classifier, predict(probability, verdict), point, **options)


@pytest.fixture(params=LANGUAGES)
def words(request):
    return words_in(request.param)


def test_screening_never_finds_signs_of_pneumonia(classifier, words):
    for probability in (0.001, 0.03, 0.5, 0.999):
        card = panels.card(report(classifier, probability, "screening"), "film.png", words)
        assert words("card.signs") not in card
    assert words("card.flagged") in card
    assert words("card.signs") in panels.card(report(classifier, 0.999), "film.png", words)


def test_each_finding_says_what_to_do_next(classifier, words):
    threshold = report(classifier, 0.5)["threshold"]
    for probability, phrase in ((0.999, "signs"), (threshold, "uncertain"), (threshold / 9, "no_sign")):
        card = panels.card(report(classifier, probability), "film.png", words)
        assert words(f"card.{phrase}") in card and words(f"card.next_{phrase}") in card


@pytest.mark.parametrize(
    ("probability", "phrase", "count"),
    [
        (0.004, "hundred_few", None),
        (0.0099, "hundred_few", None),
        (0.01, "hundred", 1),
        (0.934, "hundred", 93),
        (0.99, "hundred", 99),
        (0.9901, "hundred_most", None),
    ],
)
def test_the_probability_is_told_as_children_among_a_hundred(words, probability, phrase, count):
    said = answer_words.of_hundred({"probability": probability, "interval": None}, words)
    assert said == words(f"card.{phrase}", **({"count": count} if count else {}))


@pytest.mark.parametrize(
    ("interval", "ends"),
    [([0.897, 0.958], (90, 96)), ([0.92, 0.9996], (92, 100)), ([0.929, 0.931], None)],
)
def test_the_interval_is_told_where_it_has_two_ends(words, interval, ends):
    said = answer_words.of_hundred({"probability": 0.93, "interval": interval}, words)
    if ends:
        assert said == words("card.hundred_between", count=93, low=ends[0], high=ends[1])
    else:
        assert said == words("card.hundred", count=93)


@pytest.mark.parametrize("probability", [0.0001, 0.004, 0.02, 0.5, 0.934, 0.995, 0.99999])
def test_so_many_of_a_hundred_figures_are_sick(classifier, probability):
    card = panels.card(report(classifier, probability), "film.png", WORDS)
    sick, well, between = (card.count(f'<i class="{kind}">') for kind in ("sick", "well", "between"))
    assert sick + well + between == 100
    assert between == (not 0.01 <= probability <= 0.99)
    assert abs(sick - 100 * probability) <= 1


def test_another_prevalence_moves_the_number_and_not_the_verdict(classifier):
    rare, most = (report(classifier, 0.9, prevalence=prevalence) for prevalence in (0.1, 0.75))
    assert answer_words.verdict(rare, WORDS) == answer_words.verdict(most, WORDS)
    assert answer_words.likelihood(rare, WORDS) == answer_words.likelihood(most, WORDS)
    assert rare["probability"] == pytest.approx(0.5)
    assert most["probability"] > 0.9
    assert answer_words.of_hundred(rare, WORDS) != answer_words.of_hundred(most, WORDS)
    assert percent(0.1) in panels.decided(rare, {}, WORDS)


def test_a_number_that_seems_to_contradict_the_finding_is_explained(classifier, words):
    threshold = report(classifier, 0.5)["threshold"]
    findings = {
        "signs": (0.9, "balanced"),
        "no_sign": (threshold / 3, "balanced"),
        "flagged": (0.3, "screening"),
    }
    for phrase, (probability, point) in findings.items():
        rare, most = (report(classifier, probability, point, prevalence=each) for each in (0.001, 0.999))
        surprising, plain = (most, rare) if phrase == "no_sign" else (rare, most)
        assert words(f"card.but_{phrase}") in answer_words.next_step(surprising, words)
        assert answer_words.next_step(plain, words) == words(f"card.next_{phrase}")


def test_the_limits_of_what_is_too_close_to_call_are_probabilities(classifier, words):
    answer = report(classifier, 0.5, prevalence=0.1)
    ratio = answer["threshold_likelihood_ratio"]
    low, high = (
        posterior(ratio * factor, 0.1)
        for factor in (1 / decision.UNCERTAIN_FACTOR, decision.UNCERTAIN_FACTOR)
    )
    said = answer_words.threshold(answer, words)
    assert said == words("card.threshold_balanced", low=percent(low), high=percent(high))


def test_a_file_without_an_answer_is_refused_in_the_visitors_language(words):
    reason = "film.png is damaged; send it again."
    said = answer_words.unreadable(reason, words)
    assert reason in said
    assert (said == reason) == (words("card.signs") == WORDS("card.signs"))


def test_how_it_was_decided_is_folded_beside_the_measured_figures(classifier, words):
    metrics = model_tab.read_metrics(BUNDLED)
    for point in decision.operating_points(classifier):
        answer = report(classifier, 0.9, point)
        decided = panels.decided(answer, metrics, words)
        assert decided.startswith("<details") and "open" not in decided.split(">")[0]
        assert words(f"point.{point}_weighs") in decided
        for split in ("validation", "test"):
            for measure in ("sensitivity", "specificity"):
                assert percent(metrics[split][f"{point}_{measure}"]["value"]) in decided
        assert percent(answer["threshold"]) in decided
        card = panels.card(answer, "film.png", words)
        assert percent(answer["threshold"]) not in card and words("card.decided") not in card
    assert answer_words.explain_point("screening", {}, words) == words("point.screening_weighs")


@pytest.mark.parametrize("reason", [*input_check.REFUSED, "unlike the training films", "turned", "blurred"])
def test_the_input_check_is_said_in_the_visitors_words(classifier, words, reason):
    verdict = input_check.verdict(reason)
    prediction = Prediction(None, {}, {}, verdict) if verdict.status == "refused" else predict(0.9, verdict)
    answer = decision.report(classifier, prediction)
    card = panels.card(answer, "film.png", words)
    assert answer_words.check(answer, words) in card
    assert "film.png" in card


@pytest.mark.parametrize("reason", [*input_check.SENTENCES, "fine", "unchecked"])
def test_every_reason_of_the_input_check_has_its_words(words, reason):
    verdict = {"fine": FINE, "unchecked": UNCHECKED}.get(reason) or input_check.verdict(reason)
    assert answer_words.check({"verdict": vars(verdict)}, words)


def test_an_oblique_film_is_warned_of_on_the_page_as_by_the_api(classifier, radiograph, tmp_path):
    image = dicom_files.dataset(np.asarray(radiograph), ViewPosition="LAO")
    (tmp_path / "film.dcm").write_bytes(dicom_files.stored(image))
    shown = handlers.answer(classifier, str(tmp_path / "film.dcm"))
    answer = decision.report(classifier, shown.prediction)
    assert (answer["verdict"]["status"], answer["verdict"]["reason"]) == ("warned", "oblique")
    assert WORDS("card.check_oblique") in panels.card(answer, "film.dcm", WORDS)


def test_what_the_input_check_refuses_has_no_answer(classifier):
    refused = Prediction(None, {}, {}, input_check.verdict("blank"))
    answer = decision.report(classifier, refused)
    assert (answer["label"], answer["finding"], answer["probability"]) == (None, None, None)
    assert answer["probabilities"] == {}
    assert answer_words.verdict(answer, WORDS) == WORDS("card.no_answer")
    assert "hundred" not in panels.card(answer, "film.png", WORDS)
    assert panels.decided(answer, {}, WORDS) == ""


def test_a_film_that_the_check_warns_of_is_not_reliable_and_its_number_is_folded(classifier, words):
    answer = report(classifier, 0.9, verdict=input_check.verdict("unlike the training films"))
    card = panels.card(answer, "film.png", words)
    before, folded = card.split("<details")
    assert words("card.not_reliable") in before and words("card.signs") not in before
    assert answer_words.of_hundred(answer, words) not in before
    assert words("card.anyway") in folded and answer_words.of_hundred(answer, words) in folded
    assert 'class="hundred"' not in card and "data-correction" not in card


@pytest.mark.parametrize(("reason", "correction"), [("inverted", "invert"), ("turned", "turn")])
def test_what_a_visitor_can_correct_has_a_button(classifier, reason, correction):
    answer = report(classifier, 0.9, verdict=input_check.verdict(reason))
    assert f'data-correction="{correction}"' in panels.card(answer, "film.png", WORDS)


def test_a_turned_film_can_be_turned_on_even_where_it_is_refused(classifier):
    refused = decision.report(classifier, Prediction(None, {}, {}, input_check.verdict("blank")))
    assert "data-correction" not in panels.card(refused, "film.png", WORDS)
    assert 'data-correction="turn"' in panels.card(refused, "film.png", WORDS, turned=True)
    assert "data-correction" not in panels.card(report(classifier, 0.9), "film.png", WORDS, turned=True)


def test_a_film_is_inverted_and_turned_without_loss(radiograph):
    film = handlers.Film(radiograph, "film.png")
    assert np.array_equal(handlers.corrected(film), radiograph)
    inverted = handlers.corrected(handlers.correct(film, "invert"))
    assert np.array_equal(np.asarray(inverted), 255 - np.asarray(radiograph))
    once = handlers.correct(film, "turn")
    assert np.array_equal(handlers.corrected(once), np.rot90(np.asarray(radiograph), -1))
    for _ in range(3):
        once = handlers.correct(once, "turn")
    assert np.array_equal(handlers.corrected(once), radiograph)
    for wrong in ("flip", None, {}):
        with pytest.raises(InputError, match="inverted or turned"):
            handlers.correct(film, wrong)


def test_a_model_of_something_else_says_nothing_of_pneumonia():
    shares = {name: 0.05 for name in DIGITS.classes} | {"7": 0.55}
    answer = decision.report(DIGITS, Prediction("7", shares, {}))
    assert answer["label"] == "7"
    assert answer["operating_point"] is answer["finding"] is answer["probability"] is None
    assert decision.operating_points(DIGITS) == []
    words = words_in("en", radiograph=False)
    card = panels.card(answer, "seven.png", words)
    assert "<h2>7</h2>" in card
    assert card.count("<li>") == 5
    shown = card + panels.decided(answer, {}, words) + panels.header("", words) + panels.choose([], words)
    assert "pneumonia" not in (shown + panels.reading(words)).lower()


def test_names_of_files_are_text_on_the_page(classifier):
    name = "<img src=x onerror=alert(1)>'\".png"
    warned = report(classifier, 0.9, verdict=input_check.verdict("turned"))
    for html in (
        panels.card(report(classifier, 0.9), name, WORDS, token=name),
        panels.card(warned, name, WORDS, token=name),
        panels.refusal(name, name, WORDS, token=name),
    ):
        assert "<img src=x" not in html
        assert "'\".png" not in html


@pytest.mark.parametrize("status", ["fine", "unchecked"])
def test_the_example_of_the_api_is_of_a_model_with_a_check_where_this_one_has_it(
    classifier, monkeypatch, status
):
    if status == "unchecked":
        monkeypatch.setattr(classifier, "check", None)
    assert f'"status": "{status}"' in unescape(panels.api(classifier, WORDS))
