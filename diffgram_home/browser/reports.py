"""Reports that browsers send by themselves, read by their formats and reduced to the catalogue's words.

Three forms: the Reporting API, `application/reports+json`, a list of reports (v0 by `Report-To` and v1 by
`Reporting-Endpoints` alike), and `application/csp-report`, one object (CSP 2 `report-uri`). Of each report there are
left: its type; a word of a closed list for directive, feature, id or cause; whether something was really stopped; what
was blocked as a word, or a host; a position if it is one of a shipped bundle; and the route of the page. Addresses,
samples, messages, referrers, user agents and server addresses are read past.

Rules: pure; whatever the body is, the answer is a list or None, and nothing of it is in an error. A report that is none
is None in the list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from diffgram_home.browser.report_words import TYPES

KIND: Final = "home/browser-report"
MOST_BYTES: Final = 128 * 1024
MOST_REPORTS: Final = 100
REPORTS: Final = frozenset({"application/reports+json"})
CSP: Final = frozenset({"application/csp-report", "application/json"})
CONTENT: Final = REPORTS | CSP
LONGEST: Final = 2048
GROUP: Final = "diffgram-home"
"""What the headers call this installation."""
MAX_AGE_S: Final = 7 * 24 * 3600
_SCHEMES: Final = {
    **{scheme: scheme for scheme in ("data", "blob", "about", "filesystem")},
    **dict.fromkeys(("chrome-extension", "moz-extension", "safari-web-extension", "safari-extension"), "extension"),
}
_KEYWORDS: Final = frozenset({"inline", "eval", "wasm-eval", "trusted-types-policy", "trusted-types-sink", "self"})
_CAUSES: Final = {
    "crash": "reason",
    "coep": "type",
    "coop": "type",
    "network-error": "type",
    "integrity": "destination",
}
_HARMLESS: Final = frozenset({"deprecation"})


@dataclass(frozen=True, slots=True, repr=False)
class Report:
    """One report as it was sent, the part that is looked at. Lives as long as the request."""

    type: str
    url: str
    body: Mapping[str, Any]

    @property
    def site(self) -> str:
        """The origin of the page that it is about, or nothing."""
        try:
            parts = urlsplit(self.url)
        except ValueError:
            return ""
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower() if parts.netloc else ""

    @property
    def broke(self) -> bool:
        """Whether something was really stopped or failed: the session had an error then."""
        return self.type not in _HARMLESS and _disposition(self) != "report"


def read(content: str, data: bytes) -> list[Report | None] | None:
    """The reports in a body of this content type, None for each that cannot be read; None when the body is none."""
    try:
        document = msgspec.json.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    if content in REPORTS and type(document) is list and len(document) <= MOST_REPORTS:
        return [_report(entry) for entry in document]
    inner = document.get("csp-report") if content in CSP and type(document) is dict else None
    if type(inner) is not dict:
        return None
    return [Report("csp", _text(inner.get("document-uri")), {_CAMEL.get(key, key): inner[key] for key in inner})]


def values(report: Report, place: str, route: str, browser: str) -> dict[str, Any]:
    """The values of one report; `event` reduces each by its declared type, to `other` what is on no list."""
    body = report.body
    told: dict[str, Any] = {"type": report.type, "route": route, "browser": browser}
    if report.type == "csp":
        told["directive"] = _text(body.get("effectiveDirective") or body.get("violatedDirective")).partition(" ")[0]
    elif report.type in ("permissions-policy", "document-policy"):
        told["feature"] = _text(body.get("featureId") or body.get("policyId"))
    elif report.type in ("deprecation", "intervention"):
        told["id"] = _text(body.get("id"))
    else:
        told["cause"] = _text(body.get(_CAUSES[report.type])).replace(" ", "-")
    if (disposition := _disposition(report)) != "":
        told["disposition"] = disposition
    if blocked := _text(body.get("blockedURL")):
        told |= _blocked(blocked)
    if place:
        told["place"] = place
    return told


def position(report: Report) -> str:
    """`file:line:column` of what the report is about, without folders, host and query; nothing where it has none."""
    source = _text(report.body.get("sourceFile"))
    line, column = report.body.get("lineNumber"), report.body.get("columnNumber")
    if not source or type(line) is not int or type(column) is not int:
        return ""
    try:
        return f"{urlsplit(source).path.rpartition('/')[2]}:{line}:{column}"
    except ValueError:
        return ""


def path(report: Report) -> str:
    """The path of the page's address, to find its route by; never kept."""
    try:
        return urlsplit(report.url).path
    except ValueError:
        return ""


def headers(project: str, origin: str) -> dict[str, str]:
    """The headers of the product's answers with which browsers report here, by name; `origin` without a last slash."""
    address = f"{origin}/browser/{project}/reports"
    group = {"group": GROUP, "max_age": MAX_AGE_S, "endpoints": [{"url": address}]}
    failures = {"report_to": GROUP, "max_age": MAX_AGE_S, "failure_fraction": 1.0}
    return {
        "Reporting-Endpoints": f'{GROUP}="{address}", default="{address}"',
        "Report-To": msgspec.json.encode(group).decode(),
        "NEL": msgspec.json.encode(failures).decode(),
        "Content-Security-Policy-Report-Only": f"default-src 'self'; report-uri {address}; report-to {GROUP}",
        "Permissions-Policy-Report-Only": f"camera=();report-to={GROUP}, microphone=();report-to={GROUP}",
        "Cross-Origin-Opener-Policy-Report-Only": f'same-origin; report-to="{GROUP}"',
        "Cross-Origin-Embedder-Policy-Report-Only": f'require-corp; report-to="{GROUP}"',
        "Integrity-Policy-Report-Only": f"blocked-destinations=(script), endpoints=({GROUP})",
    }


_CAMEL: Final = {
    "blocked-uri": "blockedURL",
    "effective-directive": "effectiveDirective",
    "violated-directive": "violatedDirective",
    "source-file": "sourceFile",
    "line-number": "lineNumber",
    "column-number": "columnNumber",
}


def _report(entry: object) -> Report | None:
    if type(entry) is not dict or type(entry.get("type")) is not str or type(entry.get("url")) is not str:
        return None
    kind, body = TYPES.get(entry["type"]), entry.get("body")
    if kind is None or type(body) is not dict:
        return None
    return Report(kind, _text(entry["url"]), body)


def _disposition(report: Report) -> str:
    """`enforce`, `report`, or nothing where the type has none."""
    said = report.body.get("disposition")
    if type(said) is str:
        return "report" if said in ("report", "reporting") else "enforce"
    if report.type == "integrity":
        return "report" if report.body.get("reportOnly") is True else "enforce"
    return ""


def _blocked(address: str) -> dict[str, str]:
    """What was blocked: a keyword, an address by its scheme, or the host that it named."""
    if address in _KEYWORDS or address in _SCHEMES:
        return {"blocked": _SCHEMES.get(address, address)}
    scheme, colon, _ = address.partition(":")
    if colon and scheme.lower() in _SCHEMES:
        return {"blocked": _SCHEMES[scheme.lower()]}
    if scheme.lower() in ("http", "https", "ws", "wss") and "//" in address:
        return {"blocked": "site", "blocked_site": address}
    return {"blocked": "other"}


def _text(value: object) -> str:
    """A text of bearable length, or nothing."""
    return value if type(value) is str and len(value) <= LONGEST else ""
