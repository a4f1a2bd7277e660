"""Patients, as file names tell them."""

import pytest

from hub.data.patients import parse_name, patient_number


@pytest.mark.parametrize(
    ("name", "patient", "number"),
    [
        ("person1000_bacteria_2931.jpeg", "person1000_bacteria", "person1000"),
        ("person1_virus_6.jpeg", "person1_virus", "person1"),
        ("IM-0115-0001.jpeg", "IM-0115", "IM-0115"),
        ("NORMAL2-IM-0115-0001-0002.jpeg", "NORMAL2-IM-0115", "IM-0115"),
    ],
)
def test_a_file_name_tells_the_patient(name, patient, number):
    assert parse_name(name)[0] == patient
    assert patient_number(patient) == number


@pytest.mark.parametrize("name", ["", "scan.jpeg", "person_1.jpeg", "person1.jpeg", "00000001_000.png"])
def test_other_file_names_tell_no_patient(name):
    assert parse_name(name) is None
