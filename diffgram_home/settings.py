"""Reads `diffgram-home.toml` into frozen values, or lists everything that is wrong with it.

What it leaves to others: names of kinds (`home.py` knows the catalogue) and whether files hold what they should. Rules:
an unknown or missing key is a fault; every fault is found in one run; paths are relative to the file; secrets come only
from the environment, as NAME or NAME_FILE, and a secret in the file is a fault.
"""

from __future__ import annotations

import ipaddress
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from audit.modes import DEFAULTS as FIRST_MODES
from audit.modes import MODES as CASE_MODES
from diffgram_home import _elsewhere
from diffgram_home._elsewhere import Elsewhere
from diffgram_home._table import Table
from diffgram_home.errors import SettingsFault, SettingsFaults

_HOST = re.compile(r"[a-z0-9._:-]{1,253}")
SECRETS = ("DIFFGRAM_HOME_DATABASE_URL", "DIFFGRAM_HOME_PROXY")
MIB = 1024 * 1024
FIELD_MODES = ("off", "on")
POLICIES = ("withhold", "stop")


@dataclass(frozen=True, slots=True)
class Web:
    """Where the pages listen, and how they are protected."""

    address: str
    port: int
    workers: int
    certificate: Path | None
    key: Path | None
    behind_proxy: bool

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the pages."""
        return _is_loopback(self.address)


@dataclass(frozen=True, slots=True)
class Corporate:
    """The one other end: its address, the fingerprint of its root, and how its TLS certificate is trusted."""

    url: str
    root: str
    trust: str
    ca_file: Path | None
    proxy: str | None
    timeout_s: int


@dataclass(frozen=True, slots=True)
class Pinned:
    """A file that the product brought, and the SHA-256 it must have."""

    file: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class Product:
    """The product's own catalogue files and its index of shipped code."""

    catalogue: tuple[Pinned, ...]
    index: Pinned | None


@dataclass(frozen=True, slots=True)
class Spool:
    """Where products put their records; `group` owns the folder so that product and installation can be two users."""

    folder: Path
    group: str | None
    max_bytes: int


@dataclass(frozen=True, slots=True)
class Sending:
    """How often to look for work, how long a batch can be read before it goes, and how much goes into one.

    `by_hand`: nothing goes over a connection, nobody is asked for a name; batches wait for `carry out`.
    """

    by_hand: bool
    every_s: int
    wait_s: int
    batch_messages: int
    batch_bytes: int


@dataclass(frozen=True, slots=True)
class Keep:
    """How long messages stay here after they were collected, and how long bodies of batches stay in the ledger."""

    local_days: int
    bodies_days: int


@dataclass(frozen=True, slots=True)
class Policy:
    """What to do when a release changes what may leave, and the definitions that may be approved beforehand.

    `allow` are definition hashes. A hash counts only once somebody with the role `security` has recorded it
    (`consenting.allow`): the file alone widens nothing.
    """

    on_material_change: str
    allow: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Settings:
    """All of one installation's settings; `path` is the file they came from."""

    path: Path
    name: str
    folder: Path
    database_url: str
    elsewhere: Elsewhere
    web: Web
    corporate: Corporate
    product: Product
    spool: Spool
    sending: Sending
    keep: Keep
    cases: Mapping[str, str]
    kinds: Mapping[str, str]
    fields: Mapping[str, str]
    policy: Policy

    @property
    def fields_off(self) -> frozenset[str]:
        """The names of the fields that the file switches off."""
        return frozenset(name for name, mode in self.fields.items() if mode == "off")


def read(path: Path, environ: Mapping[str, str]) -> Settings:
    """The settings in `path` with secrets from `environ`; raises SettingsFaults with every fault."""
    path = path.absolute()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        hint = "make it, for instance with 'diffgram-home init', or name another with --config"
        raise SettingsFaults(str(path), (_unreadable(path, error, hint),)) from error
    return parse(text, path, environ)


