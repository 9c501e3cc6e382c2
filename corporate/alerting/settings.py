"""The settings about alerts: rules, the mail server, the webhook. Reading the file is corporate.settings'."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from corporate.errors import OperatorError

PASSWORD_VARIABLE = "DIFFGRAM_CORPORATE_MAIL_PASSWORD"  # noqa: S105 - its name
KEY_VARIABLE = "DIFFGRAM_CORPORATE_WEBHOOK_KEY"
SENTRY_VARIABLE = "DIFFGRAM_CORPORATE_SENTRY_KEY"
TLS = ("starttls", "tls", "none")
SENTRY = "sentry"
"""The way to a Sentry-compatible server."""
_SHORTEST_KEY = 32
_SENTRY_KEY = re.compile(r"[A-Za-z0-9_-]{8,128}")
_ENVELOPE = re.compile(r"/api/[0-9]{1,18}/envelope/\Z")


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where letters go: `tls` is starttls, tls or none. The password comes from the environment."""

    host: str = ""
    port: int = 587
    tls: str = "starttls"
    user: str = ""
    sender: str = ""
    to: tuple[str, ...] = ()
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where alerts are posted; the key that signs them comes from the environment."""

    url: str = ""
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class Forward:
    """A Sentry-compatible server that gets issues; `customers` by name, none means all. Its key: the environment."""

    url: str = ""
    ca_file: str = ""
    customers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Alerts:
    """What is told: a number of 0 turns its rule off. `address` is of the pages, for links."""

    new: bool = True
    regressed: bool = True
    an_hour: int = 0
    installations: int = 0
    most_an_hour: int = 20
    address: str = ""
    mail: MailServer = field(default_factory=MailServer)
    webhook: Webhook = field(default_factory=Webhook)
    sentry: Forward = field(default_factory=Forward)

    @property
    def ways(self) -> tuple[str, ...]:
        """Every way that an alert goes: `webhook`, `sentry`, and `mail` with each address."""
        mail = tuple(f"mail {to}" for to in self.mail.to) if self.mail.host else ()
        return (("webhook",) if self.webhook.url else ()) + ((SENTRY,) if self.sentry.url else ()) + mail


TYPES: dict[str, dict[str, type]] = {
    "alerts": {
        "new": bool,
        "regressed": bool,
        "an_hour": int,
        "installations": int,
        "most_an_hour": int,
        "address": str,
    },
    "alert_mail": {
        "host": str,
        "port": int,
        "tls": str,
        "user": str,
        "sender": str,
        "to": list,
        "ca_file": str,
    },
    "alert_webhook": {"url": str, "ca_file": str},
    "alert_sentry": {"url": str, "ca_file": str, "customers": list},
}
"""Section → key → type, as corporate.settings checks them."""


def build(tables: Mapping[str, Mapping[str, Any]]) -> Alerts:
    """The settings of sections whose types were checked."""
    mail = dict(tables["alert_mail"])
    mail["to"] = tuple(mail.get("to", ()))
    forward = dict(tables["alert_sentry"])
    forward["customers"] = tuple(forward.get("customers", ()))
    hook = Webhook(**tables["alert_webhook"])
    return Alerts(**tables["alerts"], mail=MailServer(**mail), webhook=hook, sentry=Forward(**forward))


def faults(alerts: Alerts) -> list[str]:
    """What is wrong with the values."""
    found = [
        f"'alerts.{name}' is {value}; write a number from {low} to 1000000000"
        for name, value, low in (
            ("an_hour", alerts.an_hour, 0),
            ("installations", alerts.installations, 0),
            ("most_an_hour", alerts.most_an_hour, 1),
        )
        if not low <= value <= 1_000_000_000
    ]
    mail = alerts.mail
    if mail.tls not in TLS:
        found.append(f"'alert_mail.tls' is {mail.tls!r}; write starttls, tls or none")
    if mail.host and not (mail.sender and mail.to):
        found.append("'alert_mail.sender' and 'alert_mail.to' are needed with 'alert_mail.host'; give both")
    if not 1 <= mail.port <= 65535:
        found.append(f"'alert_mail.port' is {mail.port}; write a number from 1 to 65535")
    odd = [one for one in (mail.sender, *mail.to) if one and not _is_address(one)]
    found += [f"{one!r} under [alert_mail] is no address; write name@host" for one in odd]
    sentry = alerts.sentry.url
    if sentry and not _ENVELOPE.search(urlsplit(sentry).path if _is_url(sentry) else ""):
        found.append(f"'alert_sentry.url' is {sentry!r}; write https://host/api/NUMBER/envelope/ without the key")
    for name, url in (("alert_webhook.url", alerts.webhook.url), ("alerts.address", alerts.address)):
        if url and not _is_url(url):
            found.append(f"'{name}' is {url!r}; write https://host/path without user or fragment")
    return found


def secret(environ: Mapping[str, str], name: str) -> str:
    """A secret from the environment, or from the file that NAME_FILE names. Raises OperatorError."""
    named = environ.get(f"{name}_FILE")
    if not named:
        return environ.get(name, "")
    try:
        return Path(named).read_text(encoding="utf-8").strip()
    except OSError as e:
        raise OperatorError("secret", f"{name}_FILE names {named!r}: {e.strerror}", "correct it") from e


def webhook_key(environ: Mapping[str, str]) -> bytes:
    """The key that signs what is posted. Raises OperatorError without one, or with one that is too short."""
    key = secret(environ, KEY_VARIABLE).encode()
    if len(key) < _SHORTEST_KEY:
        hint = f"put {_SHORTEST_KEY} characters or more into {KEY_VARIABLE}, or a file that {KEY_VARIABLE}_FILE names"
        raise OperatorError("webhook-key", "there is no key to sign alerts with", hint)
    return key


def sentry_key(environ: Mapping[str, str]) -> str:
    """The public key of the project there. Raises OperatorError without one."""
    key = secret(environ, SENTRY_VARIABLE)
    if _SENTRY_KEY.fullmatch(key) is None:
        hint = f"put the key of the project's DSN into {SENTRY_VARIABLE}, or a file that {SENTRY_VARIABLE}_FILE names"
        raise OperatorError("sentry-key", "there is no key to forward issues with", hint)
    return key


def _is_address(text: str) -> bool:
    name, at, host = text.rpartition("@")
    return bool(name and at and host) and text.isascii() and text.isprintable() and not set(text) & set(" <>,;\"'\\")


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    plain = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")
    whole = bool(parts.hostname) and not parts.username and not parts.fragment and port != 0
    return whole and text.isascii() and text.isprintable() and " " not in text and (parts.scheme == "https" or plain)
