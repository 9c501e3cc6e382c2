"""Chromium itself, over real TLS, sends what it noticed: a broken policy, a deprecation, a crash. No script tells it.

The shop's pages have the headers that `diffgram-home browser headers` prints, and stand at another origin than the
installation, so that Chromium asks before it sends. Chromium trusts the two certificates by the hash of their key: an
error of a certificate that is merely ignored would keep it from reporting at all.
"""

import base64
import hashlib
import json
import shutil
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, Error

from diffgram_home.browser import memory, reports
from diffgram_home.home import Home
from tests.browser import ARGUMENTS, EXECUTABLE
from tests.home_js.shop import SECRET, build, bytes_of, told, until
from tests.web.world import ROOT, serving

PAGE = f"""<!doctype html><meta charset="utf-8"><title>{SECRET}</title><body>
<img src="https://{SECRET.lower()}.example/{SECRET}.png?who={SECRET}" alt="">
<script src="/old.js"></script>"""
OLD_JS = f"""const asked = new XMLHttpRequest();
asked.open("GET", "/{SECRET}?who={SECRET}", false);
asked.send();"""


@dataclass
class Shop:
    """The shop's pages: where, with which headers, and what was asked for."""

    base: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """An installation, the shop, and a Chromium that trusts both and does not wait before it reports."""

    home: Home
    shop: Shop
    chromium: Browser


class Certificate:
    """A certificate for this machine, as files, and the hash of its key as Chromium wants it."""

    def __init__(self, folder: Path) -> None:
        issued = trustme.CA().issue_cert("localhost", "127.0.0.1")
        self.chain, self.key = folder / "chain.pem", folder / "key.pem"
        self.chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        self.key.write_bytes(issued.private_key_pem.bytes())
        read = x509.load_pem_x509_certificate(issued.cert_chain_pems[0].bytes())
        public = read.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.spki = base64.b64encode(hashlib.sha256(public).digest()).decode()


@contextmanager
def pages(certificate: Certificate) -> Iterator[Shop]:
    """The shop's own server."""
    shop = Shop()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_script = self.path == "/old.js"
            body = (OLD_JS if is_script else PAGE).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript" if is_script else "text/html")
            self.send_header("Content-Length", str(len(body)))
            for name, value in shop.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """The shop keeps no log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.chain, certificate.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    shop.base = f"https://localhost:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield shop
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("shop")
    certificate = Certificate(folder)
    trusting = [f"--ignore-certificate-errors-spki-list={certificate.spki}", "--short-reporting-delay"]
    with pages(certificate) as shop:
        home = build(folder / "home", [shop.base])
        tls = ("--certfile", str(certificate.chain), "--keyfile", str(certificate.key))
        with serving(home.settings.path, *tls) as base:
            shop.headers = printed(home, base.replace("127.0.0.1", "localhost"))
            browser = chromium.browser_type.launch(executable_path=EXECUTABLE, args=[*ARGUMENTS, *trusting])
            yield Place(home, shop, browser)
            browser.close()
        home.close()
        shutil.rmtree(memory.folder(home.installation), ignore_errors=True)


def printed(home: Home, base: str) -> dict[str, str]:
    """The headers that the command prints."""
    command = [sys.executable, "-m", "diffgram_home.cli", "browser", "headers", "--from", base, "--json"]
    options = ["--config", str(home.settings.path)]
    ran = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    found: dict[str, str] = json.loads(ran.stdout)
    return found


def sent(place: Place, kind: str) -> dict[str, str]:
    """The first report of a type, as soon as there is one."""
    found = until(lambda: [m for m in told(place.home) if m["kind"] == reports.KIND and m["type"] == kind])
    return {key: value for key, value in found[0].items() if key not in ("kind", "at")}


def test_chromium_reports_a_broken_policy_a_deprecation_and_a_crash(place: Place):
    page = place.chromium.new_page()
    page.goto(f"{place.shop.base}/order/17?who={SECRET}")
    csp = sent(place, "csp")
    assert (csp["directive"], csp["blocked"], csp["disposition"]) == ("img-src", "site", "report")
    assert (csp["browser"], csp["route"]) == ("chrome", "/order/<int:id>")
    deprecation = sent(place, "deprecation")
    assert deprecation["id"] == "XMLHttpRequestSynchronousInNonWorkerOutsideBeforeUnload"
    with pytest.raises(Error):
        page.goto("chrome://crash")
    assert sent(place, "crash")["browser"] == "chrome"
    kept = bytes_of(place.home)
    assert SECRET.encode() not in kept
