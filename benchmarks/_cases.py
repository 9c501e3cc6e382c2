"""Cases of the corpus: something that goes wrong with an invented person's data in it, by channel, seeded.

Every case raises, logs or asks the installation something, and has the secrets that nothing of may leave: as they are,
in parts, and encoded.
"""

import itertools
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks._asked import ASKED, Asked
from benchmarks._logged import LOGGED
from benchmarks._mistaken import MISTAKES, Call
from benchmarks._people import LOCALES
from benchmarks._person import Person, moved_on, person
from benchmarks._spelled import ENCODINGS

SURROUNDINGS = (
    *("{}", "Dear {}, your order", "{} <none@example.org>", "[{}]", '"{}" was refused', "{}\nsecond line", "x={}&y=1"),
    *(
        "project 7 of {} is full: 3 of 40 inputs are used",
        "invalid literal for int() with base 10: '{}'",
        "%s {} {{0}}",
    ),
    *('relation "{}" does not exist', "no such table: {}", "'NoneType' object has no attribute '{}'"),
    *("10.0.0.1 - {} [22/Nov/2026] GET /{} 500", '{{"user": "{}", "id": 7}}', "/home/{}/Desktop/", "{}@localhost:5432"),
)
"""What stands around a value; some of it imitates the messages of programs."""
CHANNELS: Mapping[str, Callable[[str, Person, random.Random], Any]] = {**MISTAKES, **LOGGED, **ASKED}


@dataclass(frozen=True, slots=True)
class Case:
    """One case. Of `raises`, `logs` and `asks` it has one; `in_product`: a `raise` of the product raises, whose words
    are to be kept."""

    channel: str
    locale: str
    encoding: str
    who: Person
    raises: Call | None = None
    logs: Call | None = None
    asks: Asked | None = None
    in_product: bool = False


def cases(count: int, seed: int, *, moved: bool = False) -> Iterator[Case]:
    """Yield cases, all channels, locales and encodings in turn; `moved` are the same with other people's data."""
    chance = random.Random(seed)
    turns = zip(itertools.cycle(CHANNELS.items()), itertools.count(), strict=False)
    for (channel, make), number in itertools.islice(turns, count):
        locale = list(LOCALES)[number // len(CHANNELS) % len(LOCALES)]
        who = moved_on(person(chance, locale)) if moved else person(chance, locale)
        encoding = chance.choice(list(ENCODINGS)) if number % 3 else "plain"
        text = ENCODINGS[encoding](chance.choice((f"{who.given} {who.family}", *who.secrets())))
        if number % 2:
            text = chance.choice(SURROUNDINGS).replace("{}", text)
        made = make(text, who, chance)
        if channel in ASKED:
            yield Case(channel, locale, encoding, who, asks=made)
        elif channel in LOGGED:
            yield Case(channel, locale, encoding, who, logs=made)
        else:
            yield Case(channel, locale, encoding, who, raises=made, in_product=channel == "exception messages")
