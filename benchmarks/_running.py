"""Runs the cases of the corpus by every way in, and judges what each left.

`Product` is the invented product in this process, with `event`, its handler and sentry-sdk. Whatever a case leaves
anywhere is in the spool when the call, or the answer, is back, so it is judged there, case by case.
"""

import contextlib
import json
import logging
import re
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import sentry_sdk
from sentry_sdk.transport import Transport

import event
from audit.catalogue import core, load
from audit.index import Index
from benchmarks import _logging
from benchmarks._asked import Asked
from benchmarks._cases import Case
from benchmarks._installed import Installed
from benchmarks._judging import is_compiled
from benchmarks._mistaken import as_version
from benchmarks._person import Person
from benchmarks._spelled import found_in
from benchmarks._stores import Wanted
from benchmarks._tallying import caught

BESIDE_EVERY = 4
_NOWHERE = "https://0@localhost/1"
_CHECK_SUM = re.compile(rb"\x1e[0-9a-f]{8} ")


class Kept(Transport):
    """A transport that keeps what sentry-sdk would send."""

    def __init__(self) -> None:
        super().__init__({})
        self.data, self.document = b"", {}

    def capture_envelope(self, envelope: Any) -> None:
        """Keep an envelope."""
        self.data += envelope.serialize()
        self.document = envelope.get_event() or self.document

    def taken(self) -> bytes:
        """Return what was kept, and forget it."""
        data, self.data = self.data, b""
        return data


class Product:
    """The invented product with `event`; `fresh` is what it, or anybody, spooled since the last look."""

    def __init__(self, spool: Path, index: Index) -> None:
        self.spool = spool
        self._read: dict[Path, int] = {}
        event.start(spool, load(core()), index, product=("benchmarks._raising", "benchmarks._logging"), strict=False)
        self.logger = logging.getLogger("product")
        logging.captureWarnings(True)
        for logger in (self.logger, _logging.logger, logging.getLogger("py.warnings")):
            logger.handlers[:], logger.propagate = [event.Handler(logging.DEBUG)], False
            logger.setLevel(logging.DEBUG)

    def error(self, fault: BaseException) -> None:
        """Report an error by `event.error`."""
        event.error(fault)

    def fresh(self) -> bytes:
        """Return what was written since the last look, without the check sums of frames, whose digits are chance."""
        data = b""
        for path in sorted(self.spool.rglob("*")):
            with contextlib.suppress(FileNotFoundError):
                size = path.stat().st_size if path.is_file() else 0
                if size > self._read.get(path, 0):
                    with path.open("rb") as file:
                        file.seek(self._read.get(path, 0))
                        data += file.read()
                    self._read[path] = size
        return _CHECK_SUM.sub(b"\x1e", data)


def useful(data: bytes) -> bool:
    """Say whether what left has type, a place of the product, and words."""
    for line in data.split(b"\x1e"):
        start = line.find(b"[")
        with contextlib.suppress(ValueError, KeyError):
            log = json.loads(line[start:])[1]["error_log"] if start >= 0 else {}
            if log:
                inside = any(within for _, within in log["frames"])
                return log["chain"][0]["type"] != "<type>" and inside and any("code_text" in x for x in log["chain"])
    return False


