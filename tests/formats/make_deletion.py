"""The golden files of requests and of statements of deletion, for `make_golden`."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from audit import catalogue, deletion, gate, signed
from tests.audit import samples

NOW = datetime(2026, 11, 21, 14, 1, 5, tzinfo=UTC)
INSTALLATION = samples.INSTALLATION


def request():
    """A request to delete a case, and its bytes."""
    asked = gate.Request(deletion.KIND, INSTALLATION, NOW, 12, "ab" * 32, {"scope": "case", "case": "event"})
    return asked, gate.make_request(asked, catalogue.load(catalogue.core()))


def write(golden, put, key):
    """Write requests, and corporate's statements of what was deleted; `put` and `key` are make_golden's."""
    asked, good = request()
    (golden / "deletion").mkdir(parents=True)
    put("request/good.asked", good, "delete a case", accepted=True)
    for name, data, brief, code, path in (
        ("no-line-feed", good[:-1], "cut before its line feed", "malformed", ""),
        ("two-lines", good + good, "two requests", "malformed", ""),
        ("a-space", good.replace(b",", b", ", 1), "a space that no value needs", "malformed", ""),
        ("other-order", good.replace(b'{"at"', b'{"case":"event","at"', 1), "a key twice",
         "malformed", ""),
        ("no-time", good.replace(b'"at":"2026-11-21T14:01:05Z",', b""), "no time", "malformed",
         f"{deletion.KIND}.at"),
        ("more", good.replace(b'"scope"', b'"patient":"Rose","scope"'), "an undeclared member", "undeclared",
         f"{deletion.KIND}.<undeclared>"),
        ("text-for-a-choice", good.replace(b'"scope":"case"', b'"scope":"all of it"'), "a scope outside the list",
         "undeclared", f"{deletion.KIND}.scope.<undeclared>"),
        ("no-request", good.replace(b"deletion-asked", b"error"), "a kind that is no request", "undeclared",
         "<undeclared>"),
    ):  # fmt: skip
        put(f"request/{name}.asked", data, brief, accepted=False, code=code, path=path)
    corporate, other = key("deletions of corporate"), key("somebody else")
    (golden / "deletion/keys.jwks").write_text(json.dumps({"keys": [signed.to_jwk(corporate.public_key())]}) + "\n")
    (golden / "deletion/asked.line").write_bytes(good)
    hashes = [hashlib.sha256(str(n).encode()).hexdigest() for n in (1, 2, 3, 7)]
    lanes = (deletion.lane("event", zip((1, 2, 3, 7), hashes, strict=True)),)
    made = deletion.Deletion(
        INSTALLATION, hashlib.sha256(good).hexdigest(), deletion.scope_of(asked), 12, NOW, lanes, 2,
        {"batch": 4, "message": 9}, ("sha256", "sequence", "receipt"), NOW + timedelta(days=35), "overwritten",
    )  # fmt: skip

    def raw(typ=signed.DELETION, **change):
        ring = signed.ring(corporate.public_key())
        text = json.loads(signed.verify(deletion.issue(made, corporate), ring, signed.DELETION))
        lane = text["batches"][0] | {k: v for k, v in change.items() if k in text["batches"][0]}
        rest = {k: v for k, v in change.items() if k not in lane}
        payload = json.dumps(text | {"batches": [lane]} | rest, sort_keys=True, separators=(",", ":")).encode()
        return signed.sign(payload, corporate, typ)

    def put_statement(name, text, brief, **expected):
        put(f"deletion/{name}.statement", text.encode(), brief, **expected)

    put_statement("good", deletion.issue(made, corporate), "four batches of a case", accepted=True)
    nothing = replace(made, lanes=(), counts={}, already=4)
    put_statement("nothing-left", deletion.issue(nothing, corporate), "it was deleted before", accepted=True)
    malformed = "deletion-malformed"
    for name, text, brief, code in (
        ("other-key", deletion.issue(made, other), "signed by somebody else", "key-unknown"),
        ("receipt-typ", raw(signed.RECEIPT), "signed for another purpose", "type-refused"),
        ("more-counted", raw(count=5), "counts more than it numbers", malformed),
        ("hash-left-out", raw(hashes=hashes[:3]), "a hash is left out of the list", malformed),
        ("hash-changed", raw(hashes=[*hashes[:3], "0" * 64]), "a hash was changed in the list", malformed),
        ("numbers-fall", raw(numbers="7,1-3"), "numbers that do not ascend", malformed),
        ("erased-somehow", raw(erased="somehow"), "a word outside the list", malformed),
        ("more", raw(host="rose-ward-3"), "a member more", malformed),
        ("other-request", raw(request="c" * 64), "answers another request", "deletion-differs"),
        ("other-scope", raw(scope={"batch": None, "case": "browser", "field": None, "from": None, "until": None,
                                   "what": "case"}), "names another case than was asked", "deletion-differs"),
    ):  # fmt: skip
        put_statement(name, text, brief, accepted=False, code=code)
