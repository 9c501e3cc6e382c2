"""Somebody who does not exist, and somebody else of whom everything looks alike and nothing is the same."""

import random
from dataclasses import astuple, dataclass

from benchmarks._people import LOCALES, NUMBERS, TOWNS, WORDS

_ROWS = ("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789")


@dataclass(frozen=True, slots=True)
class Person:
    """What is known of somebody: none of it may leave. `number` is an office's, `word` an ordinary word as password."""

    given: str
    family: str
    mail: str
    phone: str
    street: str
    town: str
    card: str
    number: str
    born: str
    token: str
    word: str

    def secrets(self) -> tuple[str, ...]:
        """Everything, each as it is."""
        return astuple(self)


def person(chance: random.Random, locale: str) -> Person:
    """Return somebody of a locale."""
    at = LOCALES[locale]
    given, family = chance.choice(at.given.split()), chance.choice(at.family.split())
    digits = [str(chance.randrange(10)) for _ in range(16)]
    return Person(
        given,
        family,
        mail=f"{given}.{family}{chance.randrange(10, 99)}@{chance.choice(['praxis', 'post', 'klinik'])}.example",
        phone=at.dial + "".join(digits[:5]),
        street=f"{chance.choice(at.streets.split())} {chance.randrange(100, 999)}",
        town=f"{chance.randrange(10_000, 99_999)} {chance.choice(TOWNS[locale].split())}",
        card=" ".join("".join(digits[n : n + 4]) for n in range(0, 16, 4)),
        number="".join(_filled(chance, mark) for mark in NUMBERS[locale]),
        born=f"{chance.randrange(1930, 2008)}-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}",
        token=chance.randbytes(12).hex(),
        word=chance.choice(WORDS.split()),
    )


def moved_on(who: Person) -> Person:
    """Return somebody else: every letter and digit is the next one."""
    return Person(*("".join(map(_next, text)) for text in who.secrets()))


def _filled(chance: random.Random, mark: str) -> str:
    return chance.choice({"#": _ROWS[2], "A": _ROWS[1]}.get(mark, mark))


def _next(character: str) -> str:
    for row in _ROWS:
        if character in row:
            return row[(row.index(character) + 1) % len(row)]
    following = chr(ord(character) + 1)
    return following if character.isalpha() and following.isalpha() else character
