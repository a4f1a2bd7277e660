"""What a card and metrics.json say of sources names no path of anybody's disk."""

import pytest

from hub.public_names import public_command, public_name, public_record


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A working directory with a folder of the form of a Hub id."""
    (tmp_path / "data" / "mine").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("someone/films", "someone/films"),
        ("data/mine", "mine"),
        ("../my pictures", "my pictures"),
        ("/home/someone/films/", "films"),
        ("data/mine/..", "data"),
        ("synthetic", "synthetic"),
        ("", ""),
    ],
)
def test_a_hub_id_stays_and_of_a_path_its_last_part(source, name):
    assert public_name(source) == name
    assert public_name(public_name(source)) == name


def test_a_command_keeps_what_made_the_model_and_not_where_it_went():
    command = "python train.py --dataset '../my pictures' --weights=/home/someone/a.safetensors --seed 2"
    assert public_command(f"{command} --output ../runs/a --size 96 --compile") == (
        "python train.py --dataset 'my pictures' --weights=a.safetensors --seed 2 --size 96 --compile"
    )
    assert public_command("python train.py --dataset someone/films --out=x --push-to a/b --overwrite") == (
        "python train.py --dataset someone/films"
    )
    assert public_command("python train.py --teacher ../a /b/c --optimizer muon") == (
        "python train.py --teacher a c --optimizer muon"
    )


def test_a_record_has_names_at_any_depth():
    record = {"training": {"dataset": "data/mine", "seed": 1}, "others": {"adults": {"dataset": "/x/adults"}}}
    assert public_record(record) == {
        "training": {"dataset": "mine", "seed": 1},
        "others": {"adults": {"dataset": "adults"}},
    }
