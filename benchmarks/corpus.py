"""Does anything of a person leave? 20,000 cases of mistakes with invented people's data, through the real ways in.

Each case really raises. It goes through `event.error` and, every fourth, through an unmodified sentry-sdk with
`event.SentryTransport`, with user, request, headers, breadcrumbs and a release that is a telephone number; then the
installation takes the spool into its database and seals it into the ledger. Everything that lies on disk afterwards is
searched for everything of each person, as it is and in twelve encodings. A word of a person that also stands in
the index is a leak unless the same mistake with another person's data leaves it, too. Beside it, on the same cases,
sentry-sdk as it is, with send_default_pii=False. A leak is planted first, and must be found. `--quick` has 1,100 cases.
Exits with 1 for any leak, or when under 95 % of the product's raises keep type, place and words.
"""

import contextlib
import json
import os
import re
import sys
import tempfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sentry_sdk
import zstandard
from sentry_sdk.transport import Transport

import event
from audit.catalogue import core, load
from audit.index import Index, encode
from benchmarks import _cases, _raising
from benchmarks._cases import ENCODINGS, Case
from benchmarks._judging import is_compiled
from benchmarks._tallying import caught
from benchmarks._timing import Goals, arguments, machine, table
from diffgram_home import consenting, intake, sealing, settings, switching
from diffgram_home.home import Home, make_home, open_home
from event.index import build
from tests.door import places

GOAL_CASES, GOAL_USEFUL = 20_000, 95.0
SEED = 20261122
EVERY = 4
SHORTEST = 4


def spellings(secret: str) -> Iterator[str]:
    """Yield a secret and its parts, in every encoding."""
    parts = {secret, *(part for part in secret.replace("@", " ").replace(".", " ").split() if len(part) >= SHORTEST)}
    for part in parts:
        if len(part) >= SHORTEST or not part.isascii():
            for encode_as in ENCODINGS.values():
                spelled = encode_as(part)
                yield spelled.strip("'")
                yield json.dumps(spelled)[1:-1]


def found_in(data: bytes, case: Case) -> list[str]:
    """Return what of a case's person stands in what left."""
    text = data.decode("utf-8", "replace").lower()
    return [s for secret in case.secrets for s in dict.fromkeys(spellings(secret)) if len(s) >= 2 and s.lower() in text]


class Product:
    """The invented product with `event`, and what it spooled, case by case."""

    def __init__(self, spool: Path, index: Index) -> None:
        self.spool = spool
        self._read: dict[Path, int] = {}
        event.start(spool, load(core()), index, product=("benchmarks._raising",), strict=False)

    def error(self, fault: BaseException) -> bytes:
        """Report an error by `event.error`; return what reached the disk."""
        event.error(fault)
        return self.fresh()

    def fresh(self) -> bytes:
        """Return what was written since the last look, without the check sums of frames, whose digits are chance."""
        data = b""
        for path in sorted(self.spool.rglob("*")):
            if path.is_file() and path.stat().st_size > self._read.get(path, 0):
                with path.open("rb") as file:
                    file.seek(self._read.get(path, 0))
                    data += file.read()
                self._read[path] = path.stat().st_size
        return re.sub(rb"\x1e[0-9a-f]{8} ", b"\x1e", data)


def installation(folder: Path, index: Index) -> Home:
    """Return an installation whose product is the invented one, with everything approved; it sends nothing."""
    file = folder / "index.json"
    file.write_bytes(encode(index))
    filled = {"mode": "on", "corporate": "", "batch_messages": 1000, "timeout_s": 20}
    config = places.write_settings(folder, "https://corporate.example", "sha256:" + "0" * 64, **filled)
    text = config.read_text().splitlines()
    pinned = f'index = {{ file = "{file}", sha256 = "{index.hash}" }}'
    config.write_text("\n".join(pinned if line.startswith("index = ") else line for line in text) + "\n")
    wanted = settings.read(config, os.environ)
    make_home(wanted)
    home = open_home(wanted)
    now = datetime.now(UTC)
    consenting.approve(home, None, "os:1000", "security", "the board", now)
    switching.apply(home, now)
    return home


def taken(home: Home) -> int:
    """Let the installation take the spool and seal it; return how many messages went into batches."""
    count = 0
    while True:
        now = datetime.now(UTC)
        intake.take(home, now)
        sealed = sum(made.messages for made in sealing.seal_waiting(home, now))
        if not sealed:
            home.close()
            return count
        count += sealed


