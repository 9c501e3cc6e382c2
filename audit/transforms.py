"""Transforms: what a customer may have done to a field's values before they leave, as far as its definition permits.

    round:10        a whole number goes down to a multiple of 10, and never below the field's minimum
    bucket:10,100   a whole number goes down to the greatest of these bounds that is not above it, or to the minimum;
                    a range (type `bucket`) goes up to the range between two of these bounds that holds it
    coarser:hour    an instant loses what is finer than the hour; its declared form stays
    suppress:5      the field is left out of messages whose value fewer than 5 messages share
    drop-rare:5     messages whose value fewer than 5 messages share are left out whole

The first three change each value by itself. The last two look over a population: the messages of one kind in the one
batch that is being sealed, and nothing else; they say nothing about two batches, or two fields, taken together.
Whoever knows how many messages there were learns from what is missing, so `suppress` leaves out more, from the rarest
value on, until what is missing are two values and 5 messages at least; a batch with fewer than 5 holds none of them.

Rules: pure; idempotent; a function of the values, so nothing finer than they were leaves; a result is a value that
the field's type allows; the sentinels -1 and -2 stay as they are, and count for nothing. The list is closed.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, MutableSequence, Sequence
from dataclasses import dataclass
from typing import Any

from audit.types import MAX_ID, PRECISIONS, SENTINELS, WHOLE, bucket_labels

ROUND, BUCKET, COARSER, SUPPRESS, DROP_RARE = "round", "bucket", "coarser", "suppress", "drop-rare"
FORMS: Mapping[str, str] = {
    ROUND: "round:N, N at least 2",
    BUCKET: "bucket:A,B, rising bounds",
    COARSER: "coarser:minute, coarser:hour or coarser:day",
    SUPPRESS: "suppress:K, K from 2 to 10000",
    DROP_RARE: "drop-rare:K, K from 2 to 10000",
}
"""Every form, and how it is written."""
EXPLAINED: Mapping[str, str] = {
    ROUND: "a whole number goes down to a multiple of N, and never below the field's minimum",
    BUCKET: "a whole number goes down to the greatest bound that is not above it; a range is widened to these bounds",
    COARSER: "an instant loses what is finer than that",
    SUPPRESS: "the field is left out of messages whose value fewer than K of their kind in the batch share; if there "
    "are any, more is left out, from the rarest value on, until what is missing are two values and K messages",
    DROP_RARE: "messages are left out whole whose value fewer than K of their kind in the batch share",
}
"""What each form does, in one sentence for people."""
LARGEST_K = 10_000
_WORD = re.compile(r"(round|bucket|suppress|drop-rare):([0-9]{1,16}(?:,[0-9]{1,16}){0,31})|coarser:(minute|hour|day)")
_COARSER = tuple(PRECISIONS)
_NUMBERS = ("count", "size_bytes", "duration_ms")
_SHARED = frozenset(
    {"id", *_NUMBERS, "bucket", "flag", "choice", "version", "place", "type", "route", "site", "selector", "digest"}
)
_LENGTHS = {"day": 10, "hour": 13, "minute": 16, "second": 19}
_MIDNIGHT = "____-__-__T00:00:00"

Change = Callable[[Any], Any]
Settled = Counter[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Transform:
    """One transform, read: `numbers` are its step, bounds or least number of messages; `precision` is of `coarser`."""

    word: str
    form: str
    numbers: tuple[int, ...] = ()
    precision: str = ""

    @property
    def looks_over(self) -> bool:
        """Whether it looks over all messages of a kind in a batch, instead of changing each value by itself."""
        return self.form in (SUPPRESS, DROP_RARE)

    @property
    def least(self) -> int:
        """How many messages must share a value, for the two that look over them."""
        return self.numbers[0]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a customer chose for one field; `change` is of a transform that changes each value by itself."""

    field: str
    transform: Transform
    change: Change | None


