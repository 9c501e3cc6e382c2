"""A small product catalogue, an index, and rules made from them, for the tests of the gate."""

from dataclasses import replace
from datetime import UTC, datetime

import msgspec

from audit import catalogue, consent, gate, index, modes

NOW = datetime(2026, 11, 21, 14, 1, 5, tzinfo=UTC)
CODEC = gate.Codec(msgspec.json.encode, msgspec.json.decode)
CODEC_OF_LINES = gate.Codec(
    msgspec.json.encode, msgspec.json.decode, msgspec.json.Encoder().encode_lines, msgspec.json.Decoder().decode_lines
)
INSTALLATION = "3f2a9c41d7e84b06a5b1c0ffee123456"

FIELD = """
[field.{name}]
kinds = {kinds}
{params}
purpose = ["improve"]
brief = "something counted for the tests of this project"
sensitivity = "technical"
identifies = "nobody"
retention_days = 30
owner = "tests@diffgram.example"
since = "1.0.0"
expires = "{expires}"
if_off = "nothing stops working"
"""
KINDS = """[catalogue]
namespace = "shop"
[kind."shop/order-placed"]
case = "event"
brief = "an order was placed by somebody"
since = "1.0.0"
[kind."shop/page-seen"]
case = "browser"
brief = "a page was looked at by somebody"
since = "1.0.0"
"""
TYPED = {
    "at": 'type = "instant"\nprecision = "second"\nexample = "2026-11-21T14:01:05Z"\n'
    'transforms = ["coarser:minute", "coarser:hour", "coarser:day"]',
    "order_id": 'type = "id"\nmaximum = 1000\nexample = 7\ntransforms = ["suppress:2", "suppress:4", "drop-rare:3"]',
    "items": 'type = "count"\nunit = "items"\nmaximum = 99\nexample = 3\n'
    'transforms = ["round:10", "round:50", "bucket:5,20", "suppress:3"]',
    "took": 'type = "bucket"\nunit = "ms"\nbounds = [50, 200]\nexample = "<50"\ntransforms = ["bucket:200"]',
    "paid": 'type = "flag"\nexample = true\ntransforms = ["suppress:3"]',
    "way": 'type = "choice"\nchoices = ["card", "cash"]\nexample = "card"\ntransforms = ["suppress:3", "drop-rare:3"]',
    "day": 'type = "instant"\nprecision = "day"\nexample = "2026-11-21"',
    "release": 'type = "version"\nexample = "1.25.3"',
    "where": 'type = "place"\nexample = "shop:buy:12"',
    "looks": 'type = "shape"\nexample = ["email"]',
    "route": 'type = "route"\nexample = "/order/<int:id>"',
}
GOOD = {
    "at": "2026-11-21T14:00:59Z",
    "order_id": 7,
    "items": 3,
    "took": "<50",
    "paid": True,
    "way": "card",
    "day": "2026-11-20",
    "release": "1.25.3",
    "where": "shop:buy:12",
    "looks": ["email", "integer(4)"],
    "route": "/order/<int:id>",
}
INDEX = index.new(
    "shop 1.0.0", {"shop": {"buy": ((10, 20),)}}, frozenset({"ValueError"}), frozenset({"/order/<int:id>"})
)


def product(expires: str = "2028-11-01", **changed: str) -> catalogue.Source:
    """Return the catalogue file of the made-up product `shop`; `changed` replaces the typed part of a field."""
    parts = {**TYPED, **changed}
    fields = [
        FIELD.format(name=name, params=params, expires=expires, kinds='["shop/order-placed"]')
        for name, params in parts.items()
    ]
    seen = FIELD.format(name='"seen.at"', params=TYPED["at"], expires=expires, kinds='["shop/page-seen"]')
    return catalogue.Source("shop.toml", KINDS + "".join(fields) + seen)


def load(*sources: catalogue.Source) -> catalogue.Catalogue:
    """Return core and product together."""
    return catalogue.load(catalogue.core(), *(sources or (product(),)))


def choosing(found: catalogue.Catalogue | None = None, **words: str) -> consent.Consent:
    """Return consent to everything, with these transforms for fields of the product, by key."""
    return replace(
        consent.to((found or load()).fields.values()), transforms={f"shop.{key}": word for key, word in words.items()}
    )


def rules(found: catalogue.Catalogue | None = None, allowed: consent.Consent | None = None, **cases: str) -> gate.Rules:
    """Return rules that approve everything and have `event` on, unless told otherwise."""
    found = found or load()
    wanted = cases or {"event": "on", "browser": "on"}
    switched, _ = modes.advance(modes.ALL_OFF, wanted, modes.effective(found, wanted, {}), 0)
    return gate.Rules(found, INDEX, allowed or consent.to(found.fields.values()), switched)


def header(sequence: int = 1, case: str = "event", **changed: object) -> gate.Header:
    """Return a header sealed at NOW."""
    return gate.Header(INSTALLATION, case, sequence, NOW, 4, "ab" * 32, **changed)  # type: ignore[arg-type]


def collected(generation: int = 1, kind: str = "shop/order-placed", **changed: object) -> gate.Collected:
    """Return a message with every field of the product, some replaced, or left out by `...`."""
    message = {key: value for key, value in {**GOOD, **changed}.items() if value is not ...}
    return gate.Collected(generation, {"kind": kind, **message})
