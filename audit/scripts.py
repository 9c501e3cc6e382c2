"""What JavaScript may tell of an error: classes of the language or of shipped bundles, and positions in those.

A slot of the index (design 5) maps the file name of each shipped bundle to a `Bundle`. A place is `file:line:column`,
both counted from 1, as browsers count them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LANGUAGE = frozenset(
    (  # noqa: SIM905 (a list of sixty quoted names is no easier to read)
        "AggregateError CompileError Error EvalError InternalError LinkError RangeError ReferenceError RuntimeError "
        "SuppressedError SyntaxError TypeError URIError "
        # DOMException and its names (Web IDL, "error names")
        "AbortError ConstraintError DOMException DataCloneError DataError EncodingError HierarchyRequestError "
        "InUseAttributeError IndexSizeError InvalidAccessError InvalidCharacterError InvalidModificationError "
        "InvalidNodeTypeError InvalidStateError NamespaceError NetworkError NoModificationAllowedError NotAllowedError "
        "NotFoundError NotReadableError NotSupportedError OperationError OptOutError OverconstrainedError "
        "QuotaExceededError ReadOnlyError SecurityError TimeoutError TransactionInactiveError TypeMismatchError "
        "URLMismatchError UnknownError VersionError WrongDocumentError"
    ).split()
)
"""The names that the language and browsers themselves give to errors."""
NAME = re.compile(r"[\w.-]{1,80}", re.ASCII)
CLASS = re.compile(r"[A-Za-z_$][\w$]{0,79}", re.ASCII)
_PLACE = re.compile(r"([\w.-]{1,80}):([1-9][0-9]{0,6}):([1-9][0-9]{0,6})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Bundle:
    """One shipped script: how many lines it has, how many characters its longest, and the error classes it declares."""

    lines: int
    longest: int
    classes: frozenset[str] = frozenset()


Bundles = Mapping[str, Bundle]


def has_place(bundles: Bundles, place: str) -> bool:
    """Say whether `file:line:column` is a position in a shipped bundle, or just behind the end of its longest line."""
    found = _PLACE.fullmatch(place)
    if found is None or found[1] not in bundles:
        return False
    bundle = bundles[found[1]]
    return int(found[2]) <= bundle.lines and int(found[3]) <= bundle.longest + 1


def has_type(bundles: Bundles, name: str) -> bool:
    """Say whether `name` is an error class of the language, of browsers, or of a shipped bundle."""
    return name in LANGUAGE or any(name in bundle.classes for bundle in bundles.values())


def bundle_in(row: Any) -> Bundle:
    """Return a bundle as the index's file has it. Raises ValueError, KeyError or TypeError for what is none."""
    lines, longest, classes = row["lines"], row["longest"], row["classes"]
    if type(lines) is not int or type(longest) is not int or not all(map(CLASS.fullmatch, classes)):
        raise ValueError("no bundle")
    return Bundle(lines, longest, frozenset(classes))


def bundle_out(bundle: Bundle) -> dict[str, Any]:
    """Return what the index's file has of a bundle."""
    return {"lines": bundle.lines, "longest": bundle.longest, "classes": sorted(bundle.classes)}
