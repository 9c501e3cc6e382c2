"""What the customer has allowed: per field, the hashes of the definitions that somebody with the role approved.

An approval names a definition, not a field: after an upgrade a field whose definition differs is withheld until its new
definition is approved, and the others go on (design 6). Who approved, when and on whose authority stands in the ledger
and never leaves; this value is only what the gate needs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from audit.catalogue import Field


@dataclass(frozen=True, slots=True)
class Consent:
    """`approved` maps a field's name to the definition hashes approved for it."""

    approved: Mapping[str, frozenset[str]]

    def allows(self, field: Field) -> bool:
        """Say whether exactly this definition of the field is approved."""
        return field.hash in self.approved.get(field.name, frozenset())


NOTHING = Consent({})


def to(fields: Iterable[Field]) -> Consent:
    """Return the consent to exactly these definitions."""
    return Consent({field.name: frozenset({field.hash}) for field in fields})