class Kept(Transport):
    """A transport that keeps the bytes that sentry-sdk would send."""

    def __init__(self) -> None:
        super().__init__({})
        self.data = b""

    def capture_envelope(self, envelope: Any) -> None:
        """Keep an envelope."""
        self.data += envelope.serialize()


def captured(case: Case, fault: BaseException, client: sentry_sdk.Client) -> None:
    """Capture an exception as a product does that tells Sentry much."""
    given, family, mail, phone, street, card, token = case.secrets
    with sentry_sdk.new_scope() as scope:
        scope.set_client(client)
        scope.set_user({"id": mail, "username": given, "email": mail, "ip_address": "203.0.113.7"})
        scope.set_tag("customer", family)
        scope.set_tag(given, card)
        scope.set_context("patient", {given: street, "card": card})
        scope.set_extra("letter", f"{given} {family}, {street}")
        scope.add_breadcrumb(message=f"{given} called {phone}", category=given, data={"q": token})
        scope.set_transaction_name(f"/patients/{family}/{given}")
        scope.fingerprint = [mail]
        scope.add_event_processor(_with_request(case))
        with contextlib.suppress(Exception):  # sentry-sdk calls properties of exceptions, and some of ours raise
            scope.capture_exception(fault)


def _with_request(case: Case) -> Any:
    given, _family, mail, phone, _street, card, token = case.secrets

    def add(found: dict[str, Any], _hint: Any) -> dict[str, Any]:
        found["release"] = ".".join(filter(None, phone.replace("+", "").split()))
        found["server_name"] = given
        found["request"] = {
            "url": f"https://{given}.example/{mail}?card={card}",
            "headers": {"User-Agent": f"Chrome/{phone.replace(' ', '')}", "Cookie": token, given: mail},
            "data": {given: card},
            "env": {"REMOTE_ADDR": "203.0.113.7"},
        }
        return found

    return add


def useful(data: bytes) -> bool:
    """Say whether what left has type, a place of the product, and words."""
    for line in data.split(b"\x1e"):
        start = line.find(b"[")
        if start < 0:
            continue
        with contextlib.suppress(ValueError):
            _, message = json.loads(line[start:])
            log = message["error_log"]
            typed = log["chain"][0]["type"] != "<type>"
            return (
                typed
                and any(inside for _, inside in log["frames"])
                and any("code_text" in link for link in log["chain"])
            )
    return False


class Corpus:
    """Runs cases and counts."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self.peer = Kept()
        self._client = sentry_sdk.Client(dsn="https://0@localhost/1", transport=self.peer, send_default_pii=False)
        self._ours = sentry_sdk.Client(transport=event.SentryTransport(), send_default_pii=True)
        self.counts: dict[str, Counter[str]] = defaultdict(Counter)
        self.leaks: list[str] = []
        self.useful: Counter[bool] = Counter()

    def run(self, case: Case, twin: Case) -> None:
        """Run one case; `twin` is the same mistake with another person's data."""
        fault = caught(lambda _: case.call(), None)
        if fault is None:
            return
        counts = self.counts[case.channel]
        counts["cases"] += 1
        left = self.product.error(fault)
        if case.in_product and not is_compiled(fault):
            self.useful[useful(left)] += 1
        self._judge("event.error", case, twin, left)
        if counts["cases"] % EVERY == 0:
            self.peer.data = b""
            captured(case, fault, self._client)
            counts["beside"] += 1
            counts["sentry-sdk"] += bool(found_in(self.peer.data, case))
            captured(case, fault, self._ours)
            self._judge("SentryTransport", case, twin, self.product.fresh())

    def search(self, folder: Path, count: int) -> None:
        """Look through everything on disk for what is unmistakable of every person: mail, card, token."""
        wanted: dict[str, str] = {}
        for case in _cases.cases(count, SEED):
            for secret in (case.secrets[2], *case.secrets[5:]):
                wanted |= {encode_as(secret).lower()[:12]: secret for encode_as in ENCODINGS.values()}
        for name, data in on_disk(folder):
            text = data.decode("utf-8", "replace").lower()
            found = {wanted[text[at : at + 12]] for at in range(len(text) - 11) if text[at : at + 12] in wanted}
            if found:
                self.counts["on disk"]["leaks"] += len(found)
                self.leaks.append(f"{name}: {sorted(found)[:3]}")

    def _judge(self, way: str, case: Case, twin: Case, left: bytes) -> None:
        found = found_in(left, case)
        if found:
            alike = self._alike(way, twin)
            found = [one for one in found if one.lower() not in alike]
        if found:
            self.counts[case.channel]["leaks"] += 1
            self.leaks.append(f"{way}, {case.channel}, {case.locale}, {case.encoding}: {found[:3]} in {left[:600]!r}")

    def _alike(self, way: str, twin: Case) -> str:
        """Return what leaves, in small letters, when the same happens to somebody else."""
        fault = caught(lambda _: twin.call(), None)
        if fault is None:
            return ""
        if way == "event.error":
            return self.product.error(fault).decode("utf-8", "replace").lower()
        captured(twin, fault, self._ours)
        return self.product.fresh().decode("utf-8", "replace").lower()


