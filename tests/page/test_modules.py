"""Tables in the modules of the page that have to be those of Python."""

import contextlib
import re

from pydicom._uid_dict import UID_dictionary
from pydicom.sr.codedict import codes
from pydicom.uid import UID

from hub.errors import InputError
from hub.imaging.dicom_codestream import check_syntax
from hub.imaging.dicom_views import _by_words, _meaning
from hub.page.packages import WEB

ROOT = "1.2.840.10008.1.2"


def module(name):
    return (WEB / "imaging" / name).read_text(encoding="utf-8")


def is_read(syntax):
    with contextlib.suppress(InputError):
        check_syntax(UID(syntax), "film.dcm")
        return True
    return False


def test_transfer_syntaxes_have_the_names_of_the_standard():
    named = dict(re.findall(r'"([.\d]+)": "(.+)",', module("dicom_syntaxes.js")))
    known = {syntax: name for syntax, (name, kind, *_) in UID_dictionary.items() if kind == "Transfer Syntax"}
    assert {ROOT + suffix: name for suffix, name in named.items()}.items() <= known.items()
    unread = {syntax.removeprefix(ROOT) for syntax in known if not is_read(syntax)}
    assert unread <= named.keys() <= unread | {".4.51"}  # of 12 bits, which no browser reads


def test_codes_of_views_mean_what_they_do_in_python():
    listed = {
        code: "" if view == "frontal" else view
        for view, group in re.findall(r"(\w+): \[(.*?)\]", module("dicom_view_codes.js"), re.DOTALL)
        for code in re.findall(r'"(.+?)"', group)
    }
    assert {code: _by_words(_meaning(code)) for code in listed} == listed
    groups = codes.cid4010, codes.cid4011
    assert {concept.value for group in groups for concept in group.concepts.values()} <= listed.keys()
