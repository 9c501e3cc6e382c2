"""Reads `diffgram-home.toml` into frozen values, or lists everything that is wrong with it.

What it leaves to others: names of kinds (`home.py` knows the catalogue) and whether files hold what they should. Rules:
an unknown or missing key is a fault; every fault is found in one run; paths are relative to the file; secrets come only
from the environment, as NAME or NAME_FILE, and a secret in the file is a fault.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from diffgram_home.errors import SettingsFault, SettingsFaults
from diffgram_home.settings import (
    _approval,
    _browser,
    _corporate,
    _database,
    _elsewhere,
    _limits,
    _mail,
    _modes,
    _oidc,
    _product,
    _reports,
    _web,
)
from diffgram_home.settings._approval import Approval
from diffgram_home.settings._browser import Browser
from diffgram_home.settings._corporate import Corporate
from diffgram_home.settings._elsewhere import Elsewhere, Witness
from diffgram_home.settings._limits import Keep, Sending, Spool, Support
from diffgram_home.settings._mail import Mail
from diffgram_home.settings._modes import FIELD_MODES, Policy
from diffgram_home.settings._oidc import Oidc
from diffgram_home.settings._product import Pinned, Product
from diffgram_home.settings._reports import Reports, Source
from diffgram_home.settings._secret import SECRETS, unreadable
from diffgram_home.settings._table import Table
from diffgram_home.settings._web import Web

__all__ = [
    "FIELD_MODES",
    "SECRETS",
    "Approval",
    "Browser",
    "Corporate",
    "Elsewhere",
    "Keep",
    "Mail",
    "Oidc",
    "Pinned",
    "Policy",
    "Product",
    "Reports",
    "Sending",
    "Settings",
    "Source",
    "Spool",
    "Support",
    "Web",
    "Witness",
    "parse",
    "read",
]


@dataclass(frozen=True, slots=True)
class Settings:
    """All of one installation's settings; `path` is the file they came from."""

    path: Path
    name: str
    folder: Path
    database_url: str
    elsewhere: Elsewhere
    web: Web
    browser: Browser
    corporate: Corporate
    product: Product
    spool: Spool
    sending: Sending
    keep: Keep
    mail: Mail | None
    reports: Reports | None
    oidc: Oidc | None
    cases: Mapping[str, str]
    kinds: Mapping[str, str]
    fields: Mapping[str, str]
    transforms: Mapping[str, str]
    policy: Policy
    approval: Approval
    support: Support

    @property
    def fields_off(self) -> frozenset[str]:
        """The names of the fields that the file switches off."""
        return frozenset(name for name, mode in self.fields.items() if mode == "off")

    @property
    def kept_from_support(self) -> tuple[str, ...]:
        """The resources with personal data and blobs, which no support route may read ([oidc] resources)."""
        return self.oidc.resources if self.oidc is not None else ()


def read(path: Path, environ: Mapping[str, str]) -> Settings:
    """The settings in `path` with secrets from `environ`; raises SettingsFaults with every fault."""
    path = path.absolute()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        hint = "make it, for instance with 'diffgram-home init', or name another with --config"
        raise SettingsFaults(str(path), (unreadable(path, error, hint),)) from error
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


def _settings(top: Table, path: Path, environ: Mapping[str, str]) -> Settings:
    name = top.text("name", pattern_hint="letters, digits, '-' and '.', at most 60", check=_is_name)
    folder = top.path("folder", default="data") or path.parent
    mail, reports, oidc = top.table("mail"), top.table("reports"), top.table("oidc")
    settings = Settings(
        path=path,
        name=name,
        folder=folder,
        database_url=_database.read(top.table("database"), folder, environ),
        elsewhere=_elsewhere.read(top.table("ledger")),
        web=_web.read(top.table("web")),
        browser=_browser.read(top.table("browser")),
        corporate=_corporate.read(top.table("corporate", required=True), environ),
        product=_product.read(top.table("product")),
        spool=_limits.spool(top.table("spool"), folder),
        sending=_limits.sending(top.table("sending")),
        keep=_limits.keep(top.table("keep")),
        mail=_mail.read(mail, environ) if "mail" in top.values else None,
        reports=_reports.read(reports, environ) if "reports" in top.values else None,
        oidc=_oidc.read(oidc, environ) if "oidc" in top.values else None,
        cases=_modes.cases(top.table("cases")),
        kinds=_modes.kinds(top.table("kinds")),
        fields=_modes.fields(top.table("fields")),
        transforms=_modes.transforms(top.table("transforms")),
        policy=_modes.policy(top.table("policy")),
        approval=_approval.read(top.table("approval")),
        support=_limits.support(top.table("support")),
    )
    top.finish()
    return settings


def _is_name(value: str) -> bool:
    return 0 < len(value) <= 60 and all(c.isascii() and (c.isalnum() or c in "-.") for c in value)
