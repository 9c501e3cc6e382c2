"""Edits the settings file for a person: one value of one section, comments kept.

The text is parsed before it is written, so that no edit makes a file that cannot be read; it takes its place by rename.
`switching` decides what may be written, and takes it over.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import tomlkit
from tomlkit.exceptions import TOMLKitError

from diffgram_home import files, settings
from diffgram_home.errors import SettingsFault, SettingsFaults, StoreError
from diffgram_home.home import Home


def edit(home: Home, section: str, values: Mapping[str, str | None]) -> None:
    """Set these keys of the section, or take those out that are None. Raises SettingsFaults, StoreError."""
    _replace(home, _edited(home, section, values))


def _edited(home: Home, section: str, values: Mapping[str, str | None]) -> str:
    """The file's text with these values changed; raises SettingsFaults if it cannot be read, before or after."""
    path = home.settings.path
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8"))
        if section not in document:
            document[section] = tomlkit.table()
        table = document[section]
        for key, value in values.items():
            if value is not None:
                table[key] = value  # type: ignore[index]
            elif key in table:  # type: ignore[operator]
                del table[key]  # type: ignore[union-attr]
    except (OSError, UnicodeDecodeError, TOMLKitError, TypeError) as error:
        fault = SettingsFault("settings-unreadable", "", f"cannot edit '{path}': {error}", "correct the file by hand")
        raise SettingsFaults(str(path), (fault,)) from error
    text = tomlkit.dumps(document)
    settings.parse(text, path, os.environ)
    return text


def _replace(home: Home, text: str) -> None:
    """Temporary file, fsync, rename; owner and mode of the file stay as they are, and a link to it stays one."""
    path = home.settings.path.resolve()
    try:
        before = path.stat()
        files.write(path, text.encode())
        if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()) and os.geteuid() == 0:
            os.chown(path, before.st_uid, before.st_gid)
        path.chmod(before.st_mode & 0o777)
    except OSError as error:
        hint = f"let the user {os.geteuid()} write to it and its folder, or edit it by hand"
        raise StoreError("settings-read-only", f"cannot write '{path}': {error.strerror}", hint) from error
