"""The dict of a Sentry event becomes fields of `home/error`; everything in it that is not named here is never read.

Of an exception its type is read (kept if the index has it), its message (its shape is kept, and the words of the raise
at that place if the message is, as a whole, what that raise says), the frames of its stack trace (module, function and
line, kept if the index has them), and the numbers that say which caused which; of the event its platform and its
release (kept if it is a version). Everything else it can carry, from local variables to the user's address, has no way
on; `PASSED_BY` has the words by which it is counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from audit.types import MAX_CHAIN, NO_TYPE, TYPES
from event._error import ErrorLog, Link, worded
from event._shape import shape
from event.names import PLATFORM
from event.sentry._chain import chain
from event.sentry._places import Places, Read, step
from event.sentry._values import members, name, rows

PASSED_BY: Mapping[str, str] = {
    "breadcrumbs": "breadcrumbs",
    "user": "user",
    "request": "request",
    "contexts": "contexts",
    "extra": "extra",
    "tags": "tags",
    "server_name": "server-name",
    "modules": "modules",
    "threads": "threads",
}
"""Members of an event that are let go unseen → the word under which they are counted."""
MESSAGE, TRANSACTION, LOCALS = "message", "transaction", "locals"
_LOOKED_THROUGH = 100
_PYTHON = ("", "python")


@dataclass(frozen=True, slots=True)
class Reduced:
    """What is left of an event; `error_log` is None where it has no exception, and `refused` says what it was."""

    error_log: dict[str, Any] | None
    values: dict[str, Any]
    refused: tuple[str, ...]


class Reduction:
    """Reduces events against the index of one `log`. Any thread may use it."""

    def __init__(self, log: ErrorLog) -> None:
        self._types, self._words = log.index.types, log.words
        self._places = Places(log)
        self._is_version = TYPES["version"].make({}, log.index)
        self._declared = log.index.known.lists.get(PLATFORM, frozenset())

    def declares(self, document: Mapping[str, Any]) -> bool:
        """Say whether the index has names of the event's platform: a program of the product in another language."""
        return name(document.get("platform")) in self._declared

    def of(self, document: Mapping[str, Any]) -> Reduced:
        """Return what may be kept of `document`, an event as an SDK made it: any value may be of any built-in type."""
        passed = tuple(word for member, word in PASSED_BY.items() if document.get(member))
        if document.get("type") == "transaction":
            return Reduced(None, {}, (TRANSACTION,))
        found = chain(document.get("exception"))
        if not found.all:
            return Reduced(None, {}, (MESSAGE, *passed))
        platform = name(document.get("platform"))
        read = step if platform in _PYTHON else self._places.declared if platform in self._declared else None
        stacks = [one.get("stacktrace") for one in found.causes]
        passed += (LOCALS,) if any(map(_has_locals, stacks)) else ()
        log = {
            "chain": worded(self._link(one, read) for one in found.all[:MAX_CHAIN]),
            "frames": self._places.of(stacks, read),
        }
        return Reduced(log, self._release(document), passed)

    def _link(self, one: Mapping[str, Any], read: Read | None) -> Link:
        module, own = name(one.get("module")), name(one.get("type"))
        whole = f"{module}.{own}" if module and module != "builtins" else own
        if whole not in self._types and read == self._places.declared:
            whole = own  # some SDKs put an assembly or a package where others put the module
        said = one.get("value")
        shapes = [shape(said)] if said is not None and said != "" else []
        if whole not in self._types:
            return NO_TYPE, shapes, None
        if read is None or type(said) is not str:
            return whole, shapes, None
        if read == self._places.declared:
            return whole, shapes, self._words.declared(whole, said)
        frames = rows(members(one.get("stacktrace")).get("frames"))
        if not frames:
            return whole, shapes, None
        module, _, line = step(frames[-1])
        return whole, shapes, self._words.told(whole, module, line, said)

    def _release(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return the release if it is a version, also behind a name as in `annotator@1.2.3`."""
        release = name(document.get("release")).rpartition("@")[2]
        return {"release": release} if self._is_version(release) else {}


def _has_locals(stack: Any) -> bool:
    return any(members(frame).get("vars") for frame in rows(members(stack).get("frames"))[:_LOOKED_THROUGH])
