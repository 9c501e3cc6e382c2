"""Makes an installation without a network known to corporate: a request that is carried out, an answer carried in.

The files' form is `audit.carried`'s; certificate and manifest are checked as over a connection (enrolment.py). Nothing
is trusted on first use: the answer's manifest counts only if the pinned root signed it, its list only if a key of that
manifest did, its certificate only if an authority of that manifest issued it for our key. Every step is in the ledger,
the token never is.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from audit import carried
from audit.errors import SignatureRefused
from diffgram_home import answering, carrying, enrolment, files, manifest
from diffgram_home.carrying import CarryError
from diffgram_home.enrolment import Enrolled, EnrolmentError
from diffgram_home.errors import HomeError
from diffgram_home.home import Home


def request(home: Home, token: str, path: Path, actor: str, now: datetime) -> None:
    """Write the request for enrolment with a single-use token to the file `path`, whole or not at all.

    Raises EnrolmentError for what cannot be a token, CarryError for a file that cannot be written.
    """
    enrolment.check_token(token)
    asked = carried.Request(token, enrolment.signing_request(home))
    data = carried.write_out(carried.Out(home.installation, enrolment=asked), home.keys.installation)
    try:
        with files.reserved(path, data, 0o600) as fill:
            enrolment.note(home, None, "asked", actor, now)
            fill()
    except OSError as error:
        raise carrying.unwritable(path, error) from error


def take(home: Home, data: bytes, actor: str, now: datetime) -> Enrolled:
    """Take in corporate's answer to the request.

    Raises CarriedRefused, SignatureRefused for an answer that does not hold, CarryError for another installation's, or
    one to batches, EnrolmentError where corporate refused. What was here before then stays.
    """
    back = carried.read_in(data, lambda claimed: answering.keys(home, claimed))
    if back.enrolment is None:
        raise CarryError("answers-file", "this file answers batches", "run 'diffgram-home carry in FILE'")
    try:
        return _granted(home, back, *back.enrolment, actor, now)
    except (HomeError, SignatureRefused) as error:
        enrolment.note(home, None, "refused", actor, now, code=error.code)
        raise


def _granted(home: Home, back: carried.In, status: int, answer: object, actor: str, now: datetime) -> Enrolled:
    stated = manifest.check(back.manifest, home.settings.corporate.root, now)
    if stated.version < manifest.version_here(home):
        hint = "it may come from a restored backup at corporate; ask corporate for a new answer"
        raise SignatureRefused("manifest-older", f"version {stated.version} is older than the one here", hint)
    customer, pem = (answer.get("customer"), answer.get("certificate")) if isinstance(answer, dict) else (None, None)
    if status != 201 or not isinstance(customer, str) or not isinstance(pem, str):
        raise EnrolmentError("answer-malformed", "corporate's answer has no customer and certificate", "ask corporate")
    certificate = enrolment.own(home, pem, stated, now)
    manifest.keep(home, back.manifest, stated)
    return enrolment.keep(home, None, stated, customer, pem, certificate, actor, now)
