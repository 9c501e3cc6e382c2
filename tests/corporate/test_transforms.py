"""Transforms at corporate: told in the header, checked against the values, and shown beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from audit import gate
from tests.corporate.pretend import Pretend, message
from tests.corporate.running import Server, found, running
from tests.corporate.visiting import Visitor


@pytest.fixture(scope="module")
def server(make_url: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for these tests."""
    with running(*found(tmp_path_factory.mktemp("transforms"), make_url())) as one:
        yield one


@pytest.fixture
def coarse(server: Server, tmp_path: Path) -> Pretend:
    """An installation that sends the hours of its errors, and no member that fewer than five messages share."""
    one = Pretend(server, tmp_path)
    assert one.enrol().status == 201
    words = {"home.at": "coarser:hour", "home.member_id": "suppress:5"}
    consent = replace(one.rules.consent, transforms=words)
    one.rules = gate.Rules(one.rules.catalogue, one.rules.index, consent, one.rules.modes)
    return one


def test_a_batch_under_transforms_is_stored_and_shown_with_what_was_used(server: Server, coarse: Pretend) -> None:
    body = coarse.seal(1, [message("2026-11-21T14:02:07Z")] * 2)
    assert b'"transforms":{"home.at":"coarser:hour","home.member_id":"suppress:5"}' in body.partition(b"\n")[0]
    assert coarse.send(body).status == 200
    visitor = Visitor(server)
    assert visitor.sign_in() == 303
    listed = visitor.ask("GET", f"/installations/{coarse.id}").data.decode()
    number = listed.partition("/batches/")[2].partition('"')[0]
    page = visitor.ask("GET", f"/batches/{number}").data.decode()
    assert "Transformed before it left" in page
    assert "<code>coarser:hour</code>: an instant loses what is finer than the hour." in page
    assert "Transformed by <code>coarser:hour</code>." in page
    assert '"at":"2026-11-21T14:00:00Z"' in page.replace("&#34;", '"')


def test_values_that_contradict_what_is_told_are_refused_as_undeclared(server: Server, coarse: Pretend) -> None:
    body = coarse.seal(1, [message("2026-11-21T14:02:07Z")])
    lying = body.replace(b"T14:00:00Z", b"T14:02:07Z")
    assert lying != body
    answer = coarse.send(lying)
    assert (answer.status, answer.json["undeclared"]) == (400, {"home/error.at.<undeclared>": 1})
    assert coarse.send(body).status == 200