def planted() -> list[str]:
    """Return what is planted and not found: a person in what left, plain and in each encoding."""
    missed = []
    case = next(iter(_cases.cases(1, SEED)))
    for name, encode_as in ENCODINGS.items():
        data = json.dumps({"a": encode_as(case.secrets[2])}).encode()
        missed += [] if found_in(data, case) else [name]
    return missed


def on_disk(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield every file under a folder, and what is compressed in it as far as it can be told."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            yield str(path), data
            for magic, opened in ((b"\x28\xb5\x2f\xfd", _zstd), (b"\x1f\x8b", _gzip)):
                at = data.find(magic)
                while at >= 0:
                    yield f"{path}@{at}", opened(data[at:])
                    at = data.find(magic, at + 1)


def _zstd(data: bytes) -> bytes:
    with contextlib.suppress(zstandard.ZstdError):
        return zstandard.ZstdDecompressor().decompressobj().decompress(data)
    return b""


def _gzip(data: bytes) -> bytes:
    with contextlib.suppress(zlib.error):
        return zlib.decompressobj(31).decompress(data)
    return b""


def index_of_product() -> Index:
    """Return the index of the invented product: its modules, and what these import."""
    folder = Path(_raising.__file__).parent
    with tempfile.TemporaryDirectory() as name:
        package = Path(name) / "benchmarks"
        package.mkdir()
        (package / "__init__.py").write_bytes((folder / "__init__.py").read_bytes())
        (package / "_raising.py").write_bytes((folder / "_raising.py").read_bytes())
        return build([package], "invented 1.0.0", ["sqlalchemy", "psycopg", "urllib3", "marshmallow"])


def main() -> int:
    """Print the tables; exit with 1 when anything is not as it must be."""
    goals = Goals(arguments(__doc__ or ""))
    count = 1_100 if goals.quick else 21_000
    print(machine("sentry-sdk", "sqlalchemy"))
    with tempfile.TemporaryDirectory() as name:
        index = index_of_product()
        home = installation(Path(name), index)
        product = Product(home.settings.spool.folder, index)
        if missed := planted():
            print(f"planted leaks were not found: {missed}")
            return 1
        corpus = Corpus(product)
        for case, twin in zip(_cases.cases(count, SEED), _twins(count), strict=True):
            corpus.run(case, twin)
        records = taken(home)
        corpus.search(Path(name), count)
    print(f"{records:,} messages were taken into the database and sealed into the ledger")
    return _report(corpus, goals)


def _twins(count: int) -> Iterator[Case]:
    """Yield the same cases of other people: the same seed, and everybody's letters moved on."""
    yield from _cases.cases(count, SEED, moved=True)


def _report(corpus: Corpus, goals: Goals) -> int:
    rows = [
        [channel, *(f"{counts[key]:,}" for key in ("cases", "leaks", "beside", "sentry-sdk"))]
        for channel, counts in corpus.counts.items()
    ]
    together: Counter[str] = sum(corpus.counts.values(), Counter())
    rows.append(["**together**", *(f"{together[key]:,}" for key in ("cases", "leaks", "beside", "sentry-sdk"))])
    print(table("Cases", ("channel", "cases", "that leaked", "beside", "leaked by sentry-sdk"), rows))
    for leak in corpus.leaks[:20]:
        print(leak)
    percent = 100 * corpus.useful[True] / max(corpus.useful.total(), 1)
    if not goals.quick:
        goals.hold("cases", together["cases"], GOAL_CASES, at_most=False)
    goals.hold("cases that leaked, and one", 1 + together["leaks"], 1, at_most=True)
    goals.hold("raises of the product with type, place and words, %", percent, GOAL_USEFUL, at_most=False)
    return goals.end()


if __name__ == "__main__":
    sys.exit(main())
