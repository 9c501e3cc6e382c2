"""Set up a new server: its file, folder, keys, manifest, database and first account.

Leaves to others: serving. Rules: nothing that exists is overwritten; the settings file is written last, so that a
set-up that was interrupted can be seen to be incomplete and be repeated in another folder.
"""

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from corporate import files, keys, manifest, migrating, people, settings
from corporate.database import Store, reachable
from corporate.errors import OperatorError


@dataclass(frozen=True, slots=True)
class Plan:
    """What to set up. `database_url` empty means SQLite in the folder; ports 0 let the system choose at each start."""

    config: Path
    folder: Path
    name: str
    wire_port: int
    pages_port: int
    database_url: str
    account: str
    password: str


def found(plan: Plan, now: datetime) -> str:
    """Set everything up and return the root's fingerprint. Raises OperatorError or SettingsFaults."""
    config = plan.config.resolve()
    if config.exists():
        raise OperatorError("exists", f"{str(config)!r} exists already", "start it with diffgram-corporate run")
    people.check_password(plan.password)
    folder = plan.folder.resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys.make(folder / "keys", plan.name, now)
    manifest.make(folder, plan.name, now)
    url = os.environ.get(settings.DATABASE_VARIABLE) or plan.database_url
    store = Store(url or f"sqlite:///{folder}/corporate.db")
    with reachable():
        store.require_a_plain_role()
        migrating.upgrade(store)
    people.add(store, plan.account, plan.password, "init", now)
    store.close()
    # The file may hold the database's password.
    config.parent.mkdir(parents=True, exist_ok=True)
    files.write(config, _text(plan, os.path.relpath(folder, config.parent)).encode(), 0o600)
    return manifest.root_fingerprint(folder)


def _text(plan: Plan, folder: str) -> str:
    database = f"[database]\nurl = {_quoted(plan.database_url)}\n\n" if plan.database_url else ""
    return (
        "# Settings of this corporate server. Restart it after a change.\n"
        f"name = {_quoted(plan.name)}\n"
        f"folder = {_quoted(folder)}\n\n"
        f"{database}"
        "# What installations connect to: https with certificates of our own authority.\n"
        f'[wire]\naddress = "127.0.0.1"\nport = {plan.wire_port}\nnames = ["127.0.0.1", "localhost"]\n\n'
        "# What the vendor's staff reads. Another address than loopback needs certificate and key.\n"
        f'[pages]\naddress = "127.0.0.1"\nport = {plan.pages_port}\n'
    )


def _quoted(text: str) -> str:
    """A TOML basic string; control characters cannot be part of a name, a path or a URL here."""
    if not text.isprintable():
        raise OperatorError("name", f"{text!r} has characters that cannot be printed", "use printable ones")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
