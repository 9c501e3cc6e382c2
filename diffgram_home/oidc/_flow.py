"""One sign-in, or one confirmation, from our page to the provider and back.

What is awaited is a row of its own for ten minutes: the digests of state and cookie, nonce and verifier, and to confirm
the form that goes on. It is taken out before anything is asked of the provider, so that of two that come back with the
same state one finds nothing. A code is redeemed by Authlib over the door's session.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from authlib.oauth2.base import OAuth2Error
from authlib.oauth2.client import OAuth2Client
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from diffgram_home import people
from diffgram_home.exchange import DoorError
from diffgram_home.home import Home
from diffgram_home.models import ProviderFlow, SignIn
from diffgram_home.oidc import _people, _provider, _token
from diffgram_home.oidc._trouble import ProviderAway, ProviderRefused

LIFETIME: Final = timedelta(minutes=10)
MOST: Final = 5000
"""So many may be on their way at once. A stranger can begin, so it is bounded; over it the oldest make room, since a
stop would let one stranger hold everybody out."""
BACK: Final = "/oidc/back"
"""Where the provider leads back to, below [oidc] address."""
_SAID: Final = ("access_denied", "login_required", "interaction_required", "consent_required", "server_error")


@dataclass(frozen=True, slots=True)
class Led:
    """Where to lead the browser, and the cookie that it gets."""

    url: str
    cookie: str


@dataclass(frozen=True, slots=True)
class Begun:
    """Somebody signed in, and wanted to go `to`."""

    signed_in: people.SignedIn
    to: str


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Somebody showed again who they are; `handle` finds the form that goes on."""

    handle: str


@dataclass(frozen=True, slots=True)
class Kept:
    """The form that goes on: where to, and every field."""

    to: str
    form: tuple[tuple[str, str], ...]


def begin(home: Home, to: str, now: datetime) -> Led:
    """Lead somebody to the provider to sign in. Raises ProviderAway."""
    return _led(home, now, to)


def begin_confirming(home: Home, token: str, to: str, form: Sequence[tuple[str, str]], now: datetime) -> Led:
    """Lead whoever holds this session there to show again who they are; `form` is kept. Raises ProviderAway."""
    return _led(home, now, to, people.digest(token), json.dumps(form))


def finish(home: Home, answer: Mapping[str, str], cookie: str, now: datetime) -> Begun | Confirmed:
    """What the provider led back with, checked. Raises ProviderRefused, ProviderAway; the state is used up."""
    row = _taken(home, answer.get("state", ""), cookie, now)
    said = _redeemed(home, answer, row, now)
    oidc = _provider.named(home)
    with home.store.write() as session:
        if row.sign_in is not None:
            return _confirmed(session, home, row, said, now)
        return Begun(people.begin(session, _people.account(session, oidc, said.subject, said.claims, now), now), row.to)


def going_on(home: Home, handle: str, token: str, now: datetime) -> Kept | None:
    """The form that waits for whoever holds this session, or None if there is none any more."""
    with home.store.read() as session:
        row = session.get(ProviderFlow, people.digest(handle))
        if row is None or row.proved_at is None or row.sign_in != people.digest(token) or now >= row.expires_at:
            return None
        return Kept(row.to, tuple((str(name), str(value)) for name, value in json.loads(row.form or "[]")))


def leaving(home: Home, now: datetime) -> str | None:
    """Where the provider ends its own session (RP-Initiated Logout 1.0); None if it says no such place, or is away.

    The person is not named there: tokens are not kept, so there is none to send as a hint.
    """
    oidc = home.settings.oidc
    if oidc is None:
        return None
    try:
        ends = _provider.discovered(home, now).end_session
    except ProviderAway:
        return None
    if ends is None:
        return None
    query = urlencode({"client_id": oidc.client_id, "post_logout_redirect_uri": f"{oidc.address}/sign-in"})
    return f"{ends}{'&' if '?' in ends else '?'}{query}"


