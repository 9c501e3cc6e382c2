"""What pages, browsers and SDKs of other languages send over HTTP, with a person's data wherever there is room for it.

Each maker returns a request. Addresses that begin with `/api/NUMBER/` are those of a DSN, whose key the sender adds.
"""

import json
import random
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks import _logging
from benchmarks._mistaken import as_version
from benchmarks._person import Person

PROJECT, ORIGIN = "shop", "https://shop.example"
ROUTES = frozenset({"/", "/patient/<int:id>", "/search"})
SCRIPT, LINES, LONGEST = "shop.js", 40, 120
"""The script of the product that the index has, its lines and the longest of them."""
LANGUAGES = ("javascript", "node", "java", "ruby", "php", "csharp", "go", "native", "python", "other")
REPORTS = (
    *("csp-violation", "deprecation", "intervention", "crash", "permissions-policy-violation", "coep", "coop"),
    *("document-policy-violation", "network-error", "integrity-violation", "csp-hash", "patient"),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request; headers are written in Latin 1, what is not in it percent-encoded, as clients must."""

    path: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"


def _percent(text: str) -> str:
    return urllib.parse.quote(text, safe=" :/@()+;.,-=&?")


def _headers(text: str, who: Person, content: str) -> dict[str, str]:
    """What goes with every request; user agents lie in many ways."""
    agent = f"Mozilla/5.0 ({who.family}; {who.given}) Chrome/{as_version(who.phone)} Version/{who.phone} {text}"
    return {
        "Origin": ORIGIN,
        "Content-Type": content,
        "User-Agent": _percent(agent),
        "Referer": _percent(f"{ORIGIN}/{who.family}?{text}"),
        "Cookie": _percent(f"session={who.token}; {who.given}={who.mail}"),
        "Authorization": f"Bearer {who.token}",
        "Accept-Language": _percent(who.given),
        "X-Forwarded-For": _percent(who.phone),
        _percent(f"X-{who.family}").replace("%", "-").replace(" ", "-"): _percent(text),
    }


def _errors(text: str, who: Person, chance: random.Random) -> Asked:
    """What home.js tells of errors, by a page that hides nothing."""
    names = ("TypeError", f"{who.family}Error", who.given, "BasketError")
    frames = [f"{SCRIPT}:4:20", f"{who.family}.js:1:1", f"{SCRIPT}:{who.card[:4]}:{who.card[5:9]}", text[:100]]
    problem = {
        "kind": "error",
        "how": chance.choice(("error", "rejection", "console", who.given[:20])),
        "name": chance.choice(names)[:100],
        "message": text[:500],
        "frames": frames,
        "element": who.family[:40],
        "route": chance.choice(("/patient/<int:id>", f"/patient/{who.given}", f"/search?q={text}"))[:200],
    }
    return _told(problem, text, who, chance)


def _visits(text: str, who: Person, chance: random.Random) -> Asked:
    """What home.js tells of visits. The public host of a referrer is declared to leave, so none is a person."""
    strange = urllib.parse.quote(f"{who.given}-laptop").replace("%", "").lower()[:60]
    referrers = (
        *(f"https://{who.given}:{who.token}@search.example/{text}?{who.mail}", text, who.token, who.word, strange),
        *(who.card.replace(" ", ""), as_version(who.phone), f"{strange}.local", f"{strange}.internal", who.given),
        *(f"mailto:{who.mail}", f"tel:{who.phone}", f"//{who.card.replace(' ', '.')}", f"{who.word}.lan"),
    )
    routes = ("/search", f"/search?{text}", f"/{who.family}", text, "/patient/" + who.card.replace(" ", ""))
    visit = {"kind": "visit", "route": chance.choice(routes)[:200], "seconds": chance.randrange(4_000)}
    return _told({**visit, "referrer": chance.choice(referrers)[:253]}, text, who, chance)


def _told(item: Mapping[str, Any], text: str, who: Person, chance: random.Random) -> Asked:
    release = chance.choice(("1.0.0", as_version(who.phone), who.token[:20]))
    body = {"v": 1, "release": release, "viewport": 2, "items": [item, {"kind": who.given, text: who.mail}]}
    return Asked(
        f"/browser/{PROJECT}/", json.dumps(body | {who.family: text}).encode(), _headers(text, who, "text/plain")
    )


def _reports(text: str, who: Person, chance: random.Random) -> Asked:
    """What browsers report by themselves, of a page whose address, policy and code have the person in them."""
    page = f"{ORIGIN}/patient/{urllib.parse.quote(who.family)}?q={urllib.parse.quote(text)}#{who.token}"
    blocked = chance.choice(
        (
            *("inline", f"data:text/plain,{text}", f"https://cdn.example/{text}?{who.mail}", who.word, text),
            *(f"http://{who.card.replace(' ', '')}/x", f"https://192.168.1.7/{who.given}", f"wss://{who.token}/"),
        )
    )
    words = {
        "effectiveDirective": chance.choice(("img-src", who.given, text)),
        "blockedURL": blocked,
        "sample": text,
        "documentURL": page,
        "referrer": f"{ORIGIN}/{who.mail}",
        "sourceFile": f"{ORIGIN}/{who.family}/{SCRIPT}",
        "lineNumber": 4,
        "columnNumber": 20,
        "message": text,
        "stack": text,
        "originalPolicy": text,
        "body": text,
        "id": chance.choice(("UnloadHandler", who.given)),
        "featureId": who.given,
        "policyId": text,
        "reason": who.family,
        "type": text,
        "destination": who.given,
        "statusCode": 200,
        who.given: text,
        "server_ip": "192.0.2.7",
        "openerURL": page,
        "disposition": chance.choice(("report", "enforce", text)),
    }
    headers = _headers(text, who, "application/reports+json")
    if chance.randrange(3):
        entry = {"type": chance.choice(REPORTS), "age": 7, "url": page, "user_agent": text, "body": words}
        return Asked(f"/browser/{PROJECT}/reports", json.dumps([entry, {**entry, "url": text}]).encode(), headers)
    old = {"document-uri": page, "blocked-uri": blocked, "violated-directive": f"{who.given} {text}"}
    old |= {"source-file": page, "line-number": 4, "column-number": 20, "script-sample": text, "referrer": page}
    headers |= {"Content-Type": "application/csp-report"}
    return Asked(f"/browser/{PROJECT}/reports", json.dumps({"csp-report": old}).encode(), headers)


def _agents(text: str, who: Person, chance: random.Random) -> Asked:
    """A ping, whose address, body and headers nobody asked for."""
    headers, path = (
        _headers(text, who, text.encode("ascii", "ignore").decode().strip() or "x"),
        f"/browser/{PROJECT}/ping",
    )
    headers |= {"Content-Type": _percent(headers["Content-Type"]).replace("\n", " ")}
    if chance.randrange(2):
        return Asked(path, f"{text} {who.mail}".encode(), headers)
    query = urllib.parse.urlencode({who.given: text, "mail": who.mail})
    wrong = chance.choice(("", "/nowhere"))  # gunicorn at debug writes paths; as the product runs it, it does not
    return Asked(f"{path}{wrong}?{query}", b"", headers, "GET")


def _languages(text: str, who: Person, chance: random.Random) -> Asked:
    """What SDKs of other languages tell, and what is in an envelope besides."""
    frame = {
        "module": who.family,
        "function": who.given,
        "lineno": 4,
        "colno": 20,
        "vars": {who.given: text},
        "filename": f"https://{who.given}/{who.family}/{SCRIPT}?{text}",
        "abs_path": text,
        "context_line": text,
    }
    thrown = {
        "type": chance.choice(("TypeError", "java.lang.IllegalStateException", who.family)),
        "value": text,
        "module": who.given,
        "stacktrace": {"frames": [frame, {**frame, "filename": SCRIPT}]},
        "mechanism": {"type": text, "data": {who.given: text}, "handled": False},
    }
    document = {
        "event_id": who.token.ljust(32, "0"),
        "platform": chance.choice((*LANGUAGES, who.given)),
        "logger": text,
        "exception": {"values": [thrown]},
        "message": text,
        "release": as_version(who.phone),
        "dist": who.number,
        "environment": who.family,
        "user": {"id": who.number, "email": who.mail, "name": who.given},
        "tags": {who.given: who.card},
        "extra": {text: who.mail},
        "contexts": {who.family: {"x": text}},
        "transaction": f"/{who.family}",
        "server_name": who.given,
        "fingerprint": [who.mail],
        "modules": {text: "1"},
        "breadcrumbs": [{"message": text}],
        "request": {"url": text, "headers": {who.given: who.token}},
    }
    headers = _headers(text, who, "application/x-sentry-envelope")
    if chance.randrange(4) == 0:
        return Asked("/api/NUMBER/store/", json.dumps(document).encode(), headers)
    others = {
        "session": {"sid": who.token, "did": who.mail, "init": True, "attrs": {"release": as_version(who.phone)}},
        "client_report": {"discarded_events": [{"reason": text, "category": who.given, "quantity": 3}]},
        "attachment": {"filename": f"{who.family}.pdf", "data": text},
        "transaction": {"transaction": text, "spans": [{"description": who.mail}]},
        who.given: {"log": text},
    }
    kind = chance.choice(list(others))
    return Asked("/api/NUMBER/envelope/", envelope(("event", document), (kind, others[kind])), headers)


def _records(text: str, who: Person, chance: random.Random) -> Asked:
    """Log records by OTLP's JSON and by Sentry's SDKs, some of them at lines of the product."""
    function = chance.choice(list(_logging.SAID.values()))
    line = function.__code__.co_firstlineno + 1
    stack = (
        "Traceback (most recent call last):\n"
        f'  File "/srv/{who.family}/benchmarks/_raising.py", line 30, in {who.given}\n'
        f"    raise {who.family}({text!r})\n{who.family}.{who.given}: {text}\n"
    )
    told: dict[str, Any] = {
        "code.file.path": f"/srv/{who.family}/benchmarks/_logging.py",
        "code.function.name": function.__name__,
        "code.line.number": line,
        "exception.type": chance.choice(("ValueError", who.family)),
        who.given: who.mail,
        "exception.message": text,
        "exception.stacktrace": stack,
        "enduser.id": who.number,
        "url.full": text,
        "logger.name": chance.choice(("benchmarks.logging", who.family)),
        "sentry.message.template": text,
        "sentry.release": as_version(who.phone),
        "sentry.sdk.name": who.given,
        "user.email": who.mail,
    }
    body = chance.choice((text, f"member {text} opened project {who.mail!r}", f"called back: {who.phone}"))
    if chance.randrange(2):
        attributes = {key: {"value": value, "type": "string"} for key, value in told.items()}
        record = {
            "timestamp": 1.0,
            "level": chance.choice(("error", who.given)),
            "body": body,
            "attributes": attributes,
        }
        item = {"items": [{**record, "trace_id": who.token}]}
        return Asked("/api/NUMBER/envelope/", envelope(("log", item)), _headers(text, who, "text/plain"))
    pairs = [{"key": key, "value": _value(value)} for key, value in told.items()]
    record = {"severityNumber": 17, "severityText": who.given, "body": _value(body), "attributes": pairs, who.given: 1}
    scope = {"scope": {"name": chance.choice(("benchmarks.logging", who.family))}, "logRecords": [record]}
    resource = {"service.version": as_version(who.phone), "host.name": who.given, "telemetry.sdk.language": "python"}
    within = {"attributes": [{"key": key, "value": _value(value)} for key, value in resource.items()]}
    document = {"resourceLogs": [{"resource": within, "scopeLogs": [scope], "schemaUrl": text}]}
    return Asked("/api/NUMBER/v1/logs", json.dumps(document).encode(), _headers(text, who, "application/json"))


def _value(value: str | int) -> dict[str, str]:
    return {"intValue": str(value)} if type(value) is int else {"stringValue": str(value)}


def envelope(*items: tuple[str, Any]) -> bytes:
    """Return an envelope of these items."""
    lines = [b"{}"]
    for kind, content in items:
        data = json.dumps(content).encode()
        lines += [json.dumps({"type": kind, "length": len(data)}).encode(), data]
    return b"\n".join(lines)


ASKED: Mapping[str, Callable[[str, Person, random.Random], Asked]] = {
    "errors of pages": _errors,
    "visits of pages": _visits,
    "reports of browsers": _reports,
    "pings and user agents": _agents,
    "SDKs of other languages": _languages,
    "log records over HTTP": _records,
}
