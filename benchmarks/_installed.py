"""A real installation with a real corporate, for what left a product: taken, sealed, sent, answered with receipts.

The installation's pages are served by a real gunicorn that logs all it can, and once more in this process, for what its
limits let not through (home.js and reports may tell so much a second); both write into one spool. Everything that any
of it keeps lies in the folders of `Installed.stores`.
"""

import http.client
import logging
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from flask.testing import FlaskClient

from audit.index import Index, encode, sealed
from audit.scripts import Bundle
from benchmarks import _asked, _logging, _raising
from benchmarks._asked import Asked
from diffgram_home import consenting, dsns, enrolment, intake, sealing, sending, settings, switching
from diffgram_home.app import create_app
from diffgram_home.browser import limiting, memory
from diffgram_home.home import Home, make_home, open_home
from event.index import build
from tests.corporate import running as corporates
from tests.door import places
from tests.ways import site

PAGES = f'browser = "on"\n[browser]\nprojects = ["{_asked.PROJECT}"]\norigins = ["{_asked.ORIGIN}"]\n'
LIBRARIES = ("sqlalchemy", "psycopg", "urllib3", "marshmallow")
ACTOR = "os:1000"
_OURS = ("diffgram_home", "event", "audit", "werkzeug", "flask", "py.warnings")
_TOO_MANY = 429
_WITH_LIMIT = ("browser-limit", "reports-limit")


@dataclass(slots=True)
class Installed:
    """One installation and its corporate, both running. `messages` were sent and acknowledged."""

    home: Home
    corporate: corporates.Server
    stores: tuple[Path, ...]
    key: dsns.Key
    _served: http.client.HTTPConnection
    _here: FlaskClient
    messages: int = 0

    def ask(self, asked: Asked) -> int:
        """Send a request as a client does; return the status of the answer."""
        path = asked.path.replace("/NUMBER/", f"/{self.key.number}/")
        headers = dict(asked.headers)
        if path != asked.path:
            headers.pop("Authorization", None)  # of two keys the other would be taken
            headers["X-Sentry-Auth"] = f"Sentry sentry_version=7, sentry_key={self.key.key}"
        status = _status(self._served, asked.method, path, asked.body, headers)
        if status != _TOO_MANY:
            return status
        return self._here.open(path, method=asked.method, data=asked.body, headers=headers).status_code

    def send(self) -> None:
        """Take what was spooled, seal it, and send it; corporate acknowledges every batch."""
        now = datetime.now(UTC)
        intake.take(self.home, now)
        door = sending.open_door(self.home)
        while count := sum(made.messages for made in sealing.seal_waiting(self.home, datetime.now(UTC))):
            sent = sending.send_due(self.home, door, datetime.now(UTC), force=True)
            if refused := [one for one in sent if one.outcome != "accepted"]:
                raise SystemExit(f"corporate did not take a batch: {refused}")
            self.messages += count


def _status(served: http.client.HTTPConnection, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Return the status of an answer. A connection that was idle for too long is closed by now: one more is made."""
    for is_last in (False, True):
        try:
            served.request(method, path, body, dict(headers))
            with served.getresponse() as answer:
                answer.read()
                return answer.status
        except ConnectionError:
            served.close()
            if is_last:
                raise
    raise AssertionError("unreachable")


@contextmanager
def installed(folder: Path, index: Index) -> Iterator[Installed]:
    """Run an installation whose product is the invented one, and its corporate; everything is approved and on."""
    with ExitStack() as stack:
        corporate, home_folder, logs = folder / "corporate", folder / "home", folder / "logs"
        for made in (corporate, home_folder, logs):
            made.mkdir()
        server = stack.enter_context(corporates.running(*corporates.found(corporate, "")))
        config = _settings(home_folder, server, index)
        catalogue = places.ANNOTATOR / "outbound_fields.toml"
        server.command("release", "add", "--catalogue", str(catalogue), "--index", str(home_folder / "index.json"))
        home = _enrolled(config, server)
        stack.callback(home.close)
        stack.enter_context(_logged(logs / "here.log"))
        app = create_app(home.settings)
        stack.callback(app.extensions["home"].close)
        app.extensions["home"].cache.update({name: limiting.Limit(10**6, 10**6) for name in _WITH_LIMIT})
        key = dsns.make(home, "shop web", ACTOR, datetime.now(UTC))
        base = urlsplit(stack.enter_context(site.serving(config, logs / "served.log")))
        served = http.client.HTTPConnection(base.hostname or "", base.port, timeout=30)
        stack.callback(served.close)
        in_memory = memory.folder(home.installation)
        stack.callback(_remove, in_memory)
        stores = (home_folder, corporate, logs, in_memory)
        yield Installed(home, server, stores, key, served, app.test_client())


def _settings(folder: Path, server: corporates.Server, index: Index) -> Path:
    file = folder / "index.json"
    file.write_bytes(encode(index))
    filled = {"mode": "on", "corporate": "", "batch_messages": 1000, "timeout_s": 20}
    config = places.write_settings(folder, server.wire, server.root, **filled)
    pinned = f'index = {{ file = "{file}", sha256 = "{index.hash}" }}'
    text = (pinned if line.startswith("index = ") else line for line in config.read_text().splitlines())
    config.write_text("\n".join(text) + "\n" + PAGES)
    return config


def _enrolled(config: Path, server: corporates.Server) -> Home:
    wanted = settings.read(config, {})
    make_home(wanted)
    home = open_home(wanted)
    now = datetime.now(UTC)
    consenting.approve(home, None, ACTOR, "security", "the board", now)
    switching.apply(home, now)
    enrolment.enrol(home, sending.open_door(home), server.token(), ACTOR, now)
    return home


@contextmanager
def _logged(path: Path) -> Iterator[None]:
    """Let everything of ours that logs in this process log all it can, into a file."""
    handler = logging.FileHandler(path)
    loggers = [logging.getLogger(name) for name in _OURS]
    before = [one.level for one in loggers]
    for one in loggers:
        one.addHandler(handler)
        one.setLevel(logging.DEBUG)
    yield
    for one, level in zip(loggers, before, strict=True):
        one.removeHandler(handler)
        one.setLevel(level)
    handler.close()


def _remove(folder: Path) -> None:
    for path in folder.glob("*"):
        with suppress(FileNotFoundError):
            path.unlink()
    with suppress(OSError):
        folder.rmdir()


def index_of_product(libraries: tuple[str, ...] = LIBRARIES) -> Index:
    """Return the index of the invented product: its modules, its pages' script and routes, and `libraries`."""
    folder = Path(_raising.__file__).parent
    with tempfile.TemporaryDirectory() as name:
        package = Path(name) / "benchmarks"
        package.mkdir()
        for module in (folder / "__init__.py", Path(_raising.__file__), Path(_logging.__file__)):
            (package / module.name).write_bytes(module.read_bytes())
        made = build([package], "invented 1.0.0", list(libraries))
    script = Bundle(_asked.LINES, _asked.LONGEST, frozenset({"BasketError"}))
    return sealed(replace(made, routes=made.routes | _asked.ROUTES, bundles={_asked.SCRIPT: script}))
