"""Unexpected Data Transfers: opened once, proved step by step, closed by a person."""

from datetime import timedelta

import pytest

from audit import record
from diffgram_home import incidents, ledger, reading, verifying
from diffgram_home.home import Home
from tests.store.building import ACTOR, NOW

PATHS = {"connect.<undeclared>": 1}


def opened(home: Home, paths: dict[str, int] | None = None, source: str = incidents.TRIPWIRE) -> str:
    with home.store.write() as session:
        return incidents.open(session, source, paths or PATHS, NOW)


def test_an_incident_stands_in_the_ledger_and_on_every_page_until_a_person_closes_it(home: Home) -> None:
    token = opened(home)
    (found,) = incidents.listed(home)
    assert (found.token, found.source, found.paths, found.is_open) == (token, "tripwire", PATHS, True)
    assert [(step.what, step.at) for step in found.steps if step.at] == [("noticed", NOW)]
    assert [notice.subject for notice in reading.notices(home) if notice.code == incidents.NOTICE] == [token]
    incidents.close(home, token, ACTOR, NOW + timedelta(hours=1))
    (found,) = incidents.listed(home)
    assert (found.closed_by, reading.notices(home)) == (ACTOR, ())
    with home.store.read() as session:
        leaves = [ledger.leaf(session, step.leaf) for step in found.steps if step.leaf is not None]
    assert [leaf.step for leaf in leaves if isinstance(leaf, record.Incident)] == ["noticed", "closed"]
    assert [(c.after, c.actor) for c in reading.history(home)[:2]] == [("closed", ACTOR), ("noticed", "home")]
    assert verifying.verify(home, NOW).holds


def test_a_loop_adds_to_the_open_incident_and_not_to_the_ledger(home: Home) -> None:
    first = opened(home)
    size = reading.overview(home, NOW).proof.size
    assert {opened(home) for _ in range(20)} == {first}
    (found,) = incidents.listed(home)
    assert (found.count, found.paths) == (21, {"connect.<undeclared>": 21})
    assert reading.overview(home, NOW).proof.size == size
    incidents.close(home, first, ACTOR, NOW)
    assert opened(home) != first, "after it was closed the same thing is a new incident"


def test_other_paths_or_another_source_are_another_incident(home: Home) -> None:
    assert len({opened(home), opened(home, {"getaddrinfo.<undeclared>": 1}), opened(home, source="customer")}) == 3


def test_what_is_no_path_is_never_written_down(home: Home) -> None:
    opened(home, {"rose at hospital": 2, "x" * 300: 1, "fine.path": 3})
    (found,) = incidents.listed(home)
    assert found.paths == {"<undeclared>": 3, "fine.path": 3}


@pytest.mark.parametrize("again", [False, True])
def test_closing_what_is_not_open_is_refused(home: Home, again: bool) -> None:
    token = opened(home) if again else "0" * 32
    if again:
        incidents.close(home, token, ACTOR, NOW)
    with pytest.raises(incidents.IncidentError) as refused:
        incidents.close(home, token, ACTOR, NOW)
    assert refused.value.code == ("incident-closed" if again else "incident-unknown")
