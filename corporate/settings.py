"""corporate.toml, read once into a frozen dataclass.

Leaves to others: what the values are used for. Rules: an unknown or missing key stops the start; every fault is
listed at once, with what to write instead; a secret (the database's password) may come from the environment
variable DIFFGRAM_CORPORATE_DATABASE_URL, or from the file that DIFFGRAM_CORPORATE_DATABASE_URL_FILE names.
"""

import ipaddress
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from corporate.alerting import settings as alert_settings
from corporate.alerting.settings import Alerts
from corporate.errors import SettingsFaults

DATABASE_VARIABLE = "DIFFGRAM_CORPORATE_DATABASE_URL"
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Wire:
    """The listener for installations: https, always."""

    address: str = "127.0.0.1"
    port: int = 8091
    workers: int = 2
    threads: int = 8
    names: tuple[str, ...] = ("127.0.0.1", "localhost")


@dataclass(frozen=True, slots=True)
class Pages:
    """The listener for the vendor's staff: http on loopback, https with `certificate` and `key` elsewhere."""

    address: str = "127.0.0.1"
    port: int = 8090
    workers: int = 1
    threads: int = 8
    names: tuple[str, ...] = ("127.0.0.1", "localhost")
    certificate: Path | None = None
    key: Path | None = None
    behind_proxy: bool = False  # of a proxy on this machine: it says whose address and scheme a request has

    @property
    def https(self) -> bool:
        """Whether browsers reach the pages over https (then cookies say so)."""
        return self.certificate is not None or self.behind_proxy


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may cost. Sizes in bytes, times in seconds."""

    compressed_bytes: int = MIB
    body_bytes: int = 16 * MIB
    request_s: int = 30
    handshake_s: int = 5
    requests_per_s: int = 50
    burst: int = 500


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of one corporate server."""

    name: str
    folder: Path
    database_url: str
    path: Path
    certificate_days: int = 30
    backup_days: int = 35
    """How long a backup of the database is kept at most: statements of deletion say so."""
    wire: Wire = field(default_factory=Wire)
    pages: Pages = field(default_factory=Pages)
    limits: Limits = field(default_factory=Limits)
    alerts: Alerts = field(default_factory=Alerts)

    @property
    def keys(self) -> Path:
        """Folder of the private keys (0700)."""
        return self.folder / "keys"


_TYPES: dict[str, dict[str, type]] = {
    "": {"name": str, "folder": str, "certificate_days": int, "backup_days": int},
    "database": {"url": str},
    "wire": {"address": str, "port": int, "workers": int, "threads": int, "names": list},
    "pages": {
        "address": str,
        "port": int,
        "workers": int,
        "threads": int,
        "names": list,
        "certificate": str,
        "key": str,
        "behind_proxy": bool,
    },
    "limits": dict.fromkeys(Limits.__dataclass_fields__, int),
    **alert_settings.TYPES,
}
_WORDS = {str: "a string", int: "a whole number", list: "a list of strings", bool: "true or false"}