def read(word: str) -> Transform:
    """Return the transform that the word names. Raises ValueError for anything else, with how one is written."""
    found = _WORD.fullmatch(word)
    if found is None:
        raise ValueError(f"{word!r} is no transform; write {'; '.join(FORMS.values())}")
    form, numbers, precision = found.groups()
    if precision:
        return Transform(word, COARSER, precision=precision)
    read_ = tuple(map(int, numbers.split(",")))
    if word != f"{form}:{','.join(map(str, read_))}" or not _whole(form, read_):
        raise ValueError(f"{word!r} is no transform; write {FORMS[form]}")
    return Transform(word, form, read_)


def _whole(form: str, numbers: tuple[int, ...]) -> bool:
    if form == BUCKET:
        return list(numbers) == sorted(set(numbers)) and numbers[-1] <= MAX_ID
    largest = MAX_ID if form == ROUND else LARGEST_K
    return len(numbers) == 1 and 2 <= numbers[0] <= largest


def explained(transform: Transform) -> str:
    """Return what this transform does, with its own numbers, in one sentence without its full stop."""
    text = EXPLAINED[transform.form]
    if transform.form == COARSER:
        return text.replace("than that", f"than the {transform.precision}")
    numbers = [f"{number:,}" for number in transform.numbers]
    if transform.form == BUCKET:
        return f"{text}: {', '.join(numbers)}"
    return re.sub(r"\b[NK]\b", numbers[0], text)


def refusal(transform: Transform, type_name: str, params: Mapping[str, Any]) -> str | None:
    """Return why a field of this type, with these parameters, cannot permit the transform; None when it can."""
    if transform.looks_over:
        return None if type_name in _SHARED else f"values of the type {type_name} are not compared with each other"
    if transform.form == COARSER:
        return _no_coarser(transform, type_name, params)
    if type_name == "bucket" and transform.form == BUCKET:
        kept = set(transform.numbers)
        within = kept < set(params["bounds"]) and transform.numbers[-1] == params["bounds"][-1]
        return None if within else "its bounds must be some of the field's own, the last among them"
    if type_name not in _NUMBERS:
        return f"a value of the type {type_name} cannot be made coarser so"
    low, high = WHOLE[type_name](params)
    if low < 0:
        return "the field's minimum is below 0, where the sentinels are"
    inside = all(low < number <= high for number in transform.numbers)
    return None if inside else f"its numbers must lie above {low} and not above {high}"


def _no_coarser(transform: Transform, type_name: str, params: Mapping[str, Any]) -> str | None:
    if type_name != "instant":
        return f"a value of the type {type_name} is no instant"
    if _COARSER.index(transform.precision) >= _COARSER.index(params["precision"]):
        return f"the field is no finer than the {params['precision']} as it is"
    return None


def change(transform: Transform, type_name: str, params: Mapping[str, Any]) -> Change | None:
    """Return what the transform does to one value that the type allows; None for one that looks over a batch."""
    if transform.looks_over:
        return None
    if transform.form == COARSER:
        return _truncated(transform.precision, params["precision"])
    if type_name == "bucket":
        return _merged(tuple(params["bounds"]), transform.numbers)
    low = params.get("minimum", 0)
    return _stepped(low, transform.numbers[0]) if transform.form == ROUND else _bounded(low, transform.numbers)


def choose(field: str, word: str, type_name: str, params: Mapping[str, Any]) -> Chosen:
    """Return the transform `word` of the field `field`, whose definition permits it."""
    found = read(word)
    return Chosen(field, found, change(found, type_name, params))


def done(chosen: Chosen, values: Sequence[Any]) -> list[Any]:
    """Return what is left of the values that the messages of one kind in one batch hold, None where nothing is.

    For people who look at what a transform would do; `drop-rare` would leave out the whole message.
    """
    if chosen.change is not None:
        return [chosen.change(value) for value in values]
    going: list[dict[str, Any] | None] = [{"": value} for value in values]
    settle({"": chosen}, going)
    return [None if message is None else message.get("") for message in going]


def narrower(one: str | None, other: str | None) -> str | None:
    """Return which of two choices for a field leaves less; none is the finest. Raises ValueError if neither does."""
    if one == other or other is None:
        return one
    if one is None or as_coarse(other, read(one)):
        return other
    if as_coarse(one, read(other)):
        return one
    raise ValueError(f"neither of {one!r} and {other!r} leaves less than the other")


