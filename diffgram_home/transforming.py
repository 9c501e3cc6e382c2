"""What the transforms that a field permits do to the values that wait now, before one is chosen.

`switching.set_transform` chooses. What waits is what is sealed and may not have left, and what is not sealed yet; the
values are those that were collected, whatever transform is chosen now. The two transforms that look over a batch are
shown for the batches as they wait: sealed ones by themselves, the rest in batches of [sending] batch_messages.
Rules: reading changes nothing; at most LOOKED_AT messages are looked at, the oldest first, and the answer says so.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import transforms
from audit.catalogue import Field
from audit.modes import Switch
from audit.types import TYPES
from diffgram_home import blocks, rules
from diffgram_home.errors import StoreError
from diffgram_home.home import Home
from diffgram_home.models import QUEUED, Batch, Block, Source

LOOKED_AT = 20_000
SHOWN = 12
Messages = Sequence[tuple[int, Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Step:
    """A value as it was collected, what leaves in its place (None: nothing), as JSON, and in how many messages."""

    before: str
    after: str | None
    messages: int


@dataclass(frozen=True, slots=True)
class Effect:
    """What one transform does to the values that wait: the commonest `steps`, and the `more` that are not shown.

    `messages` hold the field, of `missing` nothing is left; `distinct_before` and `distinct_after` count values.
    """

    word: str | None
    does: str
    messages: int
    missing: int
    distinct_before: int
    distinct_after: int
    steps: tuple[Step, ...]
    more: int


@dataclass(frozen=True, slots=True)
class Effects:
    """A field's choices with their effects, the finest first; `cut` says that more waits than was looked at."""

    field: str
    chosen: str | None
    effects: tuple[Effect, ...]
    batches: int
    cut: bool


def effects(home: Home, name: str, now: datetime) -> Effects:
    """The effect of each transform that the field `name` permits. Raises KeyError for a field that is none."""
    field = home.catalogue.fields[name]
    with home.store.read() as session:
        holding = rules.within(home, session, now)
        batches, cut = _batches(home, session, field)
    values = [values for batch in batches for values in _by_kind(home, field, holding.modes, batch)]
    found = tuple(_effect(field, word, values) for word in (None, *field.transforms))
    return Effects(name, holding.consent.transforms.get(name), found, len(batches), cut)


def _effect(field: Field, word: str | None, populations: Sequence[Sequence[Any]]) -> Effect:
    chosen = transforms.choose(field.name, word, field.type, field.params) if word else None
    steps: Counter[tuple[Any, Any]] = Counter()
    for values in populations:
        steps.update(zip(values, transforms.done(chosen, values) if chosen else values, strict=True))
    shown = sorted(steps.items(), key=lambda step: (-step[1], repr(step[0])))
    return Effect(
        word=word,
        does="leaves as it was collected" if chosen is None else transforms.explained(chosen.transform),
        messages=steps.total(),
        missing=sum(count for (_, after), count in steps.items() if after is None),
        distinct_before=len({before for before, _ in steps}),
        distinct_after=len({after for _, after in steps if after is not None}),
        steps=tuple(Step(_text(b), None if a is None else _text(a), count) for (b, a), count in shown[:SHOWN]),
        more=max(0, len(shown) - SHOWN),
    )


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _by_kind(home: Home, field: Field, switches: Any, batch: Messages) -> Iterator[list[Any]]:
    """The values of each kind in a batch, as far as they are of the field's type and their kind's switch lets them."""
    holds = TYPES[field.type].make(field.params, home.index)
    found: dict[str, list[Any]] = defaultdict(list)
    for word, message in batch:
        kind = message.get("kind")
        if kind in field.kinds and field.key in message and holds(message[field.key]) and _may_go(switches, kind, word):
            found[kind].append(message[field.key])
    yield from found.values()


def _may_go(switches: Any, kind: str, word: int) -> bool:
    mode, generation = blocks.position_mode(word)
    return mode == "on" and switches.of(kind) == Switch(mode, generation)


def _batches(home: Home, session: Session, field: Field) -> tuple[list[Messages], bool]:
    """The messages of each batch that waits, and of those that would be sealed next; and whether that is not all."""
    found: list[Messages] = []
    room = LOOKED_AT
    for messages in chain(_sealed(session, field.case), _next(home, session, field.case)):
        if len(messages) > room:
            return found, True
        room -= len(messages)
        found.append(messages)
    return found, False


def _sealed(session: Session, case: str) -> Iterable[Messages]:
    wanted = select(Batch.id).where(Batch.state == QUEUED, Batch.case == case).order_by(Batch.sequence)
    for batch_id in session.scalars(wanted.limit(LOOKED_AT)).all():
        messages: list[tuple[int, Mapping[str, Any]]] = []
        for source in session.scalars(select(Source).where(Source.batch_id == batch_id).order_by(Source.id)):
            held = _held(session, source.block_id)[source.start :]
            messages += [message for message, kept in zip(held, source.kept, strict=False) if kept]
        yield messages


def _next(home: Home, session: Session, case: str) -> Iterable[Messages]:
    room, messages = home.settings.sending.batch_messages, []
    wanted = select(Block.id, Block.sealed_to).where(Block.case == case, Block.waiting).order_by(Block.id)
    for block_id, sealed_to in session.execute(wanted.limit(LOOKED_AT)).all():
        messages += _held(session, block_id)[sealed_to:]
        while len(messages) >= room:
            yield messages[:room]
            del messages[:room]
    if messages:
        yield messages


def _held(session: Session, block_id: int) -> Messages:
    try:
        return blocks.messages(session, block_id)
    except StoreError:
        return []  # sealing tells it
