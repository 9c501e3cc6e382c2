"""Is this server healthy? Each finding says what to do about it."""

import os
import shutil
import stat
from dataclasses import dataclass
from datetime import datetime, timedelta

from corporate import keys, manifest, migrating
from corporate.database import Store, reachable
from corporate.errors import CorporateError
from corporate.issues import following
from corporate.settings import Settings

_MANIFEST_SOON = timedelta(days=60)
_FREE_BYTES = 1024**3
_LATE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not in order."""

    code: str
    message: str
    hint: str


def check(settings: Settings, now: datetime) -> list[Finding]:
    """Everything that is not in order: keys, manifest, database, what follows ingest, disk."""
    return [*_keys(settings), *_manifest(settings, now), *_database(settings, now), *_disk(settings)]


def _keys(settings: Settings) -> list[Finding]:
    try:
        keys.load(settings.keys)
    except CorporateError as e:
        return [Finding("keys", e.message, e.hint)]
    return [
        Finding("open-key", f"{name!r} can be read by others", f"chmod 600 {settings.keys / name}")
        for name in sorted(os.listdir(settings.keys))
        if name.endswith((".pem", ".secret")) and stat.S_IMODE((settings.keys / name).stat().st_mode) & 0o077
    ]


def _manifest(settings: Settings, now: datetime) -> list[Finding]:
    try:
        claims = manifest.load(settings.folder)["claims"]
        unnamed = manifest.unnamed(settings.folder)
    except CorporateError as e:
        return [Finding("manifest", e.message, e.hint)]
    findings = []
    if unnamed:
        hint = "put root.pem into the folder of keys and run diffgram-corporate manifest; then it may go again"
        findings.append(Finding("manifest-keys", f"the manifest names no key for {', '.join(unnamed)}", hint))
    if datetime.fromisoformat(claims["expires_at"]) <= now + _MANIFEST_SOON:
        ends = f"the manifest ends {claims['expires_at']}"
        findings.append(Finding("manifest-old", ends, "run diffgram-corporate manifest"))
    return findings


def _database(settings: Settings, now: datetime) -> list[Finding]:
    store = Store(settings.database_url)
    try:
        with reachable():
            fault = store.role_fault()
            behind = migrating.pending(store)
            waiting = None if behind else following.waiting_since(store)
    except CorporateError as e:
        return [Finding("database", e.message, e.hint)]
    finally:
        store.close()
    findings = []
    if fault:
        findings.append(Finding("role", fault, "use a role with NOSUPERUSER NOBYPASSRLS"))
    if behind:
        findings.append(Finding("schema", "the database's schema is older than this program", "restart the server"))
    if waiting is not None and waiting < now - _LATE:
        said = f"errors that arrived {waiting:%Y-%m-%d %H:%M} are not counted in issues yet"
        findings.append(
            Finding("issues-behind", said, "see the server's log; while it does not run, nothing is counted")
        )
    return findings


def _disk(settings: Settings) -> list[Finding]:
    free = shutil.disk_usage(settings.folder).free
    if free >= _FREE_BYTES:
        return []
    return [Finding("disk", f"{free // 1024**2} MiB are free in {str(settings.folder)!r}", "make room, or move it")]
