"""Who may send: certificate, signature, revocation, renewal."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import urllib3
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select

from audit import signed
from corporate import certificates, enrolment
from corporate.database import EVERYBODY
from corporate.models import Batch, Certificate
from corporate.server import open_corporate
from tests.corporate.pretend import Pretend
from tests.corporate.running import Server, command


def batches(one: Pretend) -> int:
    """How many batches corporate has of this installation."""
    with one.server.store() as store, store.reading(EVERYBODY) as session:
        return session.execute(select(func.count()).where(Batch.installation_id == one.id)).scalar_one()


def given_days_ago(one: Pretend, days: int) -> str:
    """A certificate as corporate would have issued it `days` ago; it is now the newest."""
    opened = open_corporate(one.server.settings)
    with opened.store.writing(EVERYBODY) as session:
        customer = enrolment.newest(session, one.id).customer_id
        then = datetime.now(UTC) - timedelta(days=days)
        made = enrolment.issue(opened, session, one.id, customer, one.key.public_key(), then)
    opened.store.close()
    return made


def issued_to(one: Pretend) -> int:
    """How many certificates were issued for it."""
    with one.server.store() as store, store.reading(EVERYBODY) as session:
        return session.execute(select(func.count()).where(Certificate.installation_id == one.id)).scalar_one()


def test_a_batch_without_certificate_is_refused(one: Pretend) -> None:
    one.use("")
    reply = one.send(one.seal(1))
    assert (reply.status, reply.json["code"]) == (401, "certificate-required")
    assert "certificate" not in reply.json, "the one it has is still good"
    assert batches(one) == 0


def test_a_signature_alone_is_enough_when_that_is_allowed_and_the_receipt_says_so(one: Pretend) -> None:
    command(one.server.config, "allow-signature", one.id)
    one.use("")
    reply = one.send(one.seal(1))
    assert (reply.status, one.receipt(reply).authenticated) == (200, "signature")
    command(one.server.config, "allow-signature", one.id, "--no")
    assert one.send(one.seal(2)).status == 401


def test_a_token_can_allow_the_signature_alone(stranger: Pretend) -> None:
    assert stranger.enrol(stranger.server.token("Behind a proxy", signature_allowed=True)).status == 201
    stranger.use("")
    assert stranger.send(stranger.seal(1)).status == 200


def test_a_signature_by_another_key_is_refused(one: Pretend) -> None:
    reply = one.send(one.seal(1), key=Ed25519PrivateKey.generate())
    assert (reply.status, reply.json["code"]) == (401, "signature")


def test_a_signature_over_other_bytes_is_refused(one: Pretend) -> None:
    body = one.seal(1)
    assert (
        one.send(body.replace(b'"sequence":1', b'"sequence":2'), Diffgram_Signature=_signature(one, body)).status == 401
    )
    assert one.send(body, Diffgram_Signature="").status == 401
    assert one.send(body, Diffgram_Signature="a.b.c").status == 401
    assert batches(one) == 0


def _signature(one: Pretend, body: bytes) -> str:
    return signed.sign(body, one.key, signed.BATCH, detached=True)


@pytest.mark.parametrize("stolen_key", [False, True])
def test_a_batch_with_another_installations_identity_is_refused(
    one: Pretend, server: Server, tmp_path: Path, stolen_key: bool
) -> None:
    other = Pretend(server, tmp_path)
    assert other.enrol(server.token("Another customer")).status == 201
    reply = other.send(other.seal(1, installation=one.id), key=one.key if stolen_key else other.key)
    assert (reply.status, reply.json["code"]) == (401, "identity-differs")
    assert (batches(one), batches(other)) == (0, 0)
    other.use("")


def test_a_stranger_is_refused(stranger: Pretend) -> None:
    reply = stranger.send(stranger.seal(1))
    assert (reply.status, reply.json["code"]) == (401, "unknown-installation")


def test_a_certificate_of_another_authority_is_refused_by_tls(one: Pretend) -> None:
    now, rogue = datetime.now(UTC), ec.generate_private_key(ec.SECP256R1())
    own = certificates.make_authority(rogue, one.server.settings.name, now)
    made = certificates.make_installation(rogue, own, one.key.public_key(), one.id, now, 30)
    one.use(made.public_bytes(serialization.Encoding.PEM).decode())
    with pytest.raises((urllib3.exceptions.SSLError, urllib3.exceptions.ProtocolError)):
        one.get("/v1/manifest")


def test_a_revoked_installation_is_refused_at_once_on_its_open_connection(one: Pretend) -> None:
    assert one.send(one.seal(1)).status == 200
    command(one.server.config, "revoke", one.id)
    reply = one.send(one.seal(2))
    assert (reply.status, reply.json["code"]) == (403, "revoked")
    one.use("")
    assert one.send(one.seal(2)).status == 403
    assert one.enrol().status == 403
    assert batches(one) == 1


def test_a_fresh_certificate_rides_on_the_receipt_when_half_of_the_old_ones_life_is_over(one: Pretend) -> None:
    one.use(given_days_ago(one, 14))
    assert "certificate" not in one.send(one.seal(1)).json
    one.use(given_days_ago(one, 16))
    reply = one.send(one.seal(2))
    assert reply.status == 200
    issued = issued_to(one)
    again = one.send(one.seal(3))
    assert again.json["certificate"] == reply.json["certificate"], "the answer may have been lost: the same once more"
    one.use(reply.json["certificate"])
    assert "certificate" not in one.send(one.seal(4)).json
    assert issued_to(one) == issued


def test_an_expired_certificate_is_answered_with_a_new_one_that_works(one: Pretend) -> None:
    one.use(given_days_ago(one, 31))
    reply = one.send(one.seal(1))
    assert (reply.status, reply.json["code"], reply.json["retry"]) == (401, "certificate-required", True)
    assert batches(one) == 0
    one.use(reply.json["certificate"])
    assert one.send(one.seal(1)).status == 200


def test_an_expired_certificate_is_not_renewed_for_somebody_without_the_key(one: Pretend) -> None:
    one.use(given_days_ago(one, 31))
    reply = one.send(one.seal(1), key=Ed25519PrivateKey.generate())
    assert (reply.status, reply.json["code"]) == (401, "signature")
    assert "certificate" not in reply.json
