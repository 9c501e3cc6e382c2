"""The privacy notice for the end users of the product: what leaves this server now, and what never does.

Made of the catalogue, the approvals and the switches as they stand, in words for people who read no catalogue; with the
seed's summary table. It says what is so at one moment: whoever publishes it makes it again after a change. It leaves
the legal parts (who is responsible, whom to write to) to the customer, who knows them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from audit.catalogue import CASES, Field
from audit.gate import Rules
from diffgram_home import reading, rules, views
from diffgram_home.home import Home

PSEUDONYM = "person-by-pseudonym"
_HEADINGS = ("Named Case", "Scope of Data Collected", "Personally Identifiable Information (PII)", "Use Cases")
_MORE = ("Collection or Access", "Customer Can Limit", "Now")
_CASES = {
    "event": "When this software works, or fails",
    "browser": "When you open a page",
    "support": "When the vendor helps",
    "licensing": "For the licence",
}
_PURPOSES = {
    "fix-faults": "find and mend faults",
    "improve": "improve the software",
    "support": "help this server’s administrators",
    "billing": "bill its use",
    "licence": "check the licence",
    "integrity": "show that nothing was changed or left out",
    "transport": "carry the message",
}
_AS_THEY_ARE: Mapping[str, str] = {}
_NEVER = (
    "your name, your e-mail address, your password, or what you type",
    "files, pictures, annotations or any other content",
    "the address of your computer, and cookies",
)


def notice(home: Home, now: datetime) -> str:
    """Return the notice as Markdown, as things stand at `now`."""
    with home.store.read() as session:
        holding = rules.within(home, session)
    live = [field for case in CASES for field in home.catalogue.of_case(case)]
    leaving = [field for field in live if holding.consent.allows(field) and _is_on(field, holding)]
    words = holding.consent.transforms
    return render(home.settings.name, reading.cases(home), leaving, home.catalogue.hash, now, words)


def _is_on(field: Field, holding: Rules) -> bool:
    return any(holding.modes.of(kind).mode == "on" for kind in field.kinds)


def render(
    name: str,
    cases: Sequence[views.Case],
    leaving: Sequence[Field],
    catalogue: str,
    now: datetime,
    words: Mapping[str, str] = _AS_THEY_ARE,
) -> str:
    """Return the notice for `cases` and the fields that are `leaving`; `catalogue` is its hash, `words` transforms."""
    return "\n".join(_page(name, cases, leaving, catalogue, now, words)) + "\n"


def _page(
    name: str,
    cases: Sequence[views.Case],
    leaving: Sequence[Field],
    catalogue: str,
    now: datetime,
    words: Mapping[str, str],
) -> Iterator[str]:
    yield f"# What {name} tells the vendor of its software"
    yield ""
    yield f"As of {now:%d %B %Y, %H:%M} UTC. Made from the switches of this server and its catalogue, not by hand."
    yield ""
    yield from _table(cases)
    yield from ("", "## What never leaves", "")
    yield from (f"- {what}" for what in _NEVER)
    yield ""
    yield "There is no way to send them: a value is a number within a bound, a time, a yes or no, a word of a closed"
    yield "list, a place in the vendor’s own program, or the kind of a value (“an e-mail address”) instead of it."
    yield from ("", "## What leaves now", "")
    if not leaving:
        yield "Nothing. No case is on."
        return
    for case in dict.fromkeys(field.case for field in leaving):
        yield from (f"### {_CASES[case]}", "")
        yield from (_line(field, words.get(field.name)) for field in leaving if field.case == case)
        yield ""
    known = ", ".join(dict.fromkeys(field.key for field in leaving if field.identifies == PSEUDONYM))
    if known:
        yield f"Numbers that stand for one person to whoever holds this server’s database: {known}."
        yield "The vendor does not hold that database, and gets no name with the number."
    yield ""
    yield f"Catalogue `{catalogue}`: every field is listed by `diffgram-home fields`."


def _line(field: Field, word: str | None) -> str:
    kept = f"kept by the vendor for {field.retention_days} days" if field.retention_days else "not kept by the vendor"
    less = f"; made less exact here, before it leaves (`{word}`)" if word else ""
    return (
        f"- {field.brief} (`{field.key}`): to {' and '.join(map(_PURPOSES.__getitem__, field.purpose))}; {kept}{less}"
    )


def _table(cases: Sequence[views.Case]) -> Iterator[str]:
    """The summary table of the seed document, with what is so now."""
    yield f"| {' | '.join((*_HEADINGS, *_MORE))} |"
    yield "| --- " * len((*_HEADINGS, *_MORE)) + "|"
    for row in cases:
        now = row.mode if row.installed else "not installed"
        cells = (row.name, row.scope, row.personal, row.use, row.direction, row.customer_can_limit, now)
        yield f"| {' | '.join(cells)} |"
