"""Reads `[oidc]`: the customer's own identity provider, and what its groups mean here. For `settings` only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from diffgram_home.settings import _secret
from diffgram_home.settings._checking import is_host, is_host_url, is_loopback
from diffgram_home.settings._table import Table

ROLES = ("admin", "security", "operator", "viewer", "support")
_SCOPE = re.compile(r"[!#-\[\]-~]{1,60}")  # RFC 6749, 3.3
_RESOURCE = re.compile(r"[a-z][a-z0-9_-]*([./][a-z0-9_-]+)*")
_SIGNS = "letters, digits and signs, without blanks"


@dataclass(frozen=True, slots=True)
class Oidc:
    """The provider (`issuer`), what this installation is to it, and what its groups mean here.

    `address` is that of these pages as people type it; `also` are further hosts of the provider's; `resources` hold
    personal data and blobs: no support route may read one.
    """

    issuer: str
    client_id: str
    secret: str | None = field(repr=False)
    name: str
    address: str
    scopes: tuple[str, ...]
    groups: str
    roles: Mapping[str, tuple[str, ...]]
    also: tuple[str, ...]
    ca_file: Path | None
    only: bool
    resources: tuple[str, ...]

    @property
    def hosts(self) -> tuple[tuple[str, int], ...]:
        """Every host and port of the provider's, its issuer first."""
        found = [urlsplit(self.issuer), *(urlsplit(f"//{one}") for one in self.also)]
        return tuple(dict.fromkeys((parts.hostname or "", parts.port or 443) for parts in found))


def read(table: Table, environ: Mapping[str, str]) -> Oidc:
    """`[oidc]`; faults are collected in the table."""
    issuer = table.text(
        "issuer", pattern_hint="'https://host' or 'https://host/path', as it writes it", check=_is_issuer
    )
    roles = table.table("roles", required=True)
    found = Oidc(
        issuer=issuer,
        client_id=table.text("client_id", pattern_hint=_SIGNS, check=_is_word),
        secret=_secret.read(_secret.OIDC, environ, table.faults),
        name=table.text("name", default="", pattern_hint="1 to 40 letters", check=_is_name)
        or (urlsplit(issuer).hostname or ""),
        address=table.text(
            "address", pattern_hint="'https://host' of these pages, as people type it", check=_is_address
        ),
        scopes=table.texts("scopes", pattern_hint="names of scopes", check=_is_scope) or ("openid", "profile"),
        groups=table.text("groups", default="groups", pattern_hint=_SIGNS, check=_is_word),
        roles={role: roles.texts(role, pattern_hint="names of groups", check=_is_group) for role in ROLES},
        also=table.texts("also", pattern_hint="'host' or 'host:port'", check=_is_host),
        ca_file=table.path("ca_file", exists=True),
        only=table.flag("only", False),
        resources=table.texts("resources", pattern_hint="names such as 'annotator.input'", check=_is_resource),
    )
    roles.finish()
    _judge(table, found)
    table.finish()
    return found


def _judge(table: Table, found: Oidc) -> None:
    """What is wrong with the values together."""
    if "openid" not in found.scopes:
        table.fault("setting-value", "scopes", "'oidc.scopes' lacks 'openid'", "add it: without it nobody is named")
    if not any(found.roles.values()):
        hint = 'write for instance admin = ["the group of those who may"] under [oidc.roles]'
        table.fault("setting-missing", "roles", "'oidc.roles' gives no group any role, so nobody could sign in", hint)
    shared = set(found.roles["support"]).intersection(*[{g for r in ROLES[:-1] for g in found.roles[r]}])
    if shared:
        hint = "give the people of the vendor a group of their own"
        text = f"the group {sorted(shared)[0]!r} would give the role 'support' and another"
        table.fault("role-alone", "roles.support", text, hint)
    for key in ("secret", "client_secret"):
        if key in table.values:
            hint = f"put it in {_secret.OIDC}, or its file's name in {_secret.OIDC}_FILE"
            table.known.append(key)
            table.fault("secret-in-file", key, f"'oidc.{key}' stands in the file", hint)


def _is_issuer(value: str) -> bool:
    try:
        parts = urlsplit(value)
        plain = not parts.query and not parts.fragment and "@" not in parts.netloc and value.isprintable()
        return plain and parts.scheme == "https" and is_host(parts.hostname or "") and (parts.port or 443) > 0
    except ValueError:
        return False


def _is_address(value: str) -> bool:
    if value.endswith("/"):
        return False
    plain = is_host_url(value, ("http",)) and is_loopback(urlsplit(value).hostname or "")
    return plain or is_host_url(value, ("https",))


def _is_host(value: str) -> bool:
    return is_host_url(f"https://{value}", ("https",)) and not value.endswith("/")


def _is_name(value: str) -> bool:
    return 0 < len(value) <= 40 and value.isprintable()


def _is_word(value: str) -> bool:
    return 0 < len(value) <= 200 and value.isprintable() and " " not in value


def _is_group(value: str) -> bool:
    return 0 < len(value) <= 200 and value.isprintable()


def _is_scope(value: str) -> bool:
    return bool(_SCOPE.fullmatch(value))


def _is_resource(value: str) -> bool:
    return len(value) <= 100 and bool(_RESOURCE.fullmatch(value))
