"""Corporate's published list on a real installation: taken as it grows, refused when it is another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import catalogue, published, signed
from audit.errors import SignatureRefused
from audit.published import Entry
from diffgram_home import listing, reading, verifying
from diffgram_home.errors import HomeError
from diffgram_home.home import Home
from tests.store.building import CATALOGUE, FIELD, NOW, TYPED

KEY = Ed25519PrivateKey.from_private_bytes(b"c" * 32)
KEYS = signed.ring(KEY.public_key())
MORE = FIELD.format(name="boxes", typed='type = "count"\nunit = "boxes"\nminimum = 0\nmaximum = 99\nexample = 3')
OTHER = CATALOGUE.replace("shop", "store")


def sources(text: str) -> list[list[str]]:
    core = catalogue.core()
    return [[core.name, core.text], ["shop.toml", text]]


OURS = sources(CATALOGUE + "".join(FIELD.format(name=n, typed=t) for n, t in TYPED.items()))
NEWER = sources(OURS[1][1] + MORE)


class Corporate:
    """Says what a corporate would say; `entries` can be planted."""

    def __init__(self, *releases: Sequence[Sequence[str]]) -> None:
        self.entries: list[Mapping[str, Any]] = []
        self.asked: list[int] = []
        for release in releases:
            self.add(release)

    def add(self, release: Sequence[Sequence[str]], at: str = "2026-11-21T14:01:05Z") -> None:
        made = catalogue.load(*(catalogue.Source(name, text) for name, text in release))
        entry = Entry(at=at, catalogue=made.hash, release=f"shop {len(self.entries) + 1}.0.0")
        self.entries.append({"leaf": published.leaf(entry).decode(), "sources": list(map(list, release))})

    def note(self, home: Home) -> str:
        return published.sign([one["leaf"].encode() for one in self.entries], home.settings.corporate.root, KEY)

    def fetch(self, first: int) -> Sequence[Mapping[str, Any]]:
        self.asked.append(first)
        return self.entries[first : first + 2]


def hear(home: Home, corporate: Corporate, note: Any = None) -> bool:
    said = corporate.note(home) if note is None else note
    return listing.hear(home, said, lambda _: KEYS, corporate.fetch, NOW)


def notices(home: Home) -> dict[str, str]:
    return {notice.code: notice.text for notice in reading.notices(home)}


def test_the_list_is_taken_in_stretches_and_asked_for_only_when_it_grew(home: Home) -> None:
    corporate = Corporate(OURS, sources(OTHER), NEWER)
    assert hear(home, corporate)
    assert corporate.asked == [0, 2]
    assert not hear(home, corporate)
    assert corporate.asked == [0, 2], "the same checkpoint again asks for nothing"
    assert [(one.position, one.state) for one in listing.releases(home)] == [
        (2, "newer"),
        (1, "other"),
        (0, "installed"),
    ]
    assert listing.checkpoint(home) == corporate.note(home)
    assert [c.what for c in reading.history(home) if c.what == "published"] == ["published"]
    assert verifying.verify(home, NOW).holds


def test_a_release_that_would_let_more_leave_is_told_before_anybody_installs_it(home: Home) -> None:
    corporate = Corporate(OURS, sources(OTHER))
    hear(home, corporate)
    assert listing.CHANGES not in notices(home)
    corporate.add(NEWER)
    hear(home, corporate)
    assert "shop.boxes" in notices(home)[listing.CHANGES]
    newest = listing.releases(home)[0]
    assert [(c.name, c.what, c.material) for c in newest.changes] == [("shop.boxes", "added", True)]


def test_what_was_told_about_a_release_is_over_when_it_is_installed(home: Home) -> None:
    hear(home, Corporate(OURS, NEWER))
    assert listing.CHANGES in notices(home)
    newest = listing.releases(home)[0].catalogue
    with home.store.write() as session:
        listing.installed(session, newest, NOW)
    assert listing.CHANGES not in notices(home)


def test_a_release_that_only_rewords_is_listed_and_not_told(home: Home) -> None:
    reworded = sources(OURS[1][1].replace("something counted for the tests", "something that is counted for tests"))
    hear(home, Corporate(OURS, reworded))
    assert listing.CHANGES not in notices(home)
    assert {change.material for change in listing.releases(home)[0].changes} == {False}


@pytest.mark.parametrize("fault", ["changed", "shorter", "swapped"])
def test_a_list_that_is_not_the_one_shown_before_is_refused_and_its_note_kept(home: Home, fault: str) -> None:
    hear(home, Corporate(OURS, NEWER))
    other = {
        "changed": Corporate(OURS, sources(OTHER)),
        "shorter": Corporate(OURS),
        "swapped": Corporate(NEWER, OURS, sources(OTHER)),
    }[fault]
    for _ in range(2):
        assert not hear(home, other)
    assert len(listing.releases(home)) == 2, "what was shown before stays"
    assert notices(home)[listing.REFUSED].endswith({"shorter": "(list-shorter)"}.get(fault, "(list-forked)"))
    assert [c.after for c in reading.history(home) if c.what == "published"] == ["refused", "2 entries"]


@pytest.mark.parametrize("planted", ["sources", "no leaf", "no list", "not text"])
def test_entries_that_are_not_what_they_say_change_nothing(home: Home, planted: str) -> None:
    corporate = Corporate(OURS)
    if planted == "sources":
        corporate.entries[0] = {**corporate.entries[0], "sources": NEWER}
    note = {"not text": 7}.get(planted) or corporate.note(home)
    if planted == "no leaf":
        corporate.entries[0] = {"sources": OURS}
        assert not listing.hear(home, note, lambda _: KEYS, lambda _: [{"sources": OURS}], NOW)
    elif planted == "no list":
        assert not listing.hear(home, note, lambda _: KEYS, lambda _: [], NOW)
    else:
        assert not hear(home, corporate, note)
    assert listing.releases(home) == ()
    assert listing.REFUSED in notices(home)


def test_a_key_that_is_not_known_is_looked_for_in_a_new_manifest(home: Home) -> None:
    corporate, asked = Corporate(OURS), []

    def keys(again: bool) -> Mapping[str, Any]:
        asked.append(again)
        return KEYS if again else {}

    assert listing.hear(home, corporate.note(home), keys, corporate.fetch, NOW)
    assert asked == [False, True]


def test_what_cannot_be_fetched_now_is_fetched_with_the_next_answer(home: Home) -> None:
    corporate = Corporate(OURS)

    def fails(_: int) -> Sequence[Mapping[str, Any]]:
        raise HomeError("timeout", "no answer", "wait")

    assert not listing.hear(home, corporate.note(home), lambda _: KEYS, fails, NOW)
    assert listing.REFUSED not in notices(home)
    assert hear(home, corporate)


def test_two_customers_compare_what_they_were_shown(home: Home) -> None:
    hear(home, Corporate(OURS, NEWER))
    for theirs, verdict in ((Corporate(OURS), "behind"), (Corporate(OURS, sources(OTHER)), "fork")):
        assert listing.compare(home, theirs.note(home), KEYS).verdict == verdict
    with pytest.raises(SignatureRefused):
        listing.compare(home, Corporate(OURS).note(home), signed.ring(Ed25519PrivateKey.generate().public_key()))