def as_coarse(stated: str | None, chosen: Transform) -> bool:
    """Say whether values under the transform `stated` tell no more than those under `chosen`."""
    if stated is None:
        return False
    if stated == chosen.word:
        return True
    other = read(stated)
    if other.looks_over or chosen.looks_over:
        stronger = other.form == chosen.form or other.form == DROP_RARE
        return other.looks_over and chosen.looks_over and stronger and other.least >= chosen.least
    if COARSER in (other.form, chosen.form):
        both = other.form == chosen.form
        return both and _COARSER.index(other.precision) <= _COARSER.index(chosen.precision)
    if chosen.form == BUCKET:
        return other.form == BUCKET and set(other.numbers) <= set(chosen.numbers)
    return all(number % chosen.numbers[0] == 0 for number in other.numbers)


def settle(over: Mapping[str, Chosen], going: MutableSequence[dict[str, Any] | None]) -> Settled:
    """Take from the messages of one kind what is shared by too few; returns how often, by (reason, field).

    Messages that are left out whole become None. Leaving some out makes others rarer, so that is done until no more go.
    """
    settled: Settled = Counter()
    dropping = {key: chosen for key, chosen in over.items() if chosen.transform.form == DROP_RARE}
    while sum(_drop(key, chosen, going, settled) for key, chosen in dropping.items()):
        pass
    for key, chosen in over.items():
        if chosen.transform.form == SUPPRESS:
            _suppress(key, chosen, going, settled)
    return settled


def _drop(key: str, chosen: Chosen, going: MutableSequence[dict[str, Any] | None], settled: Settled) -> int:
    counts = _shared(message[key] for message in going if message is not None and key in message)
    dropped = 0
    for position, message in enumerate(going):
        if message is not None and 0 < counts[message.get(key)] < chosen.transform.least:
            going[position] = None
            dropped += 1
    if dropped:
        settled["rare", chosen.field] += dropped
    return dropped


def _suppress(key: str, chosen: Chosen, going: Sequence[dict[str, Any] | None], settled: Settled) -> None:
    gone = hidden(
        _shared(message[key] for message in going if message is not None and key in message), chosen.transform.least
    )
    for message in going:
        if message is not None and key in message and message[key] in gone:
            del message[key]
            settled["suppressed", chosen.field] += 1


def hidden(counts: Mapping[Any, int], least: int) -> frozenset[Any]:
    """Return the values that `suppress` leaves out: those that fewer than `least` messages share, and if there are any,
    the next rarest ones until what is missing are two values and `least` messages, so that it cannot be counted back.
    """
    gone: set[Any] = set()
    messages = 0
    for value in sorted(counts, key=lambda value: (counts[value], repr(value))):
        if counts[value] >= least and (not gone or (messages >= least and len(gone) > 1)):
            break
        gone.add(value)
        messages += counts[value]
    return frozenset(gone)


def _shared(values: Iterator[Any]) -> Counter[Any]:
    """Count each value; sentinels say that there was none."""
    counts = Counter(values)
    for sentinel in SENTINELS:
        counts.pop(sentinel, None)
    return counts


def strangers(chosen: Chosen, values: Sequence[Any]) -> int:
    """Return how many of the values of one kind in a batch cannot stand there if the transform was used on them."""
    if chosen.change is not None:
        return sum(chosen.change(value) != value for value in values)
    return sum(count for count in _shared(iter(values)).values() if count < chosen.transform.least)


def _stepped(low: int, step: int) -> Change:
    return lambda value: value if value < low else max(low, value - value % step)


def _bounded(low: int, bounds: tuple[int, ...]) -> Change:
    rising = (low, *bounds)

    def down(value: int) -> int:
        return value if value < low else max(bound for bound in rising if bound <= value)

    return down


def _merged(bounds: tuple[int, ...], kept: tuple[int, ...]) -> Change:
    wider = {f"<{bound}": f"<{min(other for other in kept if other >= bound)}" for bound in bounds}
    labels = {label: wider.get(label, label) for label in bucket_labels(bounds)}
    return lambda value: labels[value]


def _truncated(precision: str, declared: str) -> Change:
    length = _LENGTHS[precision]
    ending = _MIDNIGHT[length : _LENGTHS[declared]] + "Z"
    return lambda value: value[:length] + ending
