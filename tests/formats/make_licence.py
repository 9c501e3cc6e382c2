"""The golden files of licences, for `make_golden`: each is all that is held somewhere, judged there at one time."""

import json
from datetime import timedelta

from audit import signed
from audit.canonical import canonical
from licensing import licence
from tests.licensing import samples
from tests.licensing.samples import DAY, ELSEWHERE, FRESH, KEY, LIST_KEY, START, claims, issued, listed, made, spelt

TERM = START + 365 * DAY
SECOND = timedelta(seconds=1)


def write(golden, put):
    """Write the keys, and one file for each way in which a licence counts or does not; `put` is make_golden's."""
    folder = golden / "licence"
    folder.mkdir(parents=True)
    for name, key in (("licences", KEY), ("withdrawals", LIST_KEY)):
        (folder / f"{name}.jwks").write_text(json.dumps({"keys": [signed.to_jwk(key.public_key())]}) + "\n")

    def case(name, brief, code, at, licences, lists=(), *, valid=False, **place):
        here = {"product": "annotator", "environment": "production", "installation": samples.HERE} | place
        held = {"at": spelt(at), "licences": licences, "place": here, "withdrawals": list(lists)}
        put(f"licence/{name}.case", (json.dumps(held, indent=1) + "\n").encode(), brief, accepted=valid, code=code)

    _dates(case)
    _withdrawn(case)
    _places(case)
    _broken(case)


def write_usage(golden, put):
    """Write records of usage, good and broken."""
    folder = golden / "usage"
    folder.mkdir(parents=True)
    key, other = samples.key("installation"), samples.key("another installation")
    (folder / "keys.jwks").write_text(json.dumps({"keys": [signed.to_jwk(key.public_key())]}) + "\n")
    good = {
        "counts": {"annotations": {"2026-10": 81_234, "2026-11": 512}, "seats": {"term": 41}},
        "format": "diffgram-usage/1", "installation": "c" * 32, "licence": samples.LICENCE,
        "previous": "d" * 64, "recorded_at": spelt(START), "sequence": 7,
    }  # fmt: skip
    for name, brief, changed, code in (
        ("good", "two periods without a receipt, and a counter of the term", {}, None),
        ("first", "the first record", {"previous": None, "sequence": 1}, None),
        ("no-previous", "not the first, and none before it", {"previous": None}, "MALFORMED"),
        ("no-period", "a month that does not exist", {"counts": {"annotations": {"2026-13": 1}}}, "MALFORMED"),
        ("below-zero", "a count below zero", {"counts": {"annotations": {"term": -1}}}, "MALFORMED"),
        ("a-name", "a counter with somebody's name", {"counts": {"Rose": {"term": 1}}}, "MALFORMED"),
        ("more", "a member too many", {"patient": "Rose"}, "MALFORMED"),
        ("newer-format", "a later version of the format", {"format": "diffgram-usage/2"}, "FORMAT_UNSUPPORTED"),
    ):
        token = signed.sign(canonical(good | changed), key, signed.USAGE)
        stated = {"accepted": code is None} | ({"code": code} if code else {})
        put(f"usage/{name}.jws", token.encode(), brief, **stated)
    for name, brief, typ, signer, code in (
        ("other-key", "signed by another installation", signed.USAGE, other, "KEY_UNKNOWN"),
        ("receipt-typ", "a document of another purpose", signed.RECEIPT, key, "SIGNATURE_INVALID"),
    ):
        put(f"usage/{name}.jws", signed.sign(canonical(good), signer, typ).encode(), brief, accepted=False, code=code)


def _dates(case):
    one = issued()
    case("good", "within its term", "VALID", START, [one], valid=True)
    case("soon", "thirty days before the end of its term", "EXPIRES_SOON", TERM - 30 * DAY, [one], valid=True)
    case("last-second", "the last second of its term", "EXPIRES_SOON", TERM - SECOND, [one], valid=True)
    case("grace", "the term has ended", "GRACE", TERM, [one], valid=True)
    case("expired", "grace has ended", "EXPIRED", TERM + 30 * DAY, [one])
    case("not-yet", "a second before its first", "NOT_YET_VALID", START - SECOND, [one])
    short = issued(file_expires=spelt(START + 60 * DAY))
    case(
        "file-soon",
        "thirty days before the end of the file",
        "FILE_EXPIRES_SOON",
        START + 30 * DAY,
        [short],
        valid=True,
    )
    case("file-expired", "the file has ended, the term has not", "FILE_EXPIRED", START + 60 * DAY, [short])
    case(
        "newer-file",
        "the file has ended, and a newer one is there",
        "VALID",
        START + 60 * DAY,
        [issued(sequence=2), short],
        valid=True,
    )
    case("renewed-to-less", "the highest sequence counts, though it grants less", "EXPIRED", START + 3 * DAY,
         [issued(sequence=2, license_expires=spelt(START + DAY), exp=spelt(START + 2 * DAY)), one])  # fmt: skip


