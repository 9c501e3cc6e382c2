"""A real installation to look at: a data folder made by the store, events by `event`, and pages served by gunicorn."""

import hashlib
import http.client
import os
import re
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask.testing import FlaskClient

from audit import gate, receipt
from diffgram_home import attempts, bodies, consenting, facts, intake, models, people, sealing, settings, switching
from diffgram_home.home import Home, make_home, open_home
from diffgram_home.rules import CODEC
from tests.store.building import batches_due

ROOT = Path(__file__).parents[2]
ANNOTATOR = ROOT / "examples" / "annotator" / "annotator"
ROLES = ("admin", "security", "operator", "viewer", "support")
PASSWORD = "correct horse battery staple"
START_S = 120
PRODUCT = """
import event, sys
from pathlib import Path
spool, catalogue, index = map(Path, sys.argv[1:])
event.start(spool, [catalogue], index)
for number in range(1, 8):
    size = 5120 if number < 7 else -1
    event.new("annotator/project-created", member_id=318, project_id=number, input_quota=20)
    event.new("annotator/input-uploaded", project_id=number, input_id=number, input_size_bytes=size, media="picture")
event.new("annotator/project-created", member_id=318, project_id=9, input_quota=20, title="a name somebody typed")
try:
    raise PermissionError("rose@hospital.example may not", 4711)
except PermissionError as refused:
    event.error(refused, member_id=77, project_id=42)
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request got."""

    status: int
    headers: Mapping[str, str]
    cookies: tuple[str, ...]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


@dataclass(frozen=True, slots=True)
class World:
    """One installation, its pages' address, and an attempt of each outcome by name."""

    home: Home
    base: str
    attempts: Mapping[str, int]

    def token(self, role: str) -> str:
        """A fresh session of the person with this role, made by the store itself."""
        found = people.sign_in(self.home, f"{role}.person", PASSWORD, "192.0.2.1", datetime.now(UTC))
        assert isinstance(found, people.SignedIn)
        return found.token

    def expired(self, role: str) -> str:
        """A session that ended the day before yesterday."""
        then = datetime.now(UTC) - timedelta(days=2)
        found = people.sign_in(self.home, f"{role}.person", PASSWORD, "192.0.2.1", then)
        assert isinstance(found, people.SignedIn)
        return found.token

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        token: str = "",
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request, no redirect followed."""
        where = urlsplit(self.base)
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=20)
        sent = {"Cookie": f"home-session={token}"} if token else {}
        body = urlencode(form or {}) if method == "POST" else None
        if body is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request(method, path, body, {**sent, **(headers or {})})
            got = connection.getresponse()
            cookies = tuple(got.headers.get_all("Set-Cookie", []))
            return Answer(got.status, {k.title(): v for k, v in got.getheaders()}, cookies, got.read())
        finally:
            connection.close()

    def form_value(self, token: str) -> str:
        """The hidden value that forms of this session carry, read from a page as a browser would."""
        found = re.search(r'name="csrf" value="([0-9a-f]{64})"', self.ask("/account", token=token).text)
        assert found
        return found.group(1)


@dataclass(frozen=True, slots=True)
class Inside(World):
    """The same pages, asked in this process: for what does not depend on a server, hundreds of requests a second."""

    client: FlaskClient

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        token: str = "",
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request, no redirect followed, and no cookie but the one that is given."""
        sent = {**({"Cookie": f"home-session={token}"} if token else {}), **(headers or {})}
        got = self.client.open(path, method=method, data=form if method == "POST" else None, headers=sent)
        body = got.data
        got.close()  # a file of ours stays open otherwise
        return Answer(got.status_code, {k.title(): v for k, v in got.headers}, (), body)


def write_settings(folder: Path, **web: object) -> Path:
    """A settings file for an installation in `folder`, governing the annotator."""
    pins = {name: hashlib.sha256((ANNOTATOR / name).read_bytes()).hexdigest() for name in CATALOGUE_FILES}
    lines = "\n".join(f"{key} = {_toml(value)}" for key, value in web.items())
    path = folder / "diffgram-home.toml"
    path.write_text(f"""
name = "st-mary-hospital"
folder = "data"
[web]
{lines}
[corporate]
url = "https://127.0.0.1:8091"
root = "sha256:{"ab" * 32}"
[product]
catalogue = [{{ file = "{ANNOTATOR / "outbound_fields.toml"}", sha256 = "{pins["outbound_fields.toml"]}" }}]
index = {{ file = "{ANNOTATOR / "index.json"}", sha256 = "{pins["index.json"]}" }}
[cases]
event = "local"
""")
    return path


