"""A shop whose pages tell an installation: a real one with its index, and a server of the shop's own pages.

The shop's script `shop.js` fails in every way that home.js can notice; its pages have a policy as strict as a page with
a script can have one. One secret is planted in messages, addresses, stacks and storage, so that a test can look for it
anywhere, in any encoding.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from audit import index
from audit.scripts import Bundle
from diffgram_home import consenting, settings, switching
from diffgram_home.browser import scripts
from diffgram_home.home import Home, make_home, open_home
from event import spool
from tests.store.building import write_files

SECRET = "Rosamund4711"
"""Somebody's name and number: part of every message, address and value that the shop's pages have."""
ENCODED = (
    SECRET,
    SECRET.lower(),
    SECRET[::-1],
    quote("".join(f"%{ord(c):02x}" for c in SECRET)),
    "".join(f"%{ord(c):02x}" for c in SECRET),
    base64.b64encode(SECRET.encode()).decode().rstrip("="),
    SECRET.encode().hex(),
)
ROUTES = frozenset({"/", "/order/<int:id>", "/failing"})
SHOP_JS = f"""
class BasketError extends Error {{ constructor(m) {{ super(m); this.name = "BasketError"; }} }}
class {SECRET}Error extends Error {{ get name() {{ return "{SECRET}Error"; }} }}
const inner = (make) => {{ throw make(); }};
const outer = (make) => inner(make);
globalThis.shop = {{
  uncaught: () => setTimeout(() => outer(() => new TypeError("no {SECRET} here"))),
  ownClass: () => setTimeout(() => outer(() => new BasketError("basket of {SECRET} is full"))),
  strangeClass: () => setTimeout(() => outer(() => new {SECRET}Error("{SECRET}"))),
  text: () => setTimeout(() => {{ throw "{SECRET}"; }}),
  frameInMessage: () => setTimeout(() => outer(() => new Error("first\\n    at {SECRET} (http://{SECRET}/{SECRET}.js:1:1)"))),
  rejected: () => {{ Promise.reject(new RangeError("{SECRET}")); }},
  rejectedText: () => {{ Promise.reject("{SECRET}"); }},
  rejectedObject: () => {{ Promise.reject({{ name: "{SECRET}", message: "{SECRET}", stack: "{SECRET}.js:1:1" }}); }},
  hostile: () => {{
    const e = new Error("x");
    const get = () => {{ throw new Error("{SECRET}"); }};
    for (const key of ["name", "message", "stack"]) Object.defineProperty(e, key, {{ get }});
    Promise.reject(e);
  }},
  said: () => console.error("order of", new BasketError("{SECRET}")),
  saidText: () => console.error("order of {SECRET}"),
  picture: () => {{
    const img = new Image();
    img.src = "/missing/{SECRET}.png?who={SECRET}";
    document.body.append(img);
  }},
}};
"""
WAIT_S = 20


@dataclass
class Site:
    """The shop's own web server. `pages` are the parts of a page's head by path; `asked` are all paths asked for."""

    base: str = ""
    installation: str = ""
    heads: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def page(self, path: str, *tags: str) -> str:
        """Put a page with these tags at `path`; its address."""
        self.heads[path] = "\n".join(tags)
        return self.base + path

    @property
    def to(self) -> str:
        """Where pages tell."""
        return f"{self.installation}/browser/shop/"

    def tag(self, name: str = "home.js", **data: str) -> str:
        """The tag that loads one of our scripts from the shop's own origin."""
        told = " ".join(f'data-{key}="{value.replace("<", "&lt;")}"' for key, value in data.items())
        pin = scripts.integrity(name)
        return f'<script src="/{name}" nonce="n0nce" integrity="{pin}" {told} defer></script>'

    def policy(self) -> str:
        """Only our nonce, only our own pictures, only the installation; and no markup from text."""
        return (
            "default-src 'none'; script-src 'nonce-n0nce'; img-src 'self'; base-uri 'none'; form-action 'none'; "
            f"connect-src {self.installation}; require-trusted-types-for 'script'; trusted-types 'none'"
        )


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            site.asked.append(path)
            if path in site.heads:
                head = f'<meta charset="utf-8"><title>Shop</title>{site.heads[path]}'
                self._answer(200, "text/html", f"<!doctype html><html><head>{head}</head><body>".encode())
            elif path == "/shop.js":
                self._answer(200, "text/javascript", SHOP_JS.encode())
            elif path[1:] in scripts.NAMES:
                self._answer(200, "text/javascript", (scripts.FOLDER / path[1:]).read_bytes())
            else:
                self._answer(404, "text/plain", b"")

        def _answer(self, status: int, media_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Security-Policy", site.policy())
            self.send_header("Referrer-Policy", "unsafe-url")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """The shop keeps no log."""

    return Handler


@contextmanager
def site() -> Iterator[Site]:
    """The shop's server on a free port."""
    made = Site()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(made))
    made.base = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def lines_of(script: str) -> Bundle:
    """What the index says of a script."""
    lines = script.splitlines()
    return Bundle(len(lines), max(map(len, lines)), frozenset({"BasketError"}))