class Run:
    """Runs cases and counts."""

    def __init__(self, site: Installed, product: Product, wanted: Wanted) -> None:
        self.site, self.product, self.wanted = site, product, wanted
        self.by_channel: dict[str, Counter[str]] = defaultdict(Counter)
        self.by_way: dict[str, Counter[str]] = defaultdict(Counter)
        self.leaks: list[str] = []
        self.useful: Counter[bool] = Counter()
        self._peer, self._told = Kept(), Kept()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # the newest SDK has a finer option besides
            self._beside = sentry_sdk.Client(dsn=_NOWHERE, transport=self._peer, send_default_pii=False)
            self._tells = sentry_sdk.Client(dsn=_NOWHERE, transport=self._told, send_default_pii=True)
            self._ours = sentry_sdk.Client(transport=event.SentryTransport(), send_default_pii=True)
        self._ways: Mapping[str, Callable[[BaseException, Person], object]] = {
            "event.SentryTransport": lambda fault, who: captured(fault, who, self._ours),
            "the Sentry endpoint, envelope": lambda fault, who: self._envelope(fault, who),
            "event.Handler, exceptions": self._logged,
            "the Sentry endpoint, store": lambda fault, who: self._store(fault, who),
        }

    def run(self, case: Case, twin: Case) -> None:
        """Run one case; `twin` is the same mistake with another person's data."""
        self.wanted.add(case.who)
        counts = self.by_channel[case.channel]
        if case.asks is not None:
            counts["cases"] += 1
            self._judge("the browser's ways" if "/browser/" in case.asks.path else case.channel, case, twin)
            return
        if case.logs is not None:
            counts["cases"] += 1
            self._judge("event.Handler", case, twin)
            return
        fault = caught(lambda _: case.raises and case.raises(), None)
        if fault is None:
            return
        counts["cases"] += 1
        left = self._judge("event.error", case, twin)
        if case.in_product and not is_compiled(fault):
            self.useful[useful(left)] += 1
        self._judge(list(self._ways)[counts["cases"] % len(self._ways)], case, twin)
        if counts["cases"] % BESIDE_EVERY == 0:
            captured(fault, case.who, self._beside)
            counts["beside"] += 1
            counts["sentry-sdk"] += bool(found_in(self._peer.taken(), case.who.secrets()))

    def _judge(self, way: str, case: Case, twin: Case) -> bytes:
        """Let a case go a way; return what it left. What leaves as often with another's data is nobody's."""
        self.by_way[way]["cases"] += 1
        left = self._go(way, case)
        found = found_in(left, case.who.secrets())
        if found:
            alike = self._go(way, twin).lower()
            found = +Counter({s: count - alike.count(s) for s, count in found.items()})
        if found:
            self.by_channel[case.channel]["leaks"] += 1
            self.by_way[way]["leaks"] += 1
            self.leaks.append(
                f"{way}, {case.channel}, {case.locale}, {case.encoding}: {list(found)[:3]} in {left[:600]!r}"
            )
        return left

    def _go(self, way: str, case: Case) -> bytes:
        if case.asks is not None:
            self.by_way[way][f"answered {self.site.ask(case.asks)}"] += 1
        elif case.logs is not None:
            case.logs()
        else:
            fault = caught(lambda _: case.raises and case.raises(), None)
            if fault is not None:
                self._ways.get(way, lambda fault, _who: self.product.error(fault))(fault, case.who)
        return self.product.fresh()

    def _envelope(self, fault: BaseException, who: Person) -> None:
        captured(fault, who, self._tells)
        self._ask("/api/NUMBER/envelope/", self._told.taken())

    def _store(self, fault: BaseException, who: Person) -> None:
        captured(fault, who, self._tells)
        self._told.taken()
        self._ask("/api/NUMBER/store/", json.dumps(self._told.document, default=repr).encode())

    def _ask(self, path: str, body: bytes) -> None:
        self.site.ask(Asked(path, body, {"Content-Type": "application/x-sentry-envelope"}))

    def _logged(self, fault: BaseException, who: Person) -> None:
        self.product.logger.error("it failed for %s", who.given, exc_info=fault, extra={who.family: who.mail})


def captured(fault: BaseException, who: Person, client: sentry_sdk.Client) -> None:
    """Capture an exception as a product does that tells Sentry much."""
    with sentry_sdk.new_scope() as scope:
        scope.set_client(client)
        scope.set_user({"id": who.mail, "username": who.given, "email": who.mail, "ip_address": "203.0.113.7"})
        scope.set_tag("customer", who.family)
        scope.set_tag(who.given, who.card)
        scope.set_context("patient", {who.given: who.street, "card": who.card, "born": who.born})
        scope.set_extra("letter", f"{who.given} {who.family}, {who.street}, {who.town}, {who.number}, {who.word}")
        scope.add_breadcrumb(message=f"{who.given} called {who.phone}", category=who.given, data={"q": who.token})
        scope.set_transaction_name(f"/patients/{who.family}/{who.given}")
        scope.fingerprint = [who.mail]
        scope.add_event_processor(_with_request(who))
        with contextlib.suppress(Exception):  # sentry-sdk calls properties of exceptions, and some of ours raise
            scope.capture_exception(fault)


def _with_request(who: Person) -> Any:
    def add(found: dict[str, Any], _hint: Any) -> dict[str, Any]:
        found["release"] = as_version(who.phone)
        found["server_name"] = who.given
        found["request"] = {
            "url": f"https://{who.given}.example/{who.mail}?card={who.card}",
            "headers": {"User-Agent": f"Chrome/{who.phone.replace(' ', '')}", "Cookie": who.token, who.given: who.mail},
            "data": {who.given: who.card},
            "env": {"REMOTE_ADDR": "203.0.113.7"},
        }
        return found

    return add
