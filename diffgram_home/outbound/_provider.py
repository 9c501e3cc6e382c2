"""The way to the customer's own identity provider: what signing in takes, and nothing else.

For the door only (`diffgram_home.outbound`). It is the HTTP session that Authlib is given: `get` fetches the provider's
discovery document and its public keys, `post` redeems one code for tokens. Rules:

- Only https, only hosts of the settings' own list, which stand in the egress registry; directly, through no proxy.
- A body has the fields of redeeming a code (RFC 6749, 4.1.3; RFC 7636) and no others.
- No redirect is followed: an answer that leads elsewhere is no answer.
- Answers have the size limit of all; what is wrong says so in our words, never in the answer's.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

from diffgram_home import exchange, route
from diffgram_home.egress import Destination
from diffgram_home.exchange import Answer, NotReached, Trust
from diffgram_home.outbound._http import HttpWay, Request
from diffgram_home.outbound._tls import verified
from diffgram_home.settings import Oidc

FIELDS = frozenset({"grant_type", "code", "redirect_uri", "code_verifier", "client_id", "client_secret"})


class ClientAuth(Protocol):
    """What Authlib gives: it adds the client's name and secret where the provider wants them."""

    def prepare(self, method: str, uri: str, headers: dict[str, str], body: str) -> tuple[str, Any, str]:
        """Address, headers and body, with the client's name and secret."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer in the words that Authlib asks in."""

    status_code: int
    content: bytes

    def json(self) -> Any:
        """The body as JSON. Raises ValueError."""
        return json.loads(self.content)

    def raise_for_status(self) -> None:
        """Raises NotReached for what is no success."""
        if not 200 <= self.status_code < 300:
            raise NotReached(
                "provider-refused",
                f"the identity provider answered {self.status_code}",
                "try again, or ask whoever runs it",
            )


class _Way(HttpWay):
    """The way to one host of the provider's."""

    def ask(self, request: Request, context: ssl.SSLContext) -> Answer:
        return self._exchange(request, context)


class ProviderDoor:
    """The way to the one identity provider that the customer named."""

    def __init__(self, named: Oidc, *, registry: tuple[Destination, ...], timeout_s: float) -> None:
        self._trust = Trust((), named.ca_file, named.ca_file is None)
        self._hosts = frozenset(named.hosts)
        self._registry, self._timeout_s = registry, timeout_s

    def get(self, url: str) -> Reply:
        """Fetch a document of the provider's. Raises NotReached, Unknown."""
        return self._ask("GET", url, {"Accept": "application/json"}, None)

    def post(self, url: str, data: Mapping[str, str], headers: Mapping[str, str], auth: ClientAuth) -> Reply:
        """Redeem a code. Raises NotReached, Unknown; ValueError for a body that is anything else."""
        if data.get("grant_type") != "authorization_code":
            raise ValueError("only a code is redeemed here")
        _, sent, body = auth.prepare("POST", url, dict(headers), urlencode(data))
        if not {pair.partition("=")[0] for pair in body.split("&")} <= FIELDS:
            raise ValueError("a field does not belong to redeeming a code")
        return self._ask("POST", url, sent, body.encode())

    def _ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        parts = urlsplit(url)
        if parts.scheme != "https" or (parts.hostname, parts.port or 443) not in self._hosts:
            hint = "add its host to [oidc] also, if it is the provider's; 'diffgram-home egress' prints what is listed"
            raise NotReached("not-in-registry", f"'{parts.netloc}' is not a host of the provider's", hint)
        way = _Way(route.to(f"https://{parts.netloc}", None, self._registry), self._timeout_s)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        with exchange.nothing_left():
            context = verified(self._trust, None)
        found = way.ask(Request(method, path, headers, (lambda: body) if body else None), context)
        return Reply(found.status, found.body)