CATALOGUE_FILES = ("outbound_fields.toml", "index.json")


def make_accounts(home: Home, now: datetime) -> None:
    """One person for each role."""
    for role in ROLES:
        people.add(home, f"{role}.person", PASSWORD, [role], "os:0", now)


def fill(home: Home) -> Mapping[str, int]:
    """Events collected while local, then, with everything approved and on, sent with each outcome; some wait.

    Returns the numbers of the attempts by what became of them.
    """
    now = datetime.now(UTC)
    switching.apply(home, now)
    run_product(home)
    intake.take(home, now)
    consenting.approve(home, None, "account:security.person", "security", "data protection officer, 2026-14", now)
    switching.set_mode(home, "event", None, "on", "account:admin.person", now)
    with home.store.write() as session:
        facts.put(session, "enrolment", {"customer": "St Mary", "certificate": "PEM", "at": now.isoformat()})
        facts.put(session, "heartbeat", {"at": now.isoformat(), "pid": os.getpid(), "stages": {}})
    made = {}
    for outcome in ("accepted", "unknown", "rejected", "open"):
        run_product(home)
        intake.take(home, now)
        sealing.seal_waiting(home, now)
        made[outcome] = _attempt(home, outcome, now)
    run_product(home)
    intake.take(home, now)
    sealing.seal_waiting(home, now)
    return made


def run_product(home: Home) -> None:
    """A product in a process of its own tells its installation that things happened."""
    paths = [home.settings.spool.folder, ANNOTATOR / "outbound_fields.toml", ANNOTATOR / "index.json"]
    subprocess.run([sys.executable, "-c", PRODUCT, *map(str, paths)], check=True, cwd=ROOT)


def _attempt(home: Home, outcome: str, now: datetime) -> int:
    with home.store.write() as session:
        batch = batches_due(session, now, ["event"], 1)[0]
        attempt = attempts.begin(session, batch, "127.0.0.1:8091", now)
        if outcome == "accepted":
            token = _receipt(home, batch, bodies.get(session, batch.sha256) or b"", now)
            attempts.finish(home, session, attempt, outcome="accepted", now=now, status=200, receipt=token)
        elif outcome == "unknown":
            later = now + timedelta(hours=1)
            attempts.finish(home, session, attempt, outcome="unknown", now=now, code="timed-out", retry_at=later)
        elif outcome == "rejected":
            later = now + timedelta(hours=1)
            attempts.finish(
                home, session, attempt, outcome="rejected", now=now, code="too-many", status=429, retry_at=later
            )
        return int(attempt.id)


def _receipt(home: Home, batch: models.Batch, body: bytes, now: datetime) -> str:
    header, _, _ = gate.header_of(body, CODEC)
    return receipt.issue(
        receipt.Receipt(
            installation=header.installation,
            case=header.case,
            sequence=header.sequence,
            sha256=batch.sha256,
            ledger_size=header.ledger_size,
            ledger_root=header.ledger_root,
            messages=batch.messages,
            received_at=now.replace(microsecond=0),
            authenticated="mtls+signature",
            void=False,
            already=None,
        ),
        Ed25519PrivateKey.generate(),
    )


@contextmanager
def serving(path: Path, *options: str) -> Iterator[str]:
    """The pages of the settings at `path`, served by a real gunicorn with two workers. Yields their address."""
    command = [
        *(
            sys.executable,
            "-m",
            "gunicorn",
            "--no-control-socket",
            "--preload",
            "-k",
            "gthread",
            "--threads",
            "4",
            "-w",
            "2",
        ),
        *("-b", "127.0.0.1:0", *options, f"diffgram_home.app:from_file({str(path)!r})"),
    ]
    server = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        yield _listening(server)
    finally:
        server.terminate()
        server.communicate(timeout=START_S)


def _listening(server: subprocess.Popen[str]) -> str:
    assert server.stderr
    said = []
    while select.select([server.stderr], [], [], START_S)[0]:
        line = server.stderr.readline()
        said.append(line)
        found = re.search(r"Listening at: (https?://\S+)", line)
        if found:
            return found.group(1)
        if not line:
            break
    raise AssertionError("gunicorn did not start:\n" + "".join(said))


def open_world(folder: Path) -> Home:
    """A filled installation in an empty folder."""
    chosen = settings.read(write_settings(folder), {})
    make_home(chosen)
    home = open_home(chosen)
    make_accounts(home, datetime.now(UTC))
    return home


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else f'"{value}"'
