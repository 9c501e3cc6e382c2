"""Corporate's signature over the product's index and catalogue files, where the settings name one.

What a statement says is `audit.release`'s. Checked whenever the installation is opened, against the fingerprint of the
root in the settings and nothing else: no network, no enrolment, no clock. Rules: a signature that is named and does not
hold stops the start, with what to do; a number lower than one that was accepted here before is an earlier release's and
is refused, so that words which the vendor took back do not come back. Any manifest that the root signed counts,
expired or not: what was signed while a key served stays signed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit import release, signed
from audit.errors import SignatureRefused
from audit.release import Statement
from diffgram_home import _manifest, facts
from diffgram_home.errors import SettingsFault, SettingsFaults
from diffgram_home.settings import Settings
from diffgram_home.store import Store

_KEY, _FACT = "product.signature", "signature"
_ASK = "ask corporate for the file of this very release: 'diffgram-corporate release signature'"


@dataclass(frozen=True, slots=True)
class Signature:
    """A statement that holds, who made it, and the thumbprint of the key that signed it."""

    statement: Statement
    corporate: str
    key: str

    @property
    def at(self) -> datetime:
        """When it was signed, by corporate's clock."""
        return datetime.fromisoformat(self.statement.at)


def read(settings: Settings) -> Signature | None:
    """The signature that the settings name, which must be over the files that they pin. Raises SettingsFaults."""
    product = settings.product
    if product.signature is None or product.index is None:
        return None
    try:
        found = _read(product.signature.read_bytes(), settings.corporate.root)
    except OSError as error:
        said = f"cannot read '{product.signature}': {error.strerror}"
        raise _refused(settings, "file-unreadable", said, "correct it") from error
    except SignatureRefused as error:
        raise _refused(settings, error.code, f"'{product.signature}': {error}", _todo(error)) from error
    pins = [pinned.sha256 for pinned in product.catalogue]
    if other := release.differs(found.statement, product.index.sha256, pins):
        said = f"'{product.signature}' is the signature of other files: {other}"
        raise _refused(settings, "signed-other", said, f"take index, catalogue and signature of one release; {_ASK}")
    return found


def advance(store: Store, settings: Settings, found: Signature | None) -> None:
    """Remember the highest number that was accepted here. Raises SettingsFaults for a lower one."""
    if found is None:
        return
    number = found.statement.number
    with store.read() as session:
        before = facts.get(session, _FACT)
    if before is None or before["number"] < number:
        with store.write() as session:
            facts.put(session, _FACT, {"number": number, "release": found.statement.release})
    elif before["number"] > number:
        said = (
            f"'{settings.product.signature}' is an earlier signature, number {number}: "
            f"'{before['release']}' was here with number {before['number']}"
        )
        hint = (
            "install the later release again; to go back, ask corporate to add the earlier one again, as a new number"
        )
        raise _refused(settings, "signed-earlier", said, hint)


def told(found: Signature | None, pinned: str | None) -> Mapping[str, Any]:
    """Who signed the index that is in use (`pinned`: its SHA-256): for `check --json`, and for whoever asks."""
    if found is None:
        return {"index": pinned, "signed_by": None}
    stated = found.statement
    return {"index": pinned, "signed_by": found.corporate, "key": found.key, "at": stated.at} | {
        "number": stated.number,
        "release": stated.release,
    }


def sentence(found: Signature | None, pinned: str | None) -> str:
    """The same for a person, in one line."""
    if pinned is None:
        return "index: none"
    if found is None:
        return f"index: {pinned}, pinned by its hash, signed by nobody"
    stated = found.statement
    who = f"signed by corporate '{found.corporate}' with key {found.key}"
    return f"index: {pinned}, {who}, number {stated.number} of {stated.at}, release '{stated.release}'"


def _read(data: bytes, root: str) -> Signature:
    token = release.token_of(data)
    stated = _manifest.read(data, root)
    keys = stated.of(_manifest.CATALOGUES)
    statement = release.read(token, keys)
    return Signature(statement, stated.corporate, signed.signer(token, signed.RELEASE))


def _todo(error: SignatureRefused) -> str:
    if error.code == "root-differs":
        return "of another corporate, or forged: keep the file, and compare [corporate] root with what was handed over"
    return f"do not go on with these files; {_ASK}"


def _refused(settings: Settings, code: str, message: str, hint: str) -> SettingsFaults:
    return SettingsFaults(str(settings.path), (SettingsFault(code, _KEY, message, hint),))
