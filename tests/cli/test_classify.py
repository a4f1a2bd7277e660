"""`python -m hub classify`."""

import json
import zipfile

import pytest

from hub.inference import input_check
from hub.inference.classifier import Classifier, Prediction


def test_classify_prints_a_line_per_file(run, radiograph, tmp_path):
    for name in ("a.png", "b.jpeg"):
        radiograph.save(tmp_path / name)
    code, out, _ = run("classify", tmp_path / "a.png", tmp_path / "b.jpeg")
    assert code == 0
    assert len(out.splitlines()) == 2
    assert out.startswith(f"{tmp_path / 'a.png'}: ")


def test_classify_answers_in_the_precision_that_is_asked_for(run, radiograph, tmp_path):
    radiograph.save(tmp_path / "a.png")
    for precision in ("fp32", "int8"):
        code, out, _ = run("classify", tmp_path / "a.png", "--json", "--precision", precision)
        expected = Classifier.from_pretrained(precision=precision)(radiograph).probabilities
        assert (code, json.loads(out)["probabilities"]) == (0, expected)


def test_classify_json_says_everything_about_each_file_and_a_bad_one_does_not_stop_the_rest(
    run, radiograph, tmp_path
):
    radiograph.save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"not an image")
    files = [tmp_path / "missing.png", tmp_path / "bad.png", tmp_path / "good.png"]
    code, out, _ = run("classify", "--json", *files)
    assert code == 2
    missing, bad, good = map(json.loads, out.splitlines())
    keys = {"file", "label", "probabilities", "prevalence", "likelihood_ratio", "warnings", "verdict"}
    keys |= {"error", "note"}
    assert all(row.keys() == keys for row in (missing, bad, good))
    assert (missing["label"], bad["label"]) == (None, None)
    assert (missing["verdict"], bad["verdict"]) == (None, None)
    assert good["verdict"].keys() == {"status", "reason", "sentence"}
    assert "There is no file" in missing["error"]
    assert "bad.png is not an image" in bad["error"]
    assert good["error"] is None
    assert good["label"] in good["probabilities"]
    assert sum(good["probabilities"].values()) == pytest.approx(1)


def test_classify_reads_the_images_of_a_zip(run, radiograph, tmp_path):
    radiograph.save(tmp_path / "film.png")
    with zipfile.ZipFile(tmp_path / "films.zip", "w") as archive:
        archive.write(tmp_path / "film.png", "ward/film.png")
        archive.writestr("ward/letter.txt", "not a film")
    code, out, err = run("classify", tmp_path / "film.png", tmp_path / "films.zip")
    alone, zipped, note = out.splitlines()
    assert zipped == alone.replace("film.png", "films.zip/ward/film.png")
    assert note == f"{tmp_path / 'films.zip'}: left out 1 file: 1 `.txt`"
    assert (code, err) == (0, "")
    _, out, _ = run("classify", tmp_path / "films.zip", "--json")
    row = json.loads(out.splitlines()[1])
    assert row == {
        "file": str(tmp_path / "films.zip"),
        "label": None,
        "probabilities": {},
        "prevalence": None,
        "likelihood_ratio": None,
        "warnings": [],
        "verdict": None,
        "error": None,
        "note": "left out 1 file: 1 `.txt`",
    }


def test_classify_reads_the_images_of_a_folder(run, radiograph, tmp_path):
    (tmp_path / "films" / "ward").mkdir(parents=True)
    radiograph.save(tmp_path / "films" / "ward" / "film.png")
    (tmp_path / "films" / "letter.txt").write_text("not a film")
    code, out, _ = run("classify", tmp_path / "films")
    film, note = out.splitlines()
    assert film.startswith(f"{tmp_path / 'films' / 'ward' / 'film.png'}: PNEUMONIA")
    assert (code, note) == (0, f"{tmp_path / 'films'}: left out 1 file: 1 `.txt`")


def test_a_letter_that_is_given_by_name_is_an_error(run, radiograph, tmp_path):
    (tmp_path / "letter.txt").write_text("not a film")
    code, out, _ = run("classify", tmp_path / "letter.txt")
    assert (code, out.count("is not an image")) == (2, 1)


def test_a_name_that_is_too_long_does_not_stop_the_rest(run, radiograph, tmp_path):
    radiograph.save(tmp_path / "film.png")
    code, out, err = run("classify", tmp_path / ("x" * 300), tmp_path / "film.png")
    bad, good = out.splitlines()
    assert (code, err) == (2, "")
    assert "cannot be read: File name too long." in bad and ": PNEUMONIA" in good


@pytest.mark.parametrize("reason", ["blank", "blurred", "coloured"])
def test_an_image_that_the_input_check_refuses_has_its_answer_and_does_not_fail(
    run, radiograph, tmp_path, monkeypatch, reason
):
    verdict = input_check.verdict(reason)
    label, probabilities = (None, {}) if verdict.status == "refused" else ("NORMAL", {"NORMAL": 1.0})
    answer = Prediction(label, probabilities, {}, verdict)
    monkeypatch.setattr(Classifier, "predict", lambda self, images, views: [answer] * len(images))
    radiograph.save(tmp_path / "film.png")
    code, out, _ = run("classify", tmp_path / "film.png", "--json")
    assert (code, json.loads(out)["label"], json.loads(out)["error"]) == (0, label, None)
    assert json.loads(out)["verdict"] == {
        "status": verdict.status,
        "reason": reason,
        "sentence": verdict.sentence,
    }
    code, out, _ = run("classify", tmp_path / "film.png")
    said = verdict.sentence if label is None else f"not reliable: {verdict.sentence} (NORMAL 1.000)"
    assert (code, out) == (0, f"{tmp_path / 'film.png'}: {said}\n")


def test_another_prevalence_moves_the_probability_and_not_the_label(run, radiograph, tmp_path):
    radiograph.save(tmp_path / "film.png")
    rows = []
    for share in ("0.5", "0.01"):
        code, out, _ = run("classify", tmp_path / "film.png", "--prevalence", share, "--json")
        assert code == 0
        rows.append(json.loads(out))
    even, rare = rows
    assert even["label"] == rare["label"] == "PNEUMONIA"
    assert even["likelihood_ratio"] == pytest.approx(rare["likelihood_ratio"])
    odds = [row["probabilities"]["PNEUMONIA"] / row["probabilities"]["NORMAL"] for row in rows]
    assert odds == pytest.approx([even["likelihood_ratio"], even["likelihood_ratio"] / 99])
    _, out, _ = run("classify", tmp_path / "film.png", "--prevalence", "0.01")
    assert f"PNEUMONIA {rare['probabilities']['PNEUMONIA']:.3f} at a prevalence of 0.01" in out


@pytest.mark.parametrize("share", ["0", "1", "-0.2", "10", "nan"])
def test_a_prevalence_that_is_no_share_is_one_sentence(run, radiograph, tmp_path, share):
    radiograph.save(tmp_path / "film.png")
    code, out, err = run("classify", tmp_path / "film.png", "--prevalence", share)
    assert (code, out) == (2, "")
    assert "not a share between 0 and 1" in err and len(err.splitlines()) == 1
