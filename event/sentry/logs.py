"""An item `log` of a Sentry envelope: the records that it holds, and how much of them is not read.

Of a record are read: its level, its text, the logger, the file, function and line that logged it, and the release.
"""

from dataclasses import dataclass
from typing import Any, Final

from event.records.record import READ, Record, level, made
from event.sentry._values import members, name, rows

ITEM: Final = "log"
ATTRIBUTES: Final = "attributes"
"""The word for attributes of records that are not read."""
MOST: Final = 1_000
_SDK, _RELEASE = "sentry.sdk.name", "sentry.release"
_LANGUAGES: Final = (("sentry.python", "python"), ("sentry.javascript.node", "nodejs"), ("sentry.javascript", "webjs"))


@dataclass(frozen=True, slots=True, repr=False)
class Logs:
    """The records of an item, how many attributes are not read, and how many entries were no record, or too many."""

    records: tuple[Record, ...]
    unread: int
    lost: int


def read(content: Any) -> Logs:
    """Return what an item's decoded JSON tells; any value in it may be of any built-in type."""
    found = rows(members(content).get("items"))
    entries = [one for one in found[:MOST] if type(one) is dict]
    told = [{key: members(of).get("value") for key, of in members(one.get("attributes")).items()} for one in entries]
    records = tuple(_record(one, attributes) for one, attributes in zip(entries, told, strict=True))
    unread = sum(key not in READ and key != _SDK and key != _RELEASE for attributes in told for key in attributes)
    return Logs(records, unread, len(found) - len(entries))


def _record(one: dict[str, Any], told: dict[str, Any]) -> Record:
    sdk = name(told.get(_SDK))
    language = next((language for begin, language in _LANGUAGES if sdk.startswith(begin)), "" if not sdk else "other")
    return made(level(0, one.get("level")), "", one.get("body"), told, language, name(told.get(_RELEASE)))
