"""What a text of the settings may be: a digest, a host, an address. For `settings` only."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from audit import transforms

_HOST = re.compile(r"[a-z0-9._:-]{1,253}")


def is_hex64(value: str) -> bool:
    """Whether `value` is a SHA-256 as 64 hex digits."""
    return len(value) == 64 and not set(value) - set("0123456789abcdef")


def is_host(value: str) -> bool:
    """Whether `value` is a host as the ledger writes it; other scripts as xn--."""
    return bool(_HOST.fullmatch(value))


def is_host_url(value: str, schemes: tuple[str, ...]) -> bool:
    """Whether `value` is one of `schemes`, a host, perhaps a port, and nothing after."""
    try:
        parts = urlsplit(value)
        return bool(
            parts.scheme in schemes
            and is_host(parts.hostname or "")
            and (parts.port is None or parts.port > 0)
            and parts.path in ("", "/")
            and "@" not in parts.netloc
            and "?" not in value
            and "#" not in value
        )
    except ValueError:
        return False


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach `address`."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def is_transform(value: str) -> bool:
    """Whether it has the form of a transform; whether a field permits it is not judged here."""
    try:
        transforms.read(value)
    except ValueError:
        return False
    return True
