"""What the customer has allowed: per field, the hashes of the definitions that somebody with the role approved.

An approval names a definition, not a field: after an upgrade a field whose definition differs is withheld until its new
definition is approved, and the others go on (design 6). Beside it stand the customer's own switches: a field that is
`off` is treated like one that nobody approved, and `stopped` means that nothing may leave until somebody has decided
about a release's changes. Who approved, when and on whose authority stands in the ledger and never leaves; this value
is only what the gate needs. When an approval ends is judged where the value is made.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from audit.catalogue import Field


@dataclass(frozen=True, slots=True)
class Consent:
    """`approved` maps a field's name to the definition hashes approved for it; `off` names fields that the customer
    switched off, `asked` those that corporate asked to withhold, whatever is approved. `transforms` maps a field's name
    to the transform that the customer chose for its values (`audit.transforms`)."""

    approved: Mapping[str, frozenset[str]]
    asked: frozenset[str] = frozenset()
    off: frozenset[str] = frozenset()
    stopped: bool = False
    transforms: Mapping[str, str] = field(default_factory=dict)

    def allows(self, stated: Field) -> bool:
        """Say whether exactly this definition is approved, not switched off, and nobody asked to withhold it."""
        return self.refuses(stated) is None

    def approves(self, stated: Field) -> bool:
        """Say whether the customer approved exactly this definition, whatever is switched off or asked."""
        return stated.hash in self.approved.get(stated.name, frozenset())

    def refuses(self, stated: Field) -> str | None:
        """Return why the field may not leave, `field-off`, `asked` or `not-approved`; None when it may."""
        if stated.name in self.off:
            return "field-off"
        if stated.name in self.asked:
            return "asked"
        return None if self.approves(stated) else "not-approved"


NOTHING = Consent({})


def to(fields: Iterable[Field]) -> Consent:
    """Return the consent to exactly these definitions."""
    return Consent({field.name: frozenset({field.hash}) for field in fields})
