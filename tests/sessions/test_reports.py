"""Reports that browsers send are reduced to words of lists; whatever else is in them is read past."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.types import NO_ROUTE
from diffgram_home.browser import reports, routing
from diffgram_home.browser.reports import Report, path, position, read, values

PAGE = "https://shop.example/project/17?patient=Rose#top"
JSON, CSP = "application/reports+json", "application/csp-report"


def one(kind: str, **body: Any) -> Report:
    entry = {"type": kind, "age": 7, "url": PAGE, "user_agent": "Mozilla/5.0 Rose", "body": body}
    found = read(JSON, json.dumps([entry]).encode())
    assert found is not None
    assert found[0] is not None
    return found[0]


BLOCKED = "https://evil.example/rose?token=4111"
SEEN: list[tuple[Report, dict[str, Any]]] = [
    (
        one(
            "csp-violation",
            effectiveDirective="script-src-elem",
            blockedURL=BLOCKED,
            disposition="enforce",
            sample="Rose",
        ),
        {
            "type": "csp",
            "directive": "script-src-elem",
            "disposition": "enforce",
            "blocked": "site",
            "blocked_site": BLOCKED,
        },
    ),
    (
        one("csp-violation", effectiveDirective="style-src-attr", blockedURL="inline", disposition="report"),
        {"type": "csp", "directive": "style-src-attr", "disposition": "report", "blocked": "inline"},
    ),
    (one("deprecation", id="UnloadHandler", message="Rose"), {"type": "deprecation", "id": "UnloadHandler"}),
    (one("intervention", id="NavigatorVibrate"), {"type": "intervention", "id": "NavigatorVibrate"}),
    (one("crash", reason="oom", stack="Rose"), {"type": "crash", "cause": "oom"}),
    (
        one("permissions-policy-violation", featureId="camera", disposition="enforce"),
        {"type": "permissions-policy", "feature": "camera", "disposition": "enforce"},
    ),
    (
        one("document-policy-violation", policyId="unsized-media", disposition="report"),
        {"type": "document-policy", "feature": "unsized-media", "disposition": "report"},
    ),
    (
        one("coep", type="worker initialization", blockedURL="data:text/html,Rose", disposition="reporting"),
        {"type": "coep", "cause": "worker-initialization", "disposition": "report", "blocked": "data"},
    ),
    (
        one("coop", type="navigation-to-response", disposition="enforce", openerURL="https://x.example/rose"),
        {"type": "coop", "cause": "navigation-to-response", "disposition": "enforce"},
    ),
    (
        one("network-error", type="dns.name_not_resolved", server_ip="192.0.2.1", referrer="https://x.example/rose"),
        {"type": "network-error", "cause": "dns.name_not_resolved"},
    ),
    (
        one("integrity-violation", destination="script", reportOnly=True, blockedURL="https://cdn.example/a.js"),
        {"type": "integrity", "cause": "script", "disposition": "report", "blocked": "site"}
        | {"blocked_site": "https://cdn.example/a.js"},
    ),
]


@pytest.mark.parametrize(("report", "expected"), SEEN, ids=[str(n) for n in range(len(SEEN))])
def test_each_type_of_the_reporting_api_has_its_words(report: Report, expected: dict[str, Any]) -> None:
    assert values(report, "", "/", "chrome") == expected | {"route": "/", "browser": "chrome"}


def test_a_report_by_report_uri_is_the_same_in_other_spelling() -> None:
    inner = {
        "document-uri": PAGE,
        "violated-directive": "script-src-elem https://self.example",
        "blocked-uri": "eval",
        "disposition": "enforce",
        "source-file": "https://shop.example/static/shop.js?v=1",
        "line-number": 3,
        "column-number": 14,
        "script-sample": "alert('Rose')",
    }
    (found,) = read(CSP, json.dumps({"csp-report": inner}).encode()) or [None]
    assert found is not None
    expected = {"type": "csp", "directive": "script-src-elem", "disposition": "enforce", "blocked": "eval"}
    assert values(found, "", NO_ROUTE, "other") == expected | {"route": NO_ROUTE, "browser": "other"}
    assert (position(found), path(found), found.site) == ("shop.js:3:14", "/project/17", "https://shop.example")


def test_what_only_would_have_been_stopped_is_no_error_of_the_session() -> None:
    assert [report.broke for report, _ in SEEN] == [
        *(True, False, False, True, True, True),
        *(False, False, True, True, False),
    ]


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[", b"null", b"17", b'"x"', b"{}", b'{"csp-report": []}', b'{"csp-report": 1}', b"\xff\xfe"),
        *(b"[" * 100_000, b'{"a":' * 50_000, b"[" + b"{}," * 100 + b"{}]", b'[{"type": 1}'),
    ],
)
def test_what_is_no_report_is_none(body: bytes) -> None:
    assert read(CSP, body) is None
    assert read(JSON, body) is None or body in (b"[]",)


@pytest.mark.parametrize(
    "entry",
    [
        *(None, 7, "x", [], {}, {"type": "csp-violation"}, {"type": "csp-violation", "url": PAGE}),
        *({"type": "unheard-of", "url": PAGE, "body": {}}, {"type": "crash", "url": PAGE, "body": []}),
        {"type": ["crash"], "url": PAGE, "body": {}},
    ],
)
def test_an_entry_that_is_none_takes_no_other_with_it(entry: object) -> None:
    good = {"type": "crash", "url": PAGE, "body": {"reason": "oom"}}
    found = read(JSON, json.dumps([entry, good]).encode())
    assert found is not None
    assert (found[0], found[1] is not None) == (None, True)


VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=40), st.lists, max_leaves=4)
KEYS = st.sampled_from(
    (
        *("effectiveDirective", "blockedURL", "sourceFile", "lineNumber", "columnNumber", "disposition", "id"),
        *("featureId", "policyId", "reason", "type", "destination", "reportOnly", "violatedDirective"),
    )
)


@given(st.sampled_from(sorted(reports.TYPES)), st.text(max_size=60), st.dictionaries(KEYS, VALUES))
def test_whatever_stands_in_a_report_nothing_is_raised(kind: str, url: str, body: dict[str, Any]) -> None:
    found = read(JSON, json.dumps([{"type": kind, "url": url, "body": body}]).encode())
    assert found is not None
    report = found[0]
    assert report is not None
    assert set(values(report, "", NO_ROUTE, "other")) <= {
        *("type", "route", "browser", "directive", "feature", "id", "cause", "disposition", "blocked", "blocked_site"),
    }
    assert isinstance(report.broke, bool)
    assert isinstance(report.site + path(report) + position(report), str)


RULES = (
    *("/", "/project/<int:project_id>", "/project/new", "/user/<name>", "/files/<path:where>"),
    *("/project/<int:project_id>/task/<uuid:task>", "/price/<float:price>"),
)


@pytest.mark.parametrize(
    ("address", "rule"),
    [
        ("/", "/"),
        ("/project/17", "/project/<int:project_id>"),
        ("/project/new", "/project/new"),
        ("/project/rose", NO_ROUTE),
        ("/project/17/", NO_ROUTE),
        ("/user/rose", "/user/<name>"),
        ("/user/", NO_ROUTE),
        ("/files/a/b/c.txt", "/files/<path:where>"),
        ("/files/", NO_ROUTE),
        ("/price/1.5", "/price/<float:price>"),
        ("/project/١٧", NO_ROUTE),
        ("", NO_ROUTE),
        ("/" * 50, NO_ROUTE),
    ],
)
def test_an_address_becomes_its_rule(address: str, rule: str) -> None:
    assert routing.rule_of(RULES, address) == rule
