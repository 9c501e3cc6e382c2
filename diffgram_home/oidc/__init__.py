"""Signing in by the customer's identity provider: OpenID Connect Core 1.0, the code flow with PKCE (RFC 7636).

    begin ──▶ the provider, in the browser ──▶ finish ──▶ Begun (a session), or Confirmed (step-up, with its form)

Cookies, pages and refusals are `pages.oidc`'s; connections are the door's (`outbound.ProviderDoor`). Rules:

- A person is `issuer` and `subject`, and nothing else binds: no name, no e-mail (research/diffgram.md 100).
- State, nonce and verifier are random, of one use, and bound to the browser by a cookie; a second use finds nothing.
- An ID token counts when its signature, by a key of the provider's and an algorithm of `ALGORITHMS`, its issuer,
  audience, times and nonce all hold (_token.py). Tokens are used once and never kept.
- Roles come from the groups claim at each sign-in; who has no group of [oidc.roles] does not get in.
- Confirming counts when the provider says that the same person authenticated after we asked (`auth_time`).
"""

from diffgram_home.oidc._flow import (
    LIFETIME,
    MOST,
    Begun,
    Confirmed,
    Kept,
    Led,
    begin,
    begin_confirming,
    finish,
    going_on,
    leaving,
)
from diffgram_home.oidc._provider import ALGORITHMS
from diffgram_home.oidc._trouble import ProviderAway, ProviderRefused

__all__ = [
    "ALGORITHMS",
    "LIFETIME",
    "MOST",
    "Begun",
    "Confirmed",
    "Kept",
    "Led",
    "ProviderAway",
    "ProviderRefused",
    "begin",
    "begin_confirming",
    "finish",
    "going_on",
    "leaving",
]
