"""Numbers and tables as text."""

import pytest

from hub.text import (
    counted,
    interval,
    is_printable,
    markdown,
    markdown_code,
    markdown_table,
    number,
    patient_noun,
    percent,
)


def test_a_number_has_as_many_digits_as_asked_for_and_none_where_it_was_not_measured():
    assert (number(0.98765), number(1, 2), number(None)) == ("0.9877", "1.00", "none")
    assert interval({"value": 0.5, "low": 0.25, "high": None}, 2) == "0.25 to none"


def test_names_of_any_script_are_printable_and_control_characters_are_not():
    assert all(map(is_printable, ("PNEUMONIA", "Röntgen 1", "肺炎", "👩‍⚕️", "a\u00a0b")))
    assert not any(map(is_printable, ("a\nb", "\x1b[2J", "\ud800", "\x9b")))


@pytest.mark.parametrize(("count", "text"), [(0, "0 images"), (1, "1 image"), (5216, "5,216 images")])
def test_a_noun_agrees_with_its_count(count, text):
    assert counted(count, "image") == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0"), (0.0001, "under 0.1"), (0.004, "0.4"), (0.03, "3"), (0.034, "3.4"), (0.5, "50"),
        (0.987, "99"), (0.994, "99.4"), (0.9999, "over 99.9"), (1, "100"),
    ],
)  # fmt: skip
def test_a_share_is_never_0_or_100_per_cent_that_is_neither(share, text):
    assert percent(share) == f"{text}\u00a0%"


def test_a_table_has_a_line_under_its_header_and_no_newline_at_its_end():
    table = markdown_table(("name", "value"), [("AUC", 1), ("ECE", 2)])
    assert table == "| name | value |\n| --- | --- |\n| AUC | 1 |\n| ECE | 2 |"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("no_finding", "no_finding"), ("_a_", r"\_a\_"), ("a|b", r"a\|b"), ("<i>&", r"\<i\>\&"),
        ("C# `x`", r"C\# \`x\`"), ("a\nb", "a b"), ("肺炎 (1)", "肺炎 (1)"),
    ],
)  # fmt: skip
def test_signs_of_a_name_mean_nothing_in_markdown(name, shown):
    assert markdown(name) == shown


def test_code_of_markdown_may_hold_what_marks_it():
    assert markdown_code("films") == "`films`"
    assert markdown_code("a``b\nc") == "``` a``b c ```"


@pytest.mark.parametrize(
    ("report", "noun"),
    [
        ({"groups": "", "patients_known": False}, ""),
        ({"groups": "patients or groups of copies", "patients_known": False}, "patients or groups of copies"),
        ({"patients_known": True}, "patients"),  # of older versions
        ({"patients_known": False}, "groups of copies"),
    ],
)
def test_a_leak_report_says_what_its_patients_are(report, noun):
    assert patient_noun(report) == noun
