"""Whether an ID token counts: all of it, or nothing (OpenID Connect Core 1.0, 3.1.3.7).

One function that cannot be half called. The signature is joserfc's work, with the algorithms named; the claims are
Authlib's, which checks issuer, audience, azp, times, nonce and at_hash; the rest stands here, since neither does it:
`aud` is compared by any-of there, `sub` may be anything, and `auth_time` is not compared at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from authlib.oidc.core import CodeIDToken
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jwt import decode

from diffgram_home.oidc._trouble import ProviderRefused

SKEW: Final = timedelta(minutes=1)
"""How far the provider's clock may be from ours."""
_CLAIMS: Final = ("iss", "aud", "azp", "exp", "iat", "nbf", "nonce", "sub", "auth_time", "amr", "at_hash")
_MOST_BYTES: Final = 64 * 1024
_LONGEST_SUBJECT: Final = 255


@dataclass(frozen=True, slots=True)
class Asked:
    """What the token must fit: who made it and for whom, the nonce of this sign-in, the access token beside it."""

    issuer: str
    client_id: str
    nonce: str
    access_token: str
    algorithms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """What a token that counts says: the person's name at the provider, every claim, and when they authenticated."""

    subject: str
    claims: dict[str, Any]
    authenticated_at: float | None


def said(token: object, keys: Callable[[str | None], KeySet], asked: Asked, now: datetime) -> Said:
    """What the token says. `keys` gives the provider's keys, with the one of a name. Raises ProviderRefused."""
    if not isinstance(token, str) or not token.isascii() or len(token) > _MOST_BYTES:
        raise _refused("token-missing")
    try:
        header = jws.extract_compact(token.encode()).headers()
        if header.get("alg") not in asked.algorithms:
            raise _refused("token-algorithm")
        kid = header.get("kid")
        found = decode(token, keys(kid if isinstance(kid, str) else None), algorithms=list(asked.algorithms))
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise _refused("token-signature") from error
    claims = _held(found.claims, found.header, asked, now)
    return Said(claims["sub"], claims, _instant(claims.get("auth_time")))


def _held(claims: dict[str, Any], header: dict[str, Any], asked: Asked, now: datetime) -> dict[str, Any]:
    options = {"iss": {"essential": True, "value": asked.issuer}, "aud": {"essential": True, "value": asked.client_id}}
    params = {"client_id": asked.client_id, "nonce": asked.nonce, "access_token": asked.access_token}
    try:
        CodeIDToken(claims, header, options, params).validate(int(now.timestamp()), int(SKEW.total_seconds()))
    except (JoseError, ValueError, TypeError) as error:
        claim = getattr(error, "claim", None)
        raise _refused(f"token-{claim.replace('_', '-')}" if claim in _CLAIMS else "token-claims") from error
    subject, nonce = claims.get("sub"), claims.get("nonce")
    if nonce != asked.nonce:
        raise _refused("token-nonce")
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT or not subject.isprintable():
        raise _refused("token-sub")
    if not _for_us(claims.get("aud"), asked.client_id):
        raise _refused("token-aud")
    return claims


def _for_us(audience: object, client_id: str) -> bool:
    return client_id in audience if isinstance(audience, list) else audience == client_id


def _instant(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _refused(code: str) -> ProviderRefused:
    hint = "begin again; if it lasts, tell whoever runs the identity provider this word"
    return ProviderRefused(code, f"what the identity provider gave does not count ({code})", hint)
