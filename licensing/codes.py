"""Every result of looking at a licence: a code to branch on, whether full use is allowed, what it means, what to do.

Codes have Keygen's names where one means the same (research/licensing_support.md 3). `valid` and `code` are two
things: a licence in its grace is valid, and says so. A caller must bear codes that it does not know.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Code:
    """One result. `valid`: all that the licence grants is there; `todo`: a sentence, what to do next."""

    name: str
    valid: bool
    meaning: str
    todo: str


_ASK = "ask the vendor for a licence of this installation, and load it"
_ROWS: Final = (
    ("VALID", True, "the licence is in force", "nothing"),
    ("EXPIRES_SOON", True, "the licence's term ends soon", "ask the vendor for a renewal, and load it"),
    ("FILE_EXPIRES_SOON", True, "this file counts for a short time only", "fetch the licence again, and load it"),
    ("GRACE", True, "the term has ended; everything works until the end of grace", "renew now, and load the licence"),
    ("STATUS_STALE_SOON", True, "the vendor's list of withdrawn licences gets old", "connect, or load a newer list"),
    ("CLOCK_BEHIND", True, "the clock is behind a time that is known to have passed", "set the clock of this machine"),
    ("CLOCK_AHEAD", True, "the clock leapt ahead; time goes on as if it had not", "set the clock of this machine"),
    ("ENDS_SOON", True, "the vendor has announced that this licence ends", "ask the vendor"),
    ("NOT_FOUND", False, "no licence was loaded", _ASK),
    ("NOT_YET_VALID", False, "the licence's term has not begun", "wait for its first day, or look at the clock"),
    ("EXPIRED", False, "term and grace have ended", "renew, and load the licence"),
    ("FILE_EXPIRED", False, "this file no longer counts", "fetch the licence again, and load it"),
    ("SUSPENDED", False, "the vendor has suspended the licence", "ask the vendor why"),
    ("REVOKED", False, "the vendor has revoked the licence", "ask the vendor why"),
    ("SUPERSEDED", False, "another licence has taken the place of this one", "load the licence that replaces it"),
    ("TRANSFERRED", False, "the licence now belongs to another installation", _ASK),
    ("STATUS_STALE", False, "nothing was heard of withdrawn licences for too long", "connect, or load a newer list"),
    ("PRODUCT_SCOPE_MISMATCH", False, "the licence is for another product", _ASK),
    ("ENVIRONMENT_SCOPE_MISMATCH", False, "a licence for tests, or one for production, is in the other place", _ASK),
    ("FINGERPRINT_SCOPE_MISMATCH", False, "the licence is bound to another installation", _ASK),
    ("SIGNATURE_INVALID", False, "the file was changed, or is not the vendor's", "load the file as the vendor gave it"),
    (
        "KEY_UNKNOWN",
        False,
        "the file is signed by a key that is not known here",
        "load the vendor's list of keys first",
    ),
    ("FORMAT_UNSUPPORTED", False, "the file is of a newer format", "update the product, or ask for an older format"),
    ("MALFORMED", False, "the file is well signed and says what no licence may", "send it back to the vendor"),
)
CODES: Final[Mapping[str, Code]] = {row[0]: Code(*row) for row in _ROWS}
