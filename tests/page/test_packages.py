"""The packages of the page are pinned, fetched once, and by npm alone."""

import json
import re

import pytest

from hub.errors import InputError
from hub.page.packages import WEB, node_modules, vendored

FAILING = (
    "#!/bin/sh\necho 'npm error code EINTEGRITY' >&2\necho 'npm error sha512-… is not sha512-…' >&2\nexit 1\n"
)


def test_every_package_has_one_version_and_a_hash_and_no_address():
    lock = json.loads((WEB / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    for name, entry in packages.items():
        assert entry["integrity"].startswith("sha512-"), name
        assert "resolved" not in entry, name
    wanted = json.loads((WEB / "package.json").read_text())["dependencies"]
    for name, version in wanted.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), name
        assert packages[f"node_modules/{name}"]["version"] == version


def test_the_runtime_comes_compressed_and_from_a_pinned_package():
    runtime = {target: source for target, source in vendored().items() if source.endswith("threaded.wasm")}
    assert runtime
    assert all(target.endswith(".wasm.gz") for target in runtime)


def test_packages_are_fetched_once(npm, install_npm):
    first = node_modules()
    assert all((first / source).is_file() for source in vendored().values())
    install_npm(FAILING)  # it is not asked again
    assert node_modules() == first


def test_a_hash_that_is_wrong_leaves_nothing_behind(install_npm):
    install_npm(FAILING)
    with pytest.raises(
        InputError, match=r"npm could not fetch .*sha512-… is not sha512-….*; check the network"
    ):
        node_modules()
    with pytest.raises(InputError):
        node_modules()


def test_without_npm_one_sentence_says_what_to_install(install_npm, monkeypatch, tmp_path):
    install_npm(FAILING)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="it is not installed; install Node"):
        node_modules()