def _led(home: Home, now: datetime, to: str, sign_in: str | None = None, form: str | None = None) -> Led:
    provider = _provider.discovered(home, now)
    state, cookie, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(4))
    row = ProviderFlow(
        digest=people.digest(state), browser=people.digest(cookie), nonce=nonce, verifier=verifier, to=to
    )
    row.sign_in, row.form, row.made_at, row.expires_at = sign_in, form, now, now + LIFETIME
    with home.store.write() as session:
        session.execute(delete(ProviderFlow).where(ProviderFlow.expires_at <= now))
        if (session.scalar(select(func.count()).select_from(ProviderFlow)) or 0) >= MOST:
            oldest = select(ProviderFlow.digest).where(ProviderFlow.sign_in.is_(None))
            room = oldest.order_by(ProviderFlow.made_at).limit(MOST // 10)
            session.execute(delete(ProviderFlow).where(ProviderFlow.digest.in_(room)))
        session.add(row)
    again = {"prompt": "login", "max_age": "0"} if sign_in is not None else {}
    url, _ = _client(home, provider).create_authorization_url(
        provider.authorization, state=state, code_verifier=verifier, nonce=nonce, **again
    )
    return Led(url, cookie)


def _client(home: Home, provider: _provider.Provider) -> OAuth2Client:
    oidc = _provider.named(home)
    return OAuth2Client(
        _provider.door(home),
        client_id=oidc.client_id,
        client_secret=oidc.secret,
        token_endpoint_auth_method=provider.method,
        scope=" ".join(oidc.scopes),
        redirect_uri=oidc.address + BACK,
        code_challenge_method="S256",
    )


def _taken(home: Home, state: str, cookie: str, now: datetime) -> ProviderFlow:
    """What was awaited under this state, taken out. Raises ProviderRefused, without taking it from another browser."""
    with home.store.write() as session:
        row = session.get(ProviderFlow, people.digest(state))
        if row is None or row.proved_at is not None or now >= row.expires_at:
            raise _stale("state-unknown")
        if not hmac.compare_digest(row.browser, people.digest(cookie)):
            raise _stale("other-browser")
        session.delete(row)
        return row


def _redeemed(home: Home, answer: Mapping[str, str], row: ProviderFlow, now: datetime) -> _token.Said:
    """The checked words of the ID token that the code is worth."""
    oidc, provider = _provider.named(home), _provider.discovered(home, now)
    if answer.get("iss", oidc.issuer) != oidc.issuer:  # RFC 9207
        raise _stale("other-issuer")
    if "error" in answer or not answer.get("code"):
        code = answer.get("error", "")
        raise _declined(oidc.name, code if code in _SAID else "no-code")
    try:
        client = _client(home, provider)
        tokens = client.fetch_token(
            provider.token, grant_type="authorization_code", code=answer["code"], code_verifier=row.verifier
        )
    except OAuth2Error as error:
        raise _declined(oidc.name, "code-refused") from error
    except DoorError as error:
        raise _provider.away(oidc, error.code) from error
    except (ValueError, RecursionError) as error:
        raise _provider.away(oidc, "answer-malformed") from error
    access = tokens.get("access_token")
    asked = _token.Asked(
        oidc.issuer, oidc.client_id, row.nonce, access if isinstance(access, str) else "", provider.algorithms
    )
    return _token.said(tokens.get("id_token"), lambda kid: _provider.keys(home, kid, now), asked, now)


def _confirmed(session: Session, home: Home, row: ProviderFlow, said: _token.Said, now: datetime) -> Confirmed:
    """The same person, who authenticated after we asked. Raises ProviderRefused."""
    kept = session.get(SignIn, row.sign_in)
    account = _people.found(session, _provider.named(home), said.subject)
    if kept is None or account is None or kept.account_id != account.id or account.disabled_at is not None:
        text = "somebody else confirmed than is signed in here"
        raise ProviderRefused("other-person", text, "begin again as yourself")
    if said.authenticated_at is None or said.authenticated_at < (row.made_at - _token.SKEW).timestamp():
        hint = "the provider has to ask again, and to say when (auth_time); tell whoever runs it"
        raise ProviderRefused("not-fresh", "the provider did not ask you again who you are", hint)
    kept.fresh_at = now
    handle = secrets.token_urlsafe(32)
    going = ProviderFlow(digest=people.digest(handle), browser=row.browser, nonce="", verifier="", to=row.to)
    going.sign_in, going.form, going.made_at = row.sign_in, row.form, now
    going.proved_at, going.expires_at = now, now + LIFETIME
    session.add(going)
    return Confirmed(handle)


def _stale(code: str) -> ProviderRefused:
    text = "this sign-in was used already, took too long, or began in another browser"
    return ProviderRefused(code, text, "begin again, here and in one go")


def _declined(name: str, code: str) -> ProviderRefused:
    return ProviderRefused("declined", f"'{name}' did not let you in ({code})", "try again, or ask whoever runs it")