def _withdrawn(case):
    one, fresh = issued(), issued(freshness=FRESH)
    for state in ("suspended", "revoked", "superseded", "transferred"):
        case(state, f"{state} since its first day", state.upper(), START, [one], [listed(1, START, (state, START))])
    announced = listed(1, START, ("revoked", START + 10 * DAY))
    case("announced", "revoked, from ten days later on", "VALID", START, [one], [announced], valid=True)
    again = [listed(3, START + DAY), listed(2, START, ("suspended", START))]
    case("reinstated", "a newer list without the entry", "VALID", START + DAY, [one], again, valid=True)
    case(
        "older-list",
        "an older list without the entry",
        "SUSPENDED",
        START + DAY,
        [one],
        [listed(2, START, ("suspended", START)), listed(1, START + DAY)],
    )
    case("stale-soon", "no news for thirty days", "STATUS_STALE_SOON", START + 30 * DAY, [fresh], valid=True)
    case("stale", "no news for ninety days", "STATUS_STALE", START + 90 * DAY, [fresh])
    case("news", "news ten days ago", "VALID", START + 90 * DAY, [fresh], [listed(1, START + 80 * DAY)], valid=True)


def _places(case):
    one = issued()
    case("another-product", "of another product", "PRODUCT_SCOPE_MISMATCH", START, [one], product="viewer")
    case("for-tests", "for tests, in production", "ENVIRONMENT_SCOPE_MISMATCH", START, [issued(environment="test")])
    case("elsewhere", "bound to another", "FINGERPRINT_SCOPE_MISMATCH", START, [one], installation=ELSEWHERE)
    case("unbound", "bound to none", "VALID", START, [issued(installations=[])], installation=ELSEWHERE, valid=True)


def _broken(case):
    one = issued()
    head, body, signature = one.split(".")

    def spoilt(typ=signed.LICENCE, key=KEY, **changed):
        return signed.sign(canonical(claims(made()) | changed), key, typ)

    case("nothing", "nothing was loaded", "NOT_FOUND", START, [])
    case(
        "changed",
        "one character of the claims",
        "SIGNATURE_INVALID",
        START,
        [f"{head}.{'A' if body[40] != 'A' else 'B'}{body[1:]}.{signature}"],
    )
    case("receipt", "a document of another purpose", "SIGNATURE_INVALID", START, [spoilt(signed.RECEIPT)])
    case("other-key", "signed by a key that is not for licences", "KEY_UNKNOWN", START, [spoilt(key=LIST_KEY)])
    case(
        "newer-format",
        "a later version of the format",
        "FORMAT_UNSUPPORTED",
        START,
        [spoilt(format="diffgram-licence/2")],
    )
    case("more", "a member too many", "MALFORMED", START, [spoilt(more=1)])
    case(
        "text",
        "an entitlement of free text",
        "MALFORMED",
        START,
        [spoilt(entitlements={"note": {"limited": "", "type": "text", "value": "x"}}, thresholds={})],
    )
    case(
        "takes-the-data",
        "an entitlement to one's own data",
        "MALFORMED",
        START,
        [spoilt(entitlements={"export-data": {"limited": False, "type": "flag", "value": True}}, thresholds={})],
    )
    case(
        "more-when-limited",
        "more when limited than before",
        "MALFORMED",
        START,
        [spoilt(entitlements={"seats": {"limited": 9, "type": "limit", "value": 5}}, thresholds={})],
    )
    case("dates", "its grace ends before its term", "MALFORMED", START, [spoilt(exp=spelt(START + DAY))])
    case(
        "hasty",
        "limits ten days after it warns that news are missing",
        "MALFORMED",
        START,
        [spoilt(freshness={"limit_days": 40, "warn_days": 30})],
    )
    case("broken-beside-good", "a broken one beside a good one", "VALID", START, [spoilt(more=1), one], valid=True)
    case(
        "list-of-a-stranger",
        "a list that the key for licences signed",
        "VALID",
        START,
        [one],
        [signed.sign(b"{}", KEY, signed.WITHDRAWALS)],
        valid=True,
    )
    assert licence.read(one, signed.ring(KEY.public_key())) == made()  # fmt: skip
