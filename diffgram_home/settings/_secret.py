"""Reads secrets: from the environment as NAME, or from the file that NAME_FILE names; never from the settings file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from diffgram_home.errors import SettingsFault

DATABASE_URL, PROXY = "DIFFGRAM_HOME_DATABASE_URL", "DIFFGRAM_HOME_PROXY"
MAIL = "DIFFGRAM_HOME_MAIL_PASSWORD"
REPORTS_URL = "DIFFGRAM_HOME_REPORTS_URL"
OIDC = "DIFFGRAM_HOME_OIDC_SECRET"
SECRETS = (DATABASE_URL, PROXY, MAIL, REPORTS_URL, OIDC)


def read(name: str, environ: Mapping[str, str], faults: list[SettingsFault]) -> str | None:
    """The secret `name`, or None; faults are collected in `faults`."""
    value, file = environ.get(name), environ.get(f"{name}_FILE")
    if value and file:
        faults.append(SettingsFault("secret-twice", name, f"both '{name}' and '{name}_FILE' are set", "unset one"))
    if value or not file:
        return value or None
    try:
        return Path(file).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError) as error:
        faults.append(unreadable(Path(file), error, f"correct '{name}_FILE' or the file's permissions"))
        return None


def unreadable(path: Path, error: Exception, hint: str) -> SettingsFault:
    """The fault of a file that cannot be read."""
    reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
    return SettingsFault("settings-unreadable", "", f"cannot read '{path}': {reason}", hint)