def read(path: Path, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read and check `path`.

    Raises SettingsFaults with every fault: unreadable file, TOML errors, unknown or missing keys, wrong types,
    values out of range, an address that is not loopback without https.
    """
    document = _parse(path)
    faults: list[str] = []
    tables = {name: _table(document, name, faults) for name in _TYPES}
    faults += [f"{key!r} is not a setting; remove it" for key in document if key not in {**_TYPES[""], **_TYPES}]
    faults += [f'{key!r} is missing; add {key} = "…"' for key in ("name", "folder") if not tables[""].get(key)]
    url = _database_url(tables["database"], environ, faults)
    if faults:
        raise SettingsFaults(faults, path)
    settings = _build(path, tables, url)
    faults += _range_faults(settings) + _https_faults(settings) + alert_settings.faults(settings.alerts)
    if faults:
        raise SettingsFaults(faults, path)
    return settings


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as e:
        raise SettingsFaults(
            [f"the file cannot be read: {e.strerror}; make it with diffgram-corporate init"], path
        ) from e
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise SettingsFaults([f"the file is not TOML: {e}"], path) from e


def _table(document: Mapping[str, Any], name: str, faults: list[str]) -> dict[str, Any]:
    """The checked values of one table; `""` is the top level."""
    if name == "":
        table: Any = {key: value for key, value in document.items() if key in _TYPES[""]}
    else:
        table = document.get(name, {})
    if not isinstance(table, dict):
        faults.append(f"{name!r} is {table!r}; write it as a table, [{name}]")
        return {}
    prefix = f"{name}." if name else ""
    for key, value in table.items():
        if key not in _TYPES[name]:
            faults.append(f"'{prefix}{key}' is not a setting; remove it")
        elif not _has_type(value, _TYPES[name][key]):
            faults.append(f"'{prefix}{key}' is {value!r}; write {_WORDS[_TYPES[name][key]]}")
    return dict(table)


def _has_type(value: object, wanted: type) -> bool:
    if wanted is list:
        return isinstance(value, list) and bool(value) and all(isinstance(v, str) and v for v in value)
    return type(value) is wanted


def _database_url(table: Mapping[str, Any], environ: Mapping[str, str], faults: list[str]) -> str:
    named = environ.get(f"{DATABASE_VARIABLE}_FILE")
    if named:
        try:
            return Path(named).read_text(encoding="utf-8").strip()
        except OSError as e:
            faults.append(f"{DATABASE_VARIABLE}_FILE names {named!r}, which cannot be read: {e.strerror}")
    url = environ.get(DATABASE_VARIABLE) or table.get("url", "")
    if url and not str(url).startswith(("sqlite:///", "postgresql+psycopg://")):
        faults.append("'database.url' must start with sqlite:/// or postgresql+psycopg://")
    return str(url)


def _build(path: Path, tables: Mapping[str, dict[str, Any]], url: str) -> Settings:
    base = path.resolve().parent
    folder = (base / tables[""]["folder"]).resolve()
    pages = dict(tables["pages"])
    for key in ("certificate", "key"):
        if pages.get(key):
            pages[key] = (base / pages[key]).resolve()
    for table in (pages, tables["wire"]):
        if "names" in table:
            table["names"] = tuple(table["names"])
    return Settings(
        name=tables[""]["name"],
        folder=folder,
        database_url=url or f"sqlite:///{folder}/corporate.db",
        path=path.resolve(),
        certificate_days=tables[""].get("certificate_days", 30),
        backup_days=tables[""].get("backup_days", 35),
        wire=Wire(**tables["wire"]),
        pages=Pages(**pages),
        limits=Limits(**tables["limits"]),
        alerts=alert_settings.build(tables),
    )


def _range_faults(settings: Settings) -> list[str]:
    """Numbers outside what can work."""
    checks: list[tuple[str, int, int, int]] = [("certificate_days", settings.certificate_days, 1, 398)]
    for name, listener in (("wire", settings.wire), ("pages", settings.pages)):
        checks += [
            (f"{name}.port", listener.port, 0, 65535),
            (f"{name}.workers", listener.workers, 1, 64),
            (f"{name}.threads", listener.threads, 1, 256),
        ]
    checks += [(f"limits.{key}", getattr(settings.limits, key), 1, 2**31 - 1) for key in _TYPES["limits"]]
    return [
        f"'{key}' is {value}; write a number from {low} to {high}"
        for key, value, low, high in checks
        if not low <= value <= high
    ]


def _https_faults(settings: Settings) -> list[str]:
    """The pages carry a password: plain http is for this machine only."""
    faults = [
        f"'{name}.address' is {listener.address!r}; write an IP address"
        for name, listener in (("wire", settings.wire), ("pages", settings.pages))
        if not _is_ip(listener.address)
    ]
    pages = settings.pages
    if (pages.certificate is None) != (pages.key is None):
        faults.append("'pages.certificate' and 'pages.key' belong together; give both or neither")
    if not _is_ip(pages.address) or ipaddress.ip_address(pages.address).is_loopback:
        return faults
    if pages.behind_proxy:
        faults.append(
            f"'pages.behind_proxy' is set, and 'pages.address' is {pages.address!r}, where others than the proxy could "
            'say for whom they speak: write pages.address = "127.0.0.1" with the proxy on this machine, or give '
            "pages.certificate and pages.key without behind_proxy"
        )
    elif not pages.https:
        faults.append(
            f"'pages.address' is {pages.address!r}, which other machines reach: give pages.certificate and pages.key, "
            "or let a proxy on this machine speak https (pages.behind_proxy = true)"
        )
    return faults


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