def parse(text: str, path: Path, environ: Mapping[str, str]) -> Settings:
    """The settings in `text`, which stands (or will stand) in `path`; raises SettingsFaults with every fault."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        fault = SettingsFault("settings-not-toml", "", f"not TOML: {error}", "correct the line that it names")
        raise SettingsFaults(str(path), (fault,)) from error
    faults: list[SettingsFault] = []
    settings = _settings(Table(table, "", path.parent, faults), path, environ)
    if faults:
        raise SettingsFaults(str(path), tuple(faults))
    return settings


def _unreadable(path: Path, error: Exception, hint: str) -> SettingsFault:
    reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
    return SettingsFault("settings-unreadable", "", f"cannot read '{path}': {reason}", hint)


def _settings(top: Table, path: Path, environ: Mapping[str, str]) -> Settings:
    name = top.text("name", pattern_hint="letters, digits, '-' and '.', at most 60", check=_is_name)
    folder = top.path("folder", default="data") or path.parent
    settings = Settings(
        path=path,
        name=name,
        folder=folder,
        database_url=_database(top.table("database"), folder, environ),
        elsewhere=_elsewhere.read(top.table("ledger")),
        web=_web(top.table("web")),
        corporate=_corporate(top.table("corporate", required=True), environ),
        product=_product(top.table("product")),
        spool=_spool(top.table("spool"), folder),
        sending=_sending(top.table("sending")),
        keep=_keep(top.table("keep")),
        cases=_cases(top.table("cases")),
        kinds=_kinds(top.table("kinds")),
        fields=_fields(top.table("fields")),
        policy=_policy(top.table("policy")),
    )
    top.finish()
    return settings


def _database(table: Table, folder: Path, environ: Mapping[str, str]) -> str:
    default = f"sqlite:///{folder / 'home.db'}"
    in_file = table.text("url", default="")
    table.finish()
    secret = _secret("DIFFGRAM_HOME_DATABASE_URL", environ, table.faults)
    if secret and in_file:
        table.fault("setting-twice", "url", "'database.url' stands in the file and the environment", "remove one")
    url = secret or in_file or default
    try:
        parts = urlsplit(url)
        password = parts.password
    except ValueError:
        table.fault("setting-value", "url", "'database.url' is not an address", "see docs/settings.md")
        return default
    if in_file and password:
        hint = (
            "put the whole address in DIFFGRAM_HOME_DATABASE_URL, or its file's name in DIFFGRAM_HOME_DATABASE_URL_FILE"
        )
        table.fault("secret-in-file", "url", "'database.url' holds a password", hint)
    if parts.scheme not in ("sqlite", "postgresql+psycopg"):
        hint = "write 'sqlite:///home.db' or 'postgresql+psycopg://host/database'"
        table.fault("setting-value", "url", "'database.url' names a database that is not supported", hint)
    if in_file.startswith("sqlite:///") and not in_file.startswith("sqlite:////"):
        return f"sqlite:///{table.base / in_file.removeprefix('sqlite:///')}"
    return url


def _web(table: Table) -> Web:
    web = Web(
        address=table.text("address", default="127.0.0.1"),
        port=table.number("port", 8080, 1, 65535),
        workers=table.number("workers", 2, 1, 64),
        certificate=table.path("certificate", exists=True),
        key=table.path("key", exists=True),
        behind_proxy=table.flag("behind_proxy", False),
    )
    if (web.certificate is None) != (web.key is None):
        missing = "key" if web.key is None else "certificate"
        table.fault("setting-missing", missing, f"'web.{missing}' is missing", "give both 'certificate' and 'key'")
    if web.behind_proxy and not web.loopback:
        # Whoever reaches the port could write the proxy's headers: pass plain HTTP off as HTTPS, and have any address.
        text = f"'web.behind_proxy' is set, and 'web.address' is {web.address!r}, which others than the proxy can reach"
        hint = (
            "let the proxy run on this machine and set address to '127.0.0.1', or give 'certificate' and 'key' instead"
        )
        table.fault("proxy-elsewhere", "behind_proxy", text, hint)
    elif not (web.loopback or web.certificate):
        hint = "give 'certificate' and 'key', or let a proxy on this machine speak HTTPS ('behind_proxy = true')"
        table.fault("https-required", "address", f"'web.address' is {web.address!r}, which others can reach", hint)
    table.finish()
    return web


def _corporate(table: Table, environ: Mapping[str, str]) -> Corporate:
    proxy = table.text("proxy", default="")
    secret = _secret("DIFFGRAM_HOME_PROXY", environ, table.faults)
    if proxy and secret:
        table.fault("setting-twice", "proxy", "'corporate.proxy' stands in the file and the environment", "remove one")
    if proxy and not _is_host_url(proxy, ("http",)):
        hint = "write 'http://host:port'; with a password, put it in DIFFGRAM_HOME_PROXY or DIFFGRAM_HOME_PROXY_FILE"
        table.fault("setting-value", "proxy", "'corporate.proxy' is not the address of a proxy", hint)
    corporate = Corporate(
        url=table.text("url", pattern_hint="'https://host:port' and nothing after", check=_is_https).rstrip("/"),
        root=table.text(
            "root", pattern_hint="'sha256:' and 64 hex digits, as corporate gave it to you", check=_is_root
        ),
        trust=table.choice("trust", ("corporate", "system"), "corporate"),
        ca_file=table.path("ca_file", exists=True),
        proxy=secret or proxy or None,
        timeout_s=table.number("timeout_s", 20, 1, 300),
    )
    table.finish()
    return corporate


def _product(table: Table) -> Product:
    entries = table.tables("catalogue")
    index = table.table("index")
    product = Product(tuple(_pinned(entry) for entry in entries), _pinned(index) if "index" in table.values else None)
    table.finish()
    return product


def _pinned(table: Table) -> Pinned:
    file = table.path("file", required=True, exists=True) or table.base
    sha256 = table.text("sha256", pattern_hint="64 hex digits; 'sha256sum FILE' prints them", check=_is_hex64)
    table.finish()
    return Pinned(file, sha256)


def _spool(table: Table, folder: Path) -> Spool:
    spool = Spool(
        folder=table.path("folder") or folder / "spool",
        group=table.text("group", default="") or None,
        max_bytes=table.number("max_bytes", 256 * MIB, MIB, 1024 * 1024 * MIB),
    )
    table.finish()
    return spool


def _sending(table: Table) -> Sending:
    sending = Sending(
        by_hand=table.flag("by_hand", False),
        every_s=table.number("every_s", 5, 1, 3600),
        wait_s=table.number("wait_s", 0, 0, 3600),
        batch_messages=table.number("batch_messages", 1000, 1, 10_000),
        batch_bytes=table.number("batch_bytes", 1_000_000, 10_000, 1_000_000),
    )
    table.finish()
    return sending


def _keep(table: Table) -> Keep:
    keep = Keep(table.number("local_days", 30, 1, 3650), table.number("bodies_days", 400, 1, 3650))
    table.finish()
    return keep


def _cases(table: Table) -> Mapping[str, str]:
    cases = {case: table.choice(case, modes, FIRST_MODES[case]) for case, modes in CASE_MODES.items()}
    table.finish()
    return MappingProxyType(cases)


def _kinds(table: Table) -> Mapping[str, str]:
    modes = tuple(dict.fromkeys(mode for modes in CASE_MODES.values() for mode in modes))
    return MappingProxyType({kind: table.choice(kind, modes, "off") for kind in table.values})


def _fields(table: Table) -> Mapping[str, str]:
    return MappingProxyType({name: table.choice(name, FIELD_MODES, "off") for name in table.values})


def _policy(table: Table) -> Policy:
    policy = Policy(
        on_material_change=table.choice("on_material_change", POLICIES, POLICIES[0]),
        allow=table.texts("allow", pattern_hint="definition hashes, 64 hex digits each", check=_is_hex64),
    )
    table.finish()
    return policy


def _secret(name: str, environ: Mapping[str, str], faults: list[SettingsFault]) -> str | None:
    value, file = environ.get(name), environ.get(f"{name}_FILE")
    if value and file:
        faults.append(SettingsFault("secret-twice", name, f"both '{name}' and '{name}_FILE' are set", "unset one"))
    if value or not file:
        return value or None
    try:
        return Path(file).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError) as error:
        faults.append(_unreadable(Path(file), error, f"correct '{name}_FILE' or the file's permissions"))
        return None


def _is_name(value: str) -> bool:
    return 0 < len(value) <= 60 and all(c.isascii() and (c.isalnum() or c in "-.") for c in value)


def _is_hex64(value: str) -> bool:
    return len(value) == 64 and not set(value) - set("0123456789abcdef")


def _is_root(value: str) -> bool:
    return value.startswith("sha256:") and _is_hex64(value.removeprefix("sha256:"))


def _is_https(value: str) -> bool:
    return _is_host_url(value, ("https",))


def _is_host_url(value: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(value)
        return bool(
            parts.scheme in schemes
            and _HOST.fullmatch(parts.hostname or "")  # as the ledger writes it; other scripts as xn--
            and (parts.port is None or parts.port > 0)
            and parts.path in ("", "/")
            and "@" not in parts.netloc
            and "?" not in value
            and "#" not in value
        )
    except ValueError:
        return False


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
