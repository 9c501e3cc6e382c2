"""The egress registry: every host and port that this installation may ever contact, with why and on whose behalf.

It computes the list from the settings and from nothing else; the door (outbound) refuses what is not in it, and
`diffgram-home egress` prints it. Looking at it opens nothing.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from diffgram_home.settings import Settings

CORPORATE = "corporate"
CUSTOMER = "customer"
"""Whose host it is: the vendor's, or one that the customer named for their own ends."""

DOORS = frozenset({"https", "connect", "witness", "mail", "oidc", "dns"})
"""Protocols that only the door may speak, or that it uses to find where to; the others are the customer's own."""

OF_PAGES = frozenset({"oidc"})
"""Of these, what the pages speak; everything else through the door is the scheduler's and the commands'."""

_RESOLVERS = Path("/etc/resolv.conf")


@dataclass(frozen=True, slots=True)
class Destination:
    """One host and port. `protocol` is https, connect (a proxy), witness, oidc, mail, dns or database."""

    host: str
    port: int
    protocol: str
    why: str
    whose: str


def registry(settings: Settings, resolvers: Path = _RESOLVERS) -> tuple[Destination, ...]:
    """Every destination that `settings` allow, corporate first; without it where all is carried by hand."""
    way = () if settings.sending.by_hand else (_corporate(settings), *_proxy(settings))
    own = (*_witness(settings), *_mail(settings), *_provider(settings))
    names = [name for one in (*way[-1:], *own) for name in _name_service(one.host, resolvers)]
    return (*way, *own, *names, *_databases(settings))


def reachable(settings: Settings) -> tuple[Destination, ...]:
    """What the door may connect to: corporate, the proxy before it, and the customer's own hosts that it knows."""
    return tuple(d for d in registry(settings) if d.protocol in DOORS - {"dns"})


def _corporate(settings: Settings) -> Destination:
    parts = urlsplit(settings.corporate.url)
    why = "enrolment, batches and corporate's manifest of keys; nothing while every case is off or local"
    return Destination(parts.hostname or "", parts.port or 443, "https", why, CORPORATE)


def _proxy(settings: Settings) -> tuple[Destination, ...]:
    if not settings.corporate.proxy:
        return ()
    parts = urlsplit(settings.corporate.proxy)
    why = "the only way out to corporate, as [corporate] proxy says; it is asked to CONNECT"
    return (Destination(parts.hostname or "", parts.port or 3128, "connect", why, CUSTOMER),)


def _witness(settings: Settings) -> tuple[Destination, ...]:
    """Reached directly, never through the proxy: it is a host of the customer's own."""
    if settings.elsewhere.witness is None:
        return ()
    why = "checkpoints of the ledger go to the witness in [ledger.witness]: sizes and hashes, nothing else"
    return (Destination(*settings.elsewhere.witness.address, "witness", why, CUSTOMER),)


def _mail(settings: Settings) -> tuple[Destination, ...]:
    """Reached directly, never through the proxy: it is a host of the customer's own."""
    if settings.mail is None:
        return ()
    why = "letters to the addresses in [mail] about releases that change what may leave: names of fields, no values"
    return (Destination(settings.mail.host, settings.mail.port, "mail", why, CUSTOMER),)


def _provider(settings: Settings) -> tuple[Destination, ...]:
    """Reached directly, never through the proxy: hosts of the customer's own."""
    if settings.oidc is None:
        return ()
    why = "signing in to these pages by the identity provider in [oidc]: its codes, tokens and keys, nothing else"
    return tuple(Destination(host, port, "oidc", why, CUSTOMER) for host, port in settings.oidc.hosts)


def looked_up_by_pages(settings: Settings) -> bool:
    """Whether the pages look a name up."""
    return settings.oidc is not None and not all(_is_address(host) for host, _ in settings.oidc.hosts)


def _name_service(host: str, resolvers: Path) -> tuple[Destination, ...]:
    """The resolvers of this machine, when a name has to be looked up before a connection."""
    if _is_address(host):
        return ()
    try:
        lines = resolvers.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ()
    words = [line.split() for line in lines]
    names = [w[1] for w in words if len(w) > 1 and w[0] == "nameserver"]
    return tuple(Destination(n, 53, "dns", f"this machine's resolver looks up '{host}'", CUSTOMER) for n in names)


def _databases(settings: Settings) -> tuple[Destination, ...]:
    named = [(settings.database_url, "the installation's own database, as [database] url says")]
    if settings.reports is not None:
        why = "the product's database, in which its reporters count, as [reports] url says; it is read only"
        named.append((settings.reports.source.url, why))
    at = [(urlsplit(url), why) for url, why in named]
    return tuple(
        Destination(parts.hostname, parts.port or 5432, "database", why, CUSTOMER)
        for parts, why in at
        if parts.hostname
    )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
