"""What the provider publishes: its addresses (OpenID Connect Discovery 1.0) and its keys, fetched through the door.

Both are kept in this process for an hour. A key that is not known is looked for once more, at most once a minute, so
that a rotation is noticed at once and forged names of keys cost the provider nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from diffgram_home import egress
from diffgram_home.exchange import DoorError
from diffgram_home.home import Home
from diffgram_home.oidc._trouble import ProviderAway
from diffgram_home.outbound import ProviderDoor
from diffgram_home.settings import Oidc

ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
)
"""Signatures that count: asymmetric ones. Never `none`, and never HMAC, whose key the client would share."""
TIMEOUT_S: Final = 10.0
KEPT: Final = timedelta(hours=1)
AGAIN: Final = timedelta(minutes=1)
_METHODS: Final = ("client_secret_basic", "client_secret_post")
_DISCOVERY: Final = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class Provider:
    """The provider's addresses, the signatures it uses, and how it wants the client's secret."""

    authorization: str
    token: str
    keys: str
    end_session: str | None
    algorithms: tuple[str, ...]
    method: str


@dataclass(slots=True)
class Published:
    """What was fetched, when; one for each process."""

    provider: Provider | None = None
    provider_at: datetime | None = None
    keys: KeySet | None = None
    keys_at: datetime | None = None
    missed_at: datetime | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


def named(home: Home) -> Oidc:
    """The provider of the settings. Raises ProviderAway where there is none."""
    if home.settings.oidc is None:
        text = "this installation has no identity provider"
        raise ProviderAway("provider-unset", text, "sign in with an account of this installation")
    return home.settings.oidc


def door(home: Home) -> ProviderDoor:
    """The way to it."""
    return ProviderDoor(named(home), registry=egress.reachable(home.settings), timeout_s=TIMEOUT_S)


def discovered(home: Home, now: datetime) -> Provider:
    """Its addresses, at most an hour old. Raises ProviderAway."""
    kept = _published(home)
    with kept.lock:
        if kept.provider is None or not _within(kept.provider_at, now, KEPT):
            oidc = named(home)
            kept.provider = _provider(_fetch(home, oidc.issuer.rstrip("/") + _DISCOVERY), oidc)
            kept.provider_at = now
        return kept.provider


def keys(home: Home, kid: str | None, now: datetime) -> KeySet:
    """Its public keys, with that of `kid` if it has one of the name. Raises ProviderAway."""
    provider, kept = discovered(home, now), _published(home)
    with kept.lock:
        found = kept.keys
        if found is None or not _within(kept.keys_at, now, KEPT):
            found = _keys(_fetch(home, provider.keys))
        elif kid is not None and kid not in {key.kid for key in found.keys} and not _within(kept.missed_at, now, AGAIN):
            kept.missed_at = now
            found = _keys(_fetch(home, provider.keys))
        else:
            return found
        kept.keys, kept.keys_at = found, now
        return found


def _within(then: datetime | None, now: datetime, limit: timedelta) -> bool:
    """Whether `then` was less than `limit` ago; a moment to come is a wrong clock's."""
    return then is not None and timedelta(0) <= now - then < limit


def _published(home: Home) -> Published:
    found: Published = home.cache.setdefault("oidc", Published())
    return found


def _fetch(home: Home, url: str) -> Mapping[str, Any]:
    try:
        reply = door(home).get(url)
        reply.raise_for_status()
        found = reply.json()
    except DoorError as error:
        raise away(named(home), error.code) from error
    except (ValueError, RecursionError) as error:
        raise away(named(home), "answer-malformed") from error
    if not isinstance(found, dict):
        raise away(named(home), "answer-malformed")
    return found


def away(oidc: Oidc, code: str) -> ProviderAway:
    """What to say when it cannot be had, and why in one word."""
    local = "" if oidc.only else "sign in with an account of this installation, or "
    hint = f"{local}try again in a while; whoever runs this machine: see 'diffgram-home egress' and [oidc]"
    return ProviderAway("provider-away", f"'{oidc.name}' cannot be asked just now ({code})", hint)


def _provider(found: Mapping[str, Any], oidc: Oidc) -> Provider:
    if found.get("issuer") != oidc.issuer:
        raise away(oidc, "issuer-differs")
    claimed = found.get("id_token_signing_alg_values_supported")
    algorithms = tuple(a for a in ALGORITHMS if a in (claimed if isinstance(claimed, list) else ["RS256"]))
    ends = found.get("end_session_endpoint")
    made = Provider(
        authorization=_https(found.get("authorization_endpoint"), oidc),
        token=_https(found.get("token_endpoint"), oidc),
        keys=_https(found.get("jwks_uri"), oidc),
        end_session=_https(ends, oidc) if ends else None,
        algorithms=algorithms,
        method=_method(found.get("token_endpoint_auth_methods_supported"), oidc),
    )
    if not algorithms:
        raise away(oidc, "no-usable-signature")
    return made


def _method(offered: object, oidc: Oidc) -> str:
    if oidc.secret is None:
        return "none"
    known = offered if isinstance(offered, list) and offered else _METHODS[:1]
    return next((method for method in _METHODS if method in known), _METHODS[0])


def _https(value: object, oidc: Oidc) -> str:
    if not isinstance(value, str) or len(value) > 2000 or not value.isprintable() or " " in value:
        raise away(oidc, "address-missing")
    try:
        parts = urlsplit(value)
        fine = parts.scheme == "https" and bool(parts.hostname) and not parts.fragment and (parts.port or 443) > 0
    except ValueError:
        fine = False
    if not fine:
        raise away(oidc, "address-not-https")
    return value


def _keys(found: Mapping[str, Any]) -> KeySet:
    """Its asymmetric keys for signatures; others, and such as cannot be read, are left out."""
    listed = found.get("keys")
    made = []
    for one in listed if isinstance(listed, list) else []:
        if not isinstance(one, dict) or one.get("kty") not in ("RSA", "EC", "OKP") or one.get("use", "sig") != "sig":
            continue
        public = {k: v for k, v in one.items() if k not in ("d", "p", "q", "dp", "dq", "qi", "oth")}
        try:
            made += KeySet.import_key_set({"keys": [public]}).keys
        except (JoseError, ValueError, TypeError, KeyError):
            continue
    return KeySet(made)
