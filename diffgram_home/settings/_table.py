"""Reads one TOML table key by key and collects every fault, for `settings` only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from diffgram_home.errors import SettingsFault


class Table:
    """One TOML table under reading: takes keys out one by one and collects what is wrong with them."""

    def __init__(self, values: Mapping[str, Any], name: str, base: Path, faults: list[SettingsFault]) -> None:
        self.values, self.name, self.base, self.faults = values, name, base, faults
        self.known: list[str] = []

    def fault(self, code: str, key: str, message: str, hint: str) -> None:
        self.faults.append(SettingsFault(code, self._dotted(key), message, hint))

    def text(
        self,
        key: str,
        *,
        default: str | None = None,
        pattern_hint: str = "",
        check: Callable[[str], bool] | None = None,
    ) -> str:
        value = self._take(key, str, "text in quotes", default)
        if value is None or (value == default and key not in self.values):
            return value or ""
        if check and not check(value):
            self.fault("setting-value", key, f"'{self._dotted(key)}' cannot be {value!r}", f"write {pattern_hint}")
        return str(value)

    def choice(self, key: str, choices: tuple[str, ...], default: str) -> str:
        value = self._take(key, str, "text in quotes", default)
        if value in choices:
            return str(value)
        if value is not None:
            hint = "write one of " + ", ".join(repr(choice) for choice in choices)
            self.fault("setting-value", key, f"'{self._dotted(key)}' cannot be {value!r}", hint)
        return default

    def texts(self, key: str, *, pattern_hint: str, check: Callable[[str], bool]) -> tuple[str, ...]:
        found = self._take(key, list, "a list of texts in quotes", []) or []
        for value in found:
            if not isinstance(value, str) or not check(value):
                self.fault(
                    "setting-value", key, f"'{self._dotted(key)}' cannot hold {value!r}", f"write {pattern_hint}"
                )
        return tuple(dict.fromkeys(value for value in found if isinstance(value, str)))

    def number(self, key: str, default: int, low: int, high: int) -> int:
        value = self._take(key, int, "a whole number", default)
        if value is None or low <= value <= high:
            return default if value is None else int(value)
        self.fault("setting-value", key, f"'{self._dotted(key)}' cannot be {value}", f"write {low} to {high}")
        return default

    def flag(self, key: str, default: bool) -> bool:
        value = self._take(key, bool, "true or false", default)
        return default if value is None else bool(value)

    def path(
        self, key: str, *, default: str | None = None, required: bool = False, exists: bool = False
    ) -> Path | None:
        value = self._take(key, str, "a path in quotes", None if required else default or "")
        if not value:
            return None
        path = self.base / value
        if exists and not path.is_file():
            self.fault("file-missing", key, f"'{self._dotted(key)}' names no file: '{path}'", "correct it")
        return path

    def table(self, key: str, *, required: bool = False) -> Table:
        value = self._take(key, dict, "a table", None if required else {})
        return Table(value or {}, self._dotted(key), self.base, self.faults if value is not None else [])

    def tables(self, key: str) -> tuple[Table, ...]:
        value = self._take(key, list, "a list of tables", []) or []
        named = [(f"{self._dotted(key)}[{number}]", entry) for number, entry in enumerate(value)]
        for name, entry in named:
            if not isinstance(entry, dict):
                self.faults.append(
                    SettingsFault("setting-type", name, f"'{name}' is not a table", "write { file, sha256 }")
                )
        return tuple(Table(entry, name, self.base, self.faults) for name, entry in named if isinstance(entry, dict))

    def finish(self) -> None:
        for key in self.values:
            if key in self.known:
                continue
            near = get_close_matches(key, self.known, 1)
            hint = f"did you mean '{near[0]}'? " if near else ""
            self.fault(
                "setting-unknown", key, f"unknown key '{self._dotted(key)}'", f"{hint}known: {', '.join(self.known)}"
            )

    def _take(self, key: str, kind: type, words: str, default: Any) -> Any:
        self.known.append(key)
        if key not in self.values:
            if default is None:
                self.fault("setting-missing", key, f"'{self._dotted(key)}' is missing", f"add it: {words}")
            return default
        value = self.values[key]
        if isinstance(value, kind) and (kind is not int or not isinstance(value, bool)):
            return value
        self.fault("setting-type", key, f"'{self._dotted(key)}' is not {words}", f"write {words}")
        return None

    def _dotted(self, key: str) -> str:
        return f"{self.name}.{key}" if self.name else key
