"""Log lines with a person's data in them, by channel: each maker returns a call of `logging`."""

import random
from collections.abc import Callable, Mapping

from benchmarks import _logging
from benchmarks._person import Person


def _said(text: str, who: Person, chance: random.Random) -> Callable[[], object]:
    log = chance.choice(list(_logging.SAID.values()))
    return lambda: log(text, who)


def _unsaid(text: str, who: Person, chance: random.Random) -> Callable[[], object]:
    log = chance.choice(list(_logging.UNSAID.values()))
    return lambda: log(text, who)


LOGGED: Mapping[str, Callable[[str, Person, random.Random], Callable[[], object]]] = {
    "log lines of the product": _said,
    "log lines of customers": _unsaid,
}
