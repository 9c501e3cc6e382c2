"""An installation whose people sign in by an identity provider that runs beside it, and a browser of a few lines."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import trustme
import urllib3
from werkzeug.test import TestResponse

from diffgram_home import settings
from diffgram_home.app import create_app
from diffgram_home.home import Home, make_home, open_home
from tests.identity.provider import CLIENT, SECRET
from tests.web.world import make_accounts, write_settings

ROOT = Path(__file__).parents[2]
PERSON = {"sub": "7f3a-rose", "preferred_username": "rose", "email": "rose@hospital.example", "groups": ["home-admins"]}
ADDRESS = "http://127.0.0.1:8080"


@dataclass
class Running:
    """The provider: where it listens, and the folder with its knobs and what it saw."""

    folder: Path
    port: int

    @property
    def issuer(self) -> str:
        """Its name."""
        return f"https://localhost:{self.port}"

    def turn(self, **knobs: Any) -> None:
        """Behave so from now on, and in nothing else otherwise than well."""
        (self.folder / "knobs.json").write_text(json.dumps({"person": PERSON, **knobs}))

    def seen(self, path: str) -> list[dict[str, Any]]:
        """What it was asked at a place."""
        lines = (self.folder / "seen.jsonl").read_text().splitlines()
        return [one for one in map(json.loads, lines) if one["path"] == path]


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The provider's process."""
    folder = tmp_path_factory.mktemp("provider")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    (folder / "knobs.json").write_text("{}")
    (folder / "seen.jsonl").touch()
    command = [sys.executable, "-m", "tests.identity.provider", str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout
        yield Running(folder, int(process.stdout.readline()))
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.fixture
def provider(running: Running) -> Running:
    """The provider, behaving."""
    running.turn()
    return running


def oidc_section(provider: Running, **values: str) -> str:
    """`[oidc]` for this provider; values are TOML."""
    chosen = {
        "issuer": f'"{provider.issuer}"',
        "client_id": f'"{CLIENT}"',
        "name": '"St Mary"',
        "address": f'"{ADDRESS}"',
        "ca_file": f'"{provider.folder / "authority.pem"}"',
        "resources": '["annotator.input", "annotator.blob"]',
        **values,
    }
    lines = "\n".join(f"{key} = {value}" for key, value in chosen.items())
    roles = 'admin = ["home-admins"]\nsecurity = ["officers"]\nviewer = ["staff", "readers"]\nsupport = ["vendor"]'
    return f"\n[oidc]\n{lines}\n[oidc.roles]\n{roles}\n"


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an installation with local accounts, to be copied: making it takes seconds."""
    folder = tmp_path_factory.mktemp("template") / "home"
    folder.mkdir()
    chosen = settings.read(write_settings(folder), {})
    make_home(chosen)
    opened = open_home(chosen)
    make_accounts(opened, datetime.now(UTC))
    opened.close()
    return folder


@pytest.fixture
def home(tmp_path: Path, template: Path, provider: Running) -> Iterator[Home]:
    """An installation with local accounts and the provider."""
    opened = make(tmp_path, template, oidc_section(provider))
    yield opened
    opened.close()


def make(folder: Path, template: Path, section: str) -> Home:
    """A copy of the installation, with this section among its settings."""
    shutil.copytree(template, folder / "home")
    path = folder / "home" / "diffgram-home.toml"
    path.write_text(path.read_text() + section)
    return open_home(settings.read(path, {"DIFFGRAM_HOME_OIDC_SECRET": SECRET}))


@dataclass
class Visitor:
    """Somebody with a browser: cookies of the pages, no scripts, and the provider's pages beside them."""

    home: Home
    provider: Running
    last: TestResponse = field(init=False)

    def __post_init__(self) -> None:
        self.app = create_app(self.home.settings)
        self.client = self.app.test_client()
        self.http = urllib3.PoolManager(ca_certs=str(self.provider.folder / "authority.pem"), retries=False)

    @property
    def text(self) -> str:
        """What the page at hand says."""
        return html.unescape(self.last.text)

    def get(self, path: str) -> Visitor:
        """Open a page."""
        self.last = self.client.get(path)
        return self

    def post(self, path: str, **form: str) -> Visitor:
        """Send the form of the page at hand, with these fields."""
        found = re.search(r'name="csrf" value="([0-9a-f]{64})"', self.last.text)
        self.last = self.client.post(path, data={"csrf": found.group(1) if found else "", **form})
        return self

    def lead(self) -> str:
        """Where the page at hand leads on to."""
        found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', self.last.text)
        assert found, self.text
        return html.unescape(found.group(1))

    def asked(self) -> Mapping[str, str]:
        """What the provider is to be asked."""
        return {key: values[0] for key, values in parse_qs(urlsplit(self.lead()).query).items()}

    def authorized(self) -> str:
        """The way back that the provider gives; nothing is opened yet."""
        got = self.http.request("GET", self.lead(), redirect=False)
        assert got.status == 302, got.data
        return got.headers["Location"].removeprefix(ADDRESS)

    def start(self, next_: str = "/") -> Visitor:
        """Choose to sign in by the provider, in a browser that was opened anew."""
        self.client = self.app.test_client()
        return self.get("/sign-in").post("/oidc/start", next=next_)

    def sign_in(self, next_: str = "/") -> Visitor:
        """All of it, up to the page that the provider led back to."""
        return self.get(self.start(next_).authorized())


@pytest.fixture
def visitor(home: Home, provider: Running) -> Visitor:
    """A stranger."""
    return Visitor(home, provider)
