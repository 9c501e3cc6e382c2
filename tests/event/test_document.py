"""event.py holds the complete list of what it sends, and the public face fits on a screen."""

import ast
import inspect

import pytest

import event
from audit import catalogue
from event import document
from tests.event import samples


def test_the_list_in_event_py_is_that_of_the_catalogue():
    text = document.TARGET.read_text()
    assert document.renewed(text, catalogue.load(catalogue.core())) == text, "run python -m event.document --write"


def test_every_field_of_the_case_stands_in_it():
    known = catalogue.load(catalogue.core())
    listed = document.table(known)
    for field in known.of_case("event"):
        assert f"    {field.key} ({field.type}" in listed
        assert " ".join(field.brief.split()) in " ".join(listed.split())


def test_another_catalogue_makes_another_list():
    text = document.TARGET.read_text()
    assert document.renewed(text, samples.read_catalogue()) != text


def test_a_lost_mark_is_told():
    with pytest.raises(ValueError, match="put both lines back"):
        document.renewed("no marks", samples.read_catalogue())


def test_check_says_whether_it_is_stale(capsys):
    assert document.main(["--check"]) == 0
    assert capsys.readouterr().out == ""


def test_the_face_fits_on_a_screen():
    tree = ast.parse(document.TARGET.read_text())
    tree.body.pop(0)
    assert len(ast.unparse(tree).splitlines()) < 60


def test_the_face_is_eleven_names_and_every_one_is_explained():
    names = ["EventError", "Handler", "Limits", "SentryTransport"]
    names += ["collects", "counts", "error", "flask", "new", "start", "wsgi"]
    assert sorted(event.__all__) == names
    assert all(inspect.getdoc(getattr(event, name)) for name in event.__all__)