def build(folder: Path, origins: Sequence[str], mode: str = "local", **more: str) -> Home:
    """An installation whose product is the shop, with its browser case in `mode`."""
    path = write_files(folder)
    shipped = replace(index.new("shop 1.0.0", {}, frozenset(), ROUTES), bundles={"shop.js": lines_of(SHOP_JS)})
    data = index.encode(shipped)
    old = hashlib.sha256((folder / "shop.index").read_bytes()).hexdigest()
    (folder / "shop.index").write_bytes(data)
    text = path.read_text().replace(old, hashlib.sha256(data).hexdigest())
    text += f'browser = "{mode}"\n' + "".join(f'{key} = "{value}"\n' for key, value in more.items())
    path.write_text(f'{text}[browser]\nprojects = ["shop"]\norigins = {json.dumps(list(origins))}\n')
    found = settings.read(path, {})
    make_home(found)
    home = open_home(found)
    switching.apply(home, datetime.now(UTC))
    consenting.approve(home, None, "os:0", "security", "the tests", datetime.now(UTC))
    return home


def told(home: Home) -> list[dict[str, Any]]:
    """Every message that lies in the spool now, in the order of each writer."""
    found: list[dict[str, Any]] = []
    for segment in spool.segments(home.settings.spool.folder):
        for frame in spool.frames(spool.read(segment.path), final=False):
            assert isinstance(frame, spool.Frame), frame
            found.append(frame.message)
    return found


def refused(home: Home) -> dict[str, int]:
    """Word → how often something was not taken."""
    sums: dict[str, int] = {}
    for counts in spool.counts(home.settings.spool.folder).values():
        for dropped, count in counts.items():
            assert dropped.reason == "refused", dropped
            sums[dropped.key] = sums.get(dropped.key, 0) + count
    return sums


class Since:
    """What an installation was told, and what it refused, since this was made."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._told, self._refused = Counter(map(str, told(home))), refused(home)

    def told(self) -> list[dict[str, Any]]:
        """The messages that are new; several processes write them, each in its own order."""
        old = self._told.copy()
        found = []
        for message in told(self.home):
            if old[str(message)]:
                old[str(message)] -= 1
            else:
                found.append(message)
        return found

    def errors(self) -> list[dict[str, Any]]:
        """Those of them that are errors."""
        return [message for message in self.told() if message["kind"] == "home/browser-error"]

    def visits(self) -> list[dict[str, Any]]:
        """Those of them that are visits."""
        return [message for message in self.told() if message["kind"] == "home/visit"]

    def refused(self) -> dict[str, int]:
        """The counts that rose, and by how much."""
        new = {word: count - self._refused.get(word, 0) for word, count in refused(self.home).items()}
        return {word: count for word, count in new.items() if count}

    def bytes(self) -> bytes:
        """Everything that the installation has on its disk."""
        return bytes_of(self.home)


def until(what: Callable[[], Any]) -> Any:
    """What `what` gives as soon as it gives anything."""
    ends = time.monotonic() + WAIT_S
    while not (found := what()):
        assert time.monotonic() < ends, "it did not come"
        time.sleep(0.02)
    return found


def bytes_of(home: Home) -> bytes:
    """Everything that the installation has on its disk."""
    return b"".join(path.read_bytes() for path in sorted(home.settings.folder.parent.rglob("*")) if path.is_file())
