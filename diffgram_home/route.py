"""The ways to corporate and to hosts of the customer: addresses, judged by the egress registry. Opens nothing."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from diffgram_home.egress import Destination
from diffgram_home.exchange import NotReached


@dataclass(frozen=True, slots=True)
class Route:
    """Where to connect to (`host`, `port`), under which path corporate answers (`base`), and through which proxy.

    `proxy_headers` hold the proxy's password: not for any log.
    """

    host: str
    port: int
    base: str
    proxy: tuple[str, int] | None
    proxy_headers: Mapping[str, str]
    listed: frozenset[tuple[str, int]]

    @property
    def destination(self) -> str:
        """Corporate's `host:port`, as the ledger names it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def near(self) -> tuple[str, int]:
        """What a socket is opened to: the proxy if there is one, else corporate."""
        return self.proxy or (self.host, self.port)

    def permit(self) -> None:
        """Raise NotReached unless the registry lists every host and port of the way."""
        for host, port in filter(None, ((self.host, self.port), self.proxy)):
            if (host, port) not in self.listed:
                raise NotReached(
                    "not-in-registry",
                    f"'{host}:{port}' is not in the egress registry",
                    "only the hosts that 'diffgram-home egress' prints may be contacted;"
                    " see [corporate] in the settings",
                )


def to(url: str, proxy: str | None, registry: tuple[Destination, ...]) -> Route:
    """The route to corporate's base address `url` (https), through `proxy` (http) or directly; raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme != "https" or parts.hostname is None:
        raise ValueError(f"corporate's address '{url}' is not https; write https://host:port in [corporate] url")
    near = urlsplit(proxy) if proxy else None
    if near is not None and near.scheme != "http":
        raise ValueError("only a proxy that is spoken to in http is supported; write http://host:port")
    return Route(
        host=parts.hostname,
        port=parts.port or 443,
        base=parts.path.rstrip("/"),
        proxy=(near.hostname or "", near.port or 3128) if near is not None else None,
        proxy_headers=_headers(near.username, near.password) if near is not None else {},
        listed=frozenset((d.host, d.port) for d in registry),
    )


def direct(host: str, port: int, registry: tuple[Destination, ...]) -> Route:
    """The route to a host of the customer's own, through no proxy."""
    return Route(host, port, "", None, {}, frozenset((d.host, d.port) for d in registry))


def _headers(user: str | None, password: str | None) -> dict[str, str]:
    if user is None:
        return {}
    pair = f"{unquote(user)}:{unquote(password or '')}".encode()
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair).decode()}"}
