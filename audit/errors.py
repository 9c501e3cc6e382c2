"""The errors of `audit`, and what each knows.

    AuditError              code, a sentence, and what to do next
      ├── CatalogueFaults   a catalogue file that a person edits: every fault at once
      ├── IndexFault        an index file that is not one
      ├── Refused           the gate's no: a code and a key path, never a value
      │     └── Undeclared  content that no catalogue declares: key paths and counts
      ├── SignatureRefused  a signature, key, type or claim that does not hold
      ├── CarriedRefused    a file carried by hand that is not in its one form, or lacks what its list says
      ├── ProofRefused      a Merkle proof that leads elsewhere
      └── RecordRefused     bytes that are no leaf of the ledger, or no part of an export

No message ever quotes a value that a customer's system produced; a catalogue's own words are quoted.
"""

from collections.abc import Mapping
from dataclasses import dataclass


class AuditError(Exception):
    """Base of all errors of this package.

    `code` is short and stable, for programs; `str()` is a sentence for a person; `hint` says what to do next.
    """

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One fault in a file that a person edits: where it stands, what is wrong, what to do."""

    file: str
    line: int
    code: str
    message: str
    hint: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message} [{self.code}]; {self.hint}"


class CatalogueFaults(AuditError):
    """All faults of the catalogue files that were loaded together."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        lines = "\n".join(str(fault) for fault in faults)
        super().__init__("catalogue-faults", f"{len(faults)} faults in the catalogue\n{lines}", "mend each line named")
        self.faults = faults


class IndexFault(AuditError):
    """The bytes are not an index of the format that this release reads."""


class Refused(AuditError):
    """The gate's no. `path` names the place by declared keys only; it never holds a value."""

    def __init__(self, code: str, path: str, message: str, hint: str = "") -> None:
        super().__init__(code, message, hint)
        self.path = path


class Undeclared(Refused):
    """Content outside the catalogue. `findings` maps each key path, cut at its last declared key, to a count."""

    def __init__(self, findings: Mapping[str, int]) -> None:
        first = next(iter(findings))
        message = f"undeclared content at {', '.join(findings)}"
        super().__init__("undeclared", first, message, "declare it in the catalogue, or do not send it")
        self.findings = dict(findings)


class SignatureRefused(AuditError):
    """A signed document that does not verify: nothing of it may be used."""


class CarriedRefused(AuditError):
    """A file carried by hand that cannot be used: nothing of it is."""


class ProofRefused(AuditError):
    """A proof of inclusion or consistency that does not lead to the root in hand."""


class RecordRefused(AuditError):
    """Bytes that are no leaf of the ledger, or no line of an export, in the form this release reads."""
