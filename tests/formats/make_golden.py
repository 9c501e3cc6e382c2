"""Writes the golden files. Run by hand when a format gets a new case, and read the difference before committing it:

    python -m tests.formats.make_golden

A file that stands already is what the format says: if its bytes change, the format changed. Keys are made from words,
so that a reader can make them too; they protect nothing.
"""

import base64
import hashlib
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zlib import crc32

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from audit import (
    catalogue,
    checkpoint,
    consent,
    export,
    gate,
    incident,
    index,
    instructions,
    modes,
    receipt,
    release,
    signed,
    support,
)
from tests.audit import samples
from tests.audit.ledgers import whole
from tests.formats import make_carried, make_deletion, make_licence

GOLDEN = Path(__file__).parent / "golden"
NOW = datetime(2026, 11, 21, 14, 1, 5, tzinfo=UTC)
INSTALLATION = samples.INSTALLATION
ORIGIN = "st-mary-hospital.example/ledger"
CODEC = samples.CODEC


def key(word):
    """Return the Ed25519 key whose seed is the SHA-256 of a word."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(word.encode()).digest())


def put(name, data, brief, **expected):
    """Write a golden file and its expectation."""
    path = GOLDEN / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    lines = [f"brief = {json.dumps(brief)}", *(f"{word} = {json.dumps(value)}" for word, value in expected.items())]
    path.with_name(path.name + ".toml").write_text("\n".join(lines) + "\n")


def batches():
    """Batches for the small frozen catalogue that lies beside them."""
    folder = GOLDEN / "batch"
    folder.mkdir(parents=True)
    core, shop = catalogue.core().text, samples.product().text
    (folder / "core.catalogue").write_text(core)
    (folder / "shop.catalogue").write_text(shop)
    (folder / "shop.index").write_bytes(index.encode(samples.INDEX))
    found = catalogue.load(catalogue.Source("core", core), catalogue.Source("shop", shop))
    switched, _ = modes.advance(modes.ALL_OFF, {"event": "on"}, modes.effective(found, {"event": "on"}, {}), 0)
    rules = gate.Rules(found, samples.INDEX, consent.to(found.fields.values()), switched)
    head = gate.Header(INSTALLATION, "event", 7, NOW, 12, "ab" * 32)
    good = gate.seal([samples.collected(), samples.collected(order_id=8)], head, rules, CODEC).body
    first, one, two = good.decode().splitlines()
    put("batch/good.ndjson", good, "two messages", accepted=True)
    void = gate.void(gate.Header(INSTALLATION, "event", 7, NOW, 12, "ab" * 32, "withdrawn"), rules, CODEC).body
    put("batch/void.ndjson", void, "a number that carries nothing: header only, with the reason", accepted=True)

    def broken(name, lines, brief, code, path):
        body = lines if isinstance(lines, bytes) else "".join(f"{line}\n" for line in lines).encode()
        put(f"batch/{name}.ndjson", body, brief, accepted=False, code=code, path=path)

    undeclared = "<undeclared>"
    kind = "shop/order-placed"
    broken("no-line-feed", good[:-1], "cut before its last line feed", "malformed", "")
    broken("empty", b"", "nothing at all", "malformed", "")
    broken("carriage-return", good.replace(b"\n", b"\r\n"), "lines end in CR LF", "malformed", "")
    broken(
        "empty-line",
        [first.replace('"messages":2', '"messages":3'), one, "", two],
        "an empty line between messages",
        "malformed",
        "",
    )
    broken("a-space", [first, one.replace(",", ", ", 1), two], "a space that no value needs", "malformed", "")
    broken("a-key-twice", [first, one[:-1] + ',"order_id":8}', two], "a key stands twice", "malformed", "")
    broken("an-escape", [first, one.replace("card", "c\\u0061rd"), two], "a letter spelt as escape", "malformed", "")
    broken("a-float", [first, one.replace(":7,", ":7.0,"), two], "a count as 7.0", "undeclared",
           f"{kind}.order_id.{undeclared}")  # fmt: skip
    broken("a-list-line", [first, one, "[]"], "a line that is no object", "malformed", "")
    broken("not-utf-8", good.replace(b"card", b"c\xffrd", 1), "a byte that is no UTF-8", "malformed", "")
    broken("other-format", [first.replace("batch/1", "batch/2"), one, two], "a later format", "undeclared",
           f"home/header.format.{undeclared}")  # fmt: skip
    broken("header-more", [first[:-1] + ',"host":"rose-ward-3"}', one, two], "an undeclared key in the header",
           "undeclared", f"home/header.{undeclared}")  # fmt: skip
    broken("header-less", [first.replace(f'"installation":"{INSTALLATION}",', ""), one, two], "no installation",
           "malformed", "home/header.installation")  # fmt: skip
    broken("count-differs", [first, one], "fewer messages than the header says", "malformed", "home/header.messages")
    broken("void-with-messages", [first[:-1] + ',"void":"mode"}', one, two], "a void that carries messages",
           "malformed", "home/header.messages")  # fmt: skip
    broken("sequence-zero", [first.replace('"sequence":7', '"sequence":0'), one, two], "numbers begin at 1",
           "undeclared", f"home/header.sequence.{undeclared}")  # fmt: skip
    broken("other-catalogue", [first.replace(found.hash, "0" * 64), one, two], "sealed by another catalogue",
           "other-catalogue", "home/header")  # fmt: skip
    broken("undeclared-kind", [first, one, two.replace(kind, "shop/person-met")], "a kind no catalogue declares",
           "undeclared", undeclared)  # fmt: skip
    broken("undeclared-key", [first, one, two[:-1] + ',"customer_name":"Rose Price"}'], "a key no catalogue declares",
           "undeclared", f"{kind}.{undeclared}")  # fmt: skip
    broken("other-case", [first.replace('"case":"event"', '"case":"browser"'), one, two], "a kind of another case",
           "undeclared", undeclared)  # fmt: skip
    broken("text-for-a-choice", [first, one.replace('"card"', '"Rose"'), two], "a choice outside the list",
           "undeclared", f"{kind}.way.{undeclared}")  # fmt: skip
    broken("text-for-a-place", [first, one.replace("shop:buy:12", "shop:Rose:1"), two], "a place outside the index",
           "undeclared", f"{kind}.where.{undeclared}")  # fmt: skip
    broken("birth-date", [first, one.replace("2026-11-20", "1961-11-20"), two], "an instant 65 years before sealing",
           "undeclared", f"{kind}.day.{undeclared}")  # fmt: skip
    words = {"at": "coarser:hour", "items": "round:10", "way": "suppress:3"}
    coarse = gate.Rules(found, samples.INDEX, samples.choosing(found, **words), switched)
    given = [samples.collected(items=count, way=way) for count, way in
             [(7, "card"), (-1, "card"), (31, "card"), (99, "cash"), (40, "other"), (5, "cash")]]  # fmt: skip
    under = gate.seal(given, head, coarse, CODEC).body
    put("batch/transforms.ndjson", under, "hours, tens, and no value that fewer than three share", accepted=True)
    told, *rest = under.decode().splitlines()
    broken("finer-than-told", [told, rest[0].replace('"items":0', '"items":7'), *rest[1:]],
           "a count of 7 where the header says round:10", "undeclared", f"{kind}.items.{undeclared}")  # fmt: skip
    broken("rarer-than-told", [told, *rest[:2], rest[2].replace(',"way":"card"', ""), *rest[3:]],
           "two share a value where the header says suppress:3", "undeclared", f"{kind}.way.{undeclared}")  # fmt: skip
    broken("transform-not-permitted", [told.replace("round:10", "round:7"), *rest],
           "a transform that the definition does not permit", "undeclared",
           f"home/header.transforms.{undeclared}")  # fmt: skip
    broken("transforms-out-of-order", [told.replace('"shop.at":"coarser:hour",', "").replace(
        '"suppress:3"}', '"suppress:3","shop.at":"coarser:hour"}'), *rest],
           "fields not in the order of their names", "undeclared", f"home/header.transforms.{undeclared}")  # fmt: skip
    silent = void.decode().replace('"messages":0,', '"messages":0,"transforms":{"shop.items":"round:10"},')
    broken("void-with-transforms", silent.encode(), "a void that tells transforms", "malformed",
           "home/header.messages")  # fmt: skip
    broken("long-line", [first, one, two[:-1] + ',"way":"' + "x" * 16_384 + '"}'], "a line over 16,384 bytes",
           "malformed", "")  # fmt: skip


def receipts():
    """Receipts, the key that corporate signs them with, and what they are compared with."""
    corporate, other = key("receipts of corporate"), key("somebody else")
    sent = {"installation": INSTALLATION, "case": "event", "sequence": 7, "sha256": "b" * 64, "ledger_size": 12,
            "ledger_root": "ab" * 32}  # fmt: skip
    claims = sent | {"messages": 2, "received_at": NOW, "authenticated": "mtls+signature", "void": False,
                     "already": None}  # fmt: skip
    (GOLDEN / "receipt").mkdir(parents=True)
    (GOLDEN / "receipt/keys.jwks").write_text(json.dumps({"keys": [signed.to_jwk(corporate.public_key())]}) + "\n")
    (GOLDEN / "receipt/sent.header").write_text(json.dumps(sent | {"void": None}) + "\n")

    def token(signer=corporate, **changes):
        return receipt.issue(receipt.Receipt(**(claims | changes)), signer)

    def raw(change, typ=signed.RECEIPT):
        text = json.loads(signed.verify(token(), signed.ring(corporate.public_key()), signed.RECEIPT))
        payload = json.dumps(text | change, sort_keys=True, separators=(",", ":")).encode()
        return signed.sign(payload, corporate, typ)

    def headed(**change):
        head = {"alg": "Ed25519", "kid": signed.thumbprint(corporate.public_key()), "typ": signed.RECEIPT} | change
        text = base64.urlsafe_b64encode(json.dumps(head).encode()).rstrip(b"=").decode()
        body = token().split(".")[1]
        signature = base64.urlsafe_b64encode(corporate.sign(f"{text}.{body}".encode())).rstrip(b"=").decode()
        return f"{text}.{body}.{signature}"

    put("receipt/good.jws", token().encode(), "two messages, stored", accepted=True)
    put("receipt/signature-only.jws", token(authenticated="signature").encode(), "a proxy broke mutual TLS",
        accepted=True)  # fmt: skip
    put("receipt/by-hand.jws", token(authenticated="signature+by-hand").encode(), "the batch came in a file",
        accepted=True)  # fmt: skip
    for name, text, brief, code in (
        ("other-key", token(other), "signed by a key that the manifest does not name", "key-unknown"),
        ("changed", token().replace(token().split(".")[1], token(messages=3).split(".")[1]), "a claim was changed",
         "signature-wrong"),
        ("alg-none", headed(alg="none"), "no algorithm", "algorithm-refused"),
        ("alg-eddsa", headed(alg="EdDSA"), "the name that RFC 9864 deprecates", "algorithm-refused"),
        ("own-key", headed(jwk=signed.to_jwk(other.public_key())), "brings a key of its own", "header-refused"),
        ("crit", headed(crit=["exp"], exp=1), "an extension that must be understood", "header-refused"),
        ("batch-typ", raw({}, signed.BATCH), "signed for another purpose", "type-refused"),
        ("padded", token() + "==", "base64 with padding", "token-malformed"),
        ("more-claims", raw({"host": "rose-ward-3"}), "a claim more", "receipt-malformed"),
        ("later-format", raw({"format": "diffgram-receipt/2"}), "a later format", "receipt-malformed"),
        ("void-with-messages", raw({"void": True}), "a void number with messages", "receipt-malformed"),
        ("other-bytes", token(sha256="c" * 64), "speaks of other bytes", "receipt-differs"),
        ("other-sequence", token(sequence=8), "speaks of another number", "receipt-differs"),
        ("other-installation", token(installation="0" * 32), "speaks of another installation", "receipt-differs"),
        ("other-root", token(ledger_root="0" * 64), "repeats another checkpoint", "receipt-differs"),
        ("void", token(void=True, messages=0), "says void of a batch that was none", "receipt-differs"),
    ):  # fmt: skip
        put(f"receipt/{name}.jws", text.encode(), brief, accepted=False, code=code)


def checkpoints():
    """Signed notes, and the key line to check them with."""
    ours, witness = key("ledger of st mary"), key("a witness")
    root = hashlib.sha256(b"").digest()
    (GOLDEN / "checkpoint").mkdir(parents=True)
    (GOLDEN / "checkpoint/ledger.vkey").write_text(checkpoint.vkey(ORIGIN, ours.public_key()) + "\n")
    note = checkpoint.sign(ORIGIN, 1234, root, ours)
    text = note.partition("\n\n")[0]
    seen = checkpoint.sign("witness.example", 1234, root, witness).partition("\n\n")[2]

    def signed_text(changed):
        identity = checkpoint.key_id(ORIGIN, ours.public_key())
        mark = base64.b64encode(identity + ours.sign(changed.encode())).decode()
        return f"{changed}\n\u2014 {ORIGIN} {mark}\n"

    put("checkpoint/good.note", note.encode(), "1,234 leaves", accepted=True, size=1234, root=root.hex())
    put("checkpoint/witnessed.note", (note + seen).encode(), "with a line of a witness, which is passed over",
        accepted=True, size=1234, root=root.hex())  # fmt: skip
    put("checkpoint/empty.note", checkpoint.sign(ORIGIN, 0, root, ours).encode(), "the empty ledger", accepted=True,
        size=0, root=root.hex())  # fmt: skip
    for name, changed, brief, code in (
        ("unsigned", text + "\n\n", "no signature", "note-malformed"),
        ("hyphen", note.replace("\u2014", "-"), "a hyphen where the dash belongs", "note-malformed"),
        ("cut", note[:-1], "cut before its last line feed", "note-malformed"),
        ("carriage-return", note.replace("\n", "\r\n"), "lines end in CR LF", "note-malformed"),
        ("other-key", f"{text}\n\n{seen}", "signed by somebody else only", "key-unknown"),
        ("other-size", note.replace("1234", "1235"), "the size was changed", "signature-wrong"),
        ("both", note + signed_text(text.replace("1234", "1") + "\n").partition("\n\n")[2],
         "a good and a wrong signature of the same key", "signature-wrong"),
        ("leading-zero", signed_text(text.replace("1234", "01234") + "\n"), "a size with a leading zero",
         "checkpoint-malformed"),
        ("extension", signed_text(text + "\nmore\n"), "an extension line", "checkpoint-malformed"),
        ("hex-root", signed_text(f"{ORIGIN}\n1234\n{root.hex()}\n"), "the root in hexadecimal",
         "checkpoint-malformed"),
    ):  # fmt: skip
        put(f"checkpoint/{name}.note", changed.encode(), brief, accepted=False, code=code)


def frame(payload):
    """Return a spool record around any payload."""
    return b"\x1e%08x %b\n" % (crc32(payload), payload)


def spools():
    """Segments of the spool; `found` lists what a reader finds in order."""
    one = msgspec.json.encode([6, {"kind": "shop/order-placed", "at": "2026-11-21T14:00:59Z", "order_id": 7}])
    two = msgspec.json.encode([6, {"kind": "shop/order-placed", "at": "2026-11-21T14:01:00Z", "order_id": 8}])
    first, second = frame(one), frame(two)
    for name, data, brief, found in (
        ("good", first + second, "two records", ["record", "record"]),
        ("empty", b"", "nothing was written yet", []),
        ("torn-tail", first + second[:-7], "the writer was killed in its last record", ["record", "torn"]),
        ("torn-between", first[:-7] + second, "a torn record does not swallow the next", ["torn", "record"]),
        ("checksum", first.replace(b":7", b":9") + second, "a byte was changed", ["checksum", "record"]),
        ("upper-case-checksum", b"\x1e%08X %b\n" % (crc32(one), one) + second, "the checksum in capitals",
         ["checksum", "record"]),
        ("noise-before", b"what is this\n" + second, "bytes before the first record", ["noise", "record"]),
        ("zeros", first + b"\0" * 64 + second, "a stretch of zeros, as after a power failure",
         ["record", "noise", "record"]),
        ("not-json", frame(b"{]") + second, "checksum right, but no JSON", ["malformed", "record"]),
        ("no-word", frame(b'[{"kind":"shop/order-placed"}]') + second, "no switch word", ["malformed", "record"]),
        ("negative-word", frame(b'[-1,{"kind":"shop/order-placed"}]') + second, "an impossible switch word",
         ["malformed", "record"]),
        ("no-kind", frame(b'[6,{"order_id":7}]') + second, "a message without kind", ["malformed", "record"]),
    ):  # fmt: skip
        put(f"spool-record/{name}.spool", data, brief, found=found)


def enrolments():
    """The manifest, the request, and the root's fingerprint that was handed over out of band."""
    root, other, receipts_key = key("root of corporate"), key("somebody else"), key("receipts of corporate")
    (GOLDEN / "enrolment").mkdir(parents=True)
    mark = hashlib.sha256(root.public_key().public_bytes_raw()).hexdigest()
    (GOLDEN / "enrolment/root.fingerprint").write_text(f"sha256:{mark}\n")
    claims = {
        "corporate": "Diffgram",
        "version": 3,
        "issued_at": "2026-11-01T00:00:00Z",
        "expires_at": "2028-11-01T00:00:00Z",
        "keys": [
            {"purpose": "receipts", "jwk": signed.to_jwk(receipts_key.public_key())},
            {"purpose": "certificates", "certificate": authority()},
        ],
    }

    def made(signer=root, typ=signed.MANIFEST, shown=None, **changes):
        payload = json.dumps(claims | changes, sort_keys=True, separators=(",", ":")).encode()
        shown = signed.to_jwk((shown or root).public_key())
        return (json.dumps({"root": shown, "manifest": signed.sign(payload, signer, typ)}) + "\n").encode()

    more = [*claims["keys"], {"purpose": "licences", "jwk": signed.to_jwk(other.public_key())}]
    known = [{"purpose": one, "jwk": signed.to_jwk(key(f"{one} of corporate").public_key())}
             for one in ("deletions", "instructions", "catalogues")]  # fmt: skip
    twice = {"purpose": "deletions", "jwk": claims["keys"][0]["jwk"]}
    put("enrolment/good.manifest", made(), "the present manifest", accepted=True, version=3)
    put("enrolment/more-purposes.manifest", made(keys=more), "a purpose of a later release is passed over",
        accepted=True, version=3)  # fmt: skip
    put("enrolment/every-purpose.manifest", made(keys=[*claims["keys"], *known]), "a key for each purpose",
        accepted=True, version=3)  # fmt: skip
    for name, data, brief, code in (
        ("two-purposes", made(keys=[*claims["keys"], twice]), "one key for two purposes", "manifest-malformed"),
        ("other-root", made(other, shown=other), "another root than the pinned one", "root-differs"),
        ("forged", made(other), "shows our root, signed by another", "key-unknown"),
        ("receipt-typ", made(typ=signed.RECEIPT), "signed for another purpose", "type-refused"),
        ("expired", made(expires_at="2026-11-21T14:01:05Z"), "its date is over", "manifest-expired"),
        ("no-receipts-key", made(keys=claims["keys"][1:]), "no key for receipts", "manifest-malformed"),
        ("version-zero", made(version=0), "versions begin at 1", "manifest-malformed"),
        ("private-key", made(keys=[{"purpose": "receipts", "jwk": claims["keys"][0]["jwk"] | {"d": "A" * 43}}]),
         "a private key where a public one belongs", "key-malformed"),
        ("no-json", b"<html>please sign in</html>\n", "the answer of somebody else", "manifest-malformed"),
    ):  # fmt: skip
        put(f"enrolment/{name}.manifest", data, brief, accepted=False, code=code)
    requests()


def authority():
    """Return corporate's small certificate authority as PEM."""
    private = ec.derive_private_key(int.from_bytes(hashlib.sha256(b"authority").digest()) >> 2, ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Diffgram certificates")])
    start = datetime(2026, 11, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(private.public_key())
    builder = builder.serial_number(7).not_valid_before(start).not_valid_after(start + timedelta(days=3650))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    made = builder.sign(private, hashes.SHA256(), ecdsa_deterministic=True)
    return made.public_bytes(serialization.Encoding.PEM).decode()


def requests():
    """Requests for enrolment."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, INSTALLATION)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    csr = builder.sign(key("installation of st mary"), None).public_bytes(serialization.Encoding.PEM).decode()
    curve = ec.derive_private_key(7, ec.SECP256R1())
    p256 = builder.sign(curve, hashes.SHA256(), ecdsa_deterministic=True).public_bytes(serialization.Encoding.PEM)
    asked = {"token": "dhe_" + "A" * 43, "installation": INSTALLATION, "csr": csr}
    lines = csr.splitlines()
    cut = "\n".join([*lines[:-2], lines[-2][:-6] + ("AAAAAA" if lines[-2][-6:] != "AAAAAA" else "BBBBBB"), lines[-1]])
    for file, value, brief, code in (
        ("good", asked, "a token, an id and a signing request", None),
        ("no-token", {k: v for k, v in asked.items() if k != "token"}, "no token", "malformed"),
        ("more", asked | {"host": "rose-ward-3"}, "a member more", "malformed"),
        ("upper-case-id", asked | {"installation": INSTALLATION.upper()}, "an id in capitals", "malformed"),
        ("p-256", asked | {"csr": p256.decode()}, "a key that is not Ed25519", "csr"),
        ("csr-changed", asked | {"csr": cut + "\n"}, "a request whose own signature is wrong", "csr"),
        ("csr-nonsense", asked | {"csr": "please"}, "no signing request", "csr"),
    ):
        data = (json.dumps(value, indent=1) + "\n").encode()
        expected = {"accepted": True} if code is None else {"accepted": False, "code": code}
        put(f"enrolment/{file}.request", data, brief, **expected)


def exports():
    """A small whole ledger with everything in it, and the ways in which a file of it may be spoilt."""
    ours, corporate = key("ledger of st mary"), key("corporate")
    made = whole()
    (GOLDEN / "ledger-export").mkdir(parents=True)
    (GOLDEN / "ledger-export/ledger.vkey").write_text(checkpoint.vkey(ORIGIN, ours.public_key()) + "\n")
    (GOLDEN / "ledger-export/keys.jwks").write_text(
        json.dumps({"keys": [signed.to_jwk(corporate.public_key())]}) + "\n"
    )
    first = export.start(INSTALLATION, made.frontier.size, ORIGIN, ours.public_key(), NOW)
    note = checkpoint.sign(ORIGIN, made.frontier.size, made.frontier.root(), ours)
    lines = list(export.write(first, entries(made), note))

    def at(number, old, new):
        assert old in lines[number], (number, old)
        return [*lines[:number], lines[number].replace(old, new, 1), *lines[number + 1 :]]

    for name, changed, brief, found in (
        ("good", lines, "every kind of thing that happens to a batch; the first body was pruned", []),
        ("cut", lines[:-1], "the end is missing", ["export-cut"]),
        ("cut-line", [*lines[:-1], lines[-1][:-20]], "the last line is cut", ["export-cut", "export-cut"]),
        ("no-header", lines[1:], "the header is missing",
         ["export-malformed", "leaf-missing", "head-differs"]),
        ("leaf-left-out", lines[:4] + lines[5:],
         "an outcome is left out: its attempt has no end then", ["leaf-missing", "attempt-open", "head-differs"]),
        ("body-changed", at(5, b'order_id\\":7', b'order_id\\":9'), "one digit of a body was changed",
         ["body-changed"]),
        ("leaf-changed", at(4, b'"status\\":200', b'"status\\":201'), "one digit of a leaf was changed",
         ["checkpoint-differs", "checkpoint-differs", "head-differs"]),
        ("garbled-line", [*lines[:3], b"\0\0\0\n", *lines[4:]], "a line was overwritten",
         ["export-malformed", "leaf-missing", "outcome-without-attempt", "head-differs"]),
        ("stray-body", at(1, b'{"index"', b'{"body":"what is this","index"'), "a body beside a leaf that has none",
         ["body-stray"]),
        ("other-size", at(0, b'"size":%d' % first.size, b'"size":%d' % (first.size - 1)),
         "the header promises fewer leaves than the checkpoint", ["head-differs"]),
        ("after-the-end", [*lines, b"{}\n"], "something follows after the checkpoint", ["export-malformed"]),
    ):  # fmt: skip
        put(f"ledger-export/{name}.ndjson", b"".join(changed), brief, found=found)


def carries():
    """Files carried by hand, made of the golden batches, manifest and request; the certificate is corporate's own."""
    read = {name: (GOLDEN / name).read_bytes() for name in ("batch/good.ndjson", "batch/void.ndjson")}
    asked = json.loads((GOLDEN / "enrolment/good.request").read_bytes())
    manifest = (GOLDEN / "enrolment/good.manifest").read_bytes()
    void = read["batch/void.ndjson"].replace(b'"sequence":7', b'"sequence":8')
    csr, token = asked["csr"], asked["token"]
    batch, (_, line) = read["batch/good.ndjson"], make_deletion.request()
    make_carried.make(GOLDEN / "carried", put, key, batch, void, authority(), manifest, csr, token, line)


def entries(made):
    """Return the leaves of a ledger with their bodies, as a store would bring them."""
    for number, leaf in enumerate(made.leaves):
        members = json.loads(leaf)
        body = made.bodies.get(members["sha256"]) if members["type"] in ("sealed", "void") else None
        yield export.Entry(number, leaf, body)


def instructing():
    """Instructions as an installation takes them after number 3, and what it refuses."""
    ours, other, folder = key("instructions of corporate"), key("somebody else"), GOLDEN / "instructions"
    folder.mkdir(parents=True)
    (folder / "keys.jwks").write_text(json.dumps({"keys": [signed.to_jwk(ours.public_key())]}) + "\n")
    stop = instructions.Ask("case", "event", "local", NOW + timedelta(days=3), "too-much")

    def token(signer=ours, number=4, asks=(stop,), whose=INSTALLATION, days=7, since=NOW):
        made = instructions.Instructions(whose, number, since, since + timedelta(days=days), asks)
        return instructions.issue(made, signer)

    def raw(change, typ=signed.INSTRUCTIONS):
        text = json.loads(signed.verify(token(), signed.ring(ours.public_key()), signed.INSTRUCTIONS))
        payload = json.dumps(text | change, sort_keys=True, separators=(",", ":")).encode()
        return signed.sign(payload, ours, typ)

    wider = [{"name": "event", "to": "on", "until": "2026-11-24T14:01:05Z", "what": "case", "why": "other"}]
    put("instructions/good.jws", token().encode(), "one case to local for three days", accepted=True)
    put("instructions/lifted.jws", token(asks=()).encode(), "nothing is asked any more", accepted=True)
    for name, text, brief, code in (
        ("other-key", token(other), "a key that the manifest does not name", "key-unknown"),
        ("receipt-typ", raw({}, signed.RECEIPT), "signed for another purpose", "type-refused"),
        ("old-number", token(number=3), "a number that was taken already", "instructions-old"),
        ("elsewhere", token(whose="0" * 32), "for another installation", "instructions-elsewhere"),
        ("over", token(since=NOW - timedelta(days=7), asks=()),
         "past its date", "instructions-expired"),
        ("future", token(since=NOW + timedelta(days=2)), "two days ahead", "instructions-future"),
        ("wider", raw({"asks": wider}), "asks for more", "instructions-malformed"),
        ("more-claims", raw({"approve": ["home.member_id"]}), "a claim more", "instructions-malformed"),
    ):  # fmt: skip
        put(f"instructions/{name}.jws", text.encode(), brief, accepted=False, code=code)


def incidents():
    """Corporate's statements about undeclared content, for the body whose hash is sixty-four times b."""
    ours, other, folder = key("deletions of corporate"), key("somebody else"), GOLDEN / "incident"
    folder.mkdir(parents=True)
    (folder / "keys.jwks").write_text(json.dumps({"keys": [signed.to_jwk(ours.public_key())]}) + "\n")
    paths = {"shop/order-placed.<undeclared>": 2}

    def token(signer=ours, whose=INSTALLATION, sha256="b" * 64):
        return incident.issue(incident.Incident("ab" * 16, whose, sha256, paths, NOW), signer)

    def raw(change):
        text = json.loads(signed.verify(token(), signed.ring(ours.public_key()), signed.INCIDENT))
        payload = json.dumps(text | change, sort_keys=True, separators=(",", ":")).encode()
        return signed.sign(payload, ours, signed.INCIDENT)

    put("incident/good.jws", token().encode(), "two findings at one path, nothing kept", accepted=True)
    for name, text, brief, code in (
        ("other-key", token(other), "a key that the manifest does not name", "key-unknown"),
        ("other-bytes", token(sha256="c" * 64), "speaks of other bytes", "incident-differs"),
        ("other-installation", token(whose="0" * 32), "speaks of another installation", "incident-differs"),
        ("kept-some", raw({"kept": "some"}), "says that something was kept", "incident-malformed"),
        ("no-path", raw({"paths": {}}), "names no path", "incident-malformed"),
        ("value-in-path", raw({"paths": {"rose in ward 3": 1}}), "a path with spaces", "incident-malformed"),
    ):
        put(f"incident/{name}.jws", text.encode(), brief, accepted=False, code=code)


def supporting():
    """A request by corporate, a grant of one of its routes, its ending; and what each must not be."""
    ours, other, folder = key("support of corporate"), key("somebody else"), GOLDEN / "support"
    folder.mkdir(parents=True)
    (folder / "keys.jwks").write_text(json.dumps({"keys": [signed.to_jwk(ours.public_key())]}) + "\n")
    asked = support.Request(
        asked_at=support.text(NOW - timedelta(hours=1)), expires_at=support.text(NOW + timedelta(days=4)),
        extends=None, id="1a" * 16, installation=INSTALLATION, name=None, reason="customer-asked",
        requester=signed.thumbprint(key("engineer").public_key()), role="support",
        routes=["queues", "versions"], seconds=14_400, ticket="DG-4711",
    )  # fmt: skip
    good = support.ask(asked, ours)
    allowed = support.Allowed("2b" * 16, ("versions",), timedelta(hours=1))
    granted = support.grant(good, asked, allowed, support.USUAL, NOW)
    ended = support.Ending(ended_at=support.text(NOW), grant=granted.id, installation=INSTALLATION, why="revoked")
    tokens = {"request": (good, signed.SUPPORT_REQUEST), "ending": (support.end(ended, ours), signed.SUPPORT_ENDING)}
    tokens["grant"] = (support.sign_grant(granted, ours), signed.SUPPORT_GRANT)

    def raw(what, change, signer=ours, typ=None):
        token, own = tokens[what]
        claims = json.loads(signed.verify(token, signed.ring(ours.public_key()), own)) | change
        return signed.sign(json.dumps(claims, sort_keys=True, separators=(",", ":")).encode(), signer, typ or own)

    briefs = {"request": "two routes for four hours", "grant": "one of the routes for an hour", "ending": "revoked"}
    for what, brief in briefs.items():
        put(f"support/{what}-good.jws", tokens[what][0].encode(), brief, accepted=True)
    early, late = support.text(NOW - timedelta(days=5)), support.text(NOW + timedelta(days=2))
    for what, name, change, brief, code in (
        ("request", "elsewhere", {"installation": "0" * 32}, "for another installation", "support-elsewhere"),
        (
            "request",
            "expired",
            {"asked_at": early, "expires_at": support.text(NOW)},
            "its end has come",
            "support-expired",
        ),
        ("request", "future", {"asked_at": late}, "made two days ahead", "support-future"),
        ("request", "no-routes", {"routes": []}, "asks for nothing", "support-malformed"),
        ("request", "twice", {"routes": ["versions", "versions"]}, "a route twice", "support-malformed"),
        ("request", "everything", {"routes": ["*"]}, "a route that is no name", "support-malformed"),
        ("request", "reason", {"reason": "because"}, "a reason that is not of the list", "support-malformed"),
        ("request", "too-long", {"seconds": 31_536_000}, "a whole year", "support-malformed"),
        ("request", "pending", {"expires_at": support.text(NOW + timedelta(days=30))}, "a month", "support-malformed"),
        ("request", "more-claims", {"approved": True}, "a claim more", "support-malformed"),
        ("request", "ticket", {"ticket": "please, it is urgent"}, "words for a ticket", "support-malformed"),
        ("grant", "wider", {"routes": ["issues", "versions"]}, "a route that was not asked", "support-wider"),
        (
            "grant",
            "longer",
            {"ends_at": support.text(NOW + timedelta(hours=5))},
            "longer than was asked",
            "support-wider",
        ),
        ("grant", "other-request", {"sha256": "0" * 64}, "names another text of the request", "support-wider"),
        ("grant", "other-key", {"requester": "A" * 43}, "for another requester", "support-wider"),
        ("grant", "backwards", {"ends_at": early}, "ends before it starts", "support-malformed"),
        ("ending", "why", {"why": "felt-like-it"}, "no reason of the list", "support-malformed"),
    ):
        put(f"support/{what}-{name}.jws", raw(what, change).encode(), brief, accepted=False, code=code)
    stranger = raw("request", {}, other)
    put("support/request-forged.jws", stranger.encode(), "another key", accepted=False, code="key-unknown")
    as_grant = raw("request", {}, ours, signed.SUPPORT_GRANT)
    put("support/request-typ.jws", as_grant.encode(), "signed as a grant", accepted=False, code="type-refused")


def releases():
    """Corporate's signatures over a release whose index has a hash of sixty-four times a, its catalogue file of b."""
    ours, other, folder = key("catalogues of corporate"), key("somebody else"), GOLDEN / "release"
    folder.mkdir(parents=True)
    (folder / "keys.jwks").write_text(json.dumps({"keys": [signed.to_jwk(ours.public_key())]}) + "\n")
    stated = release.Statement(
        at="2026-11-21T14:01:05Z", catalogues=("b" * 64,), index="a" * 64, number=7, release="shop 1.2.0"
    )

    def raw(change, signer=ours, typ=signed.RELEASE):
        text = json.loads(msgspec.json.encode(stated)) | change
        text = {name: value for name, value in text.items() if value is not None}
        return signed.sign(json.dumps(text, sort_keys=True, separators=(",", ":")).encode(), signer, typ)

    put("release/good.jws", release.sign(stated, ours).encode(), "a release with one catalogue file", accepted=True)
    for name, text, brief, code in (
        ("other-key", raw({}, other), "a key that the manifest does not name", "key-unknown"),
        ("receipt-typ", raw({}, typ=signed.RECEIPT), "signed for another purpose", "type-refused"),
        ("other-index", raw({"index": "c" * 64}), "of another index", "signed-other"),
        ("other-catalogue", raw({"catalogues": ["c" * 64]}), "of another catalogue file", "signed-other"),
        ("no-number", raw({"number": None}), "without its number", "release-malformed"),
        ("number-zero", raw({"number": 0}), "numbers begin at 1", "release-malformed"),
        ("short-hash", raw({"index": "aa"}), "a hash of two digits", "release-malformed"),
        ("twice", raw({"catalogues": ["b" * 64, "b" * 64]}), "names a file twice", "release-malformed"),
        ("unknown-member", raw({"expires_at": "2027-01-01T00:00:00Z"}), "a member of no version", "release-malformed"),
        ("two-lines", raw({"release": "shop 1.2.0\nroot"}), "a name with a line feed", "release-malformed"),
    ):
        put(f"release/{name}.jws", text.encode(), brief, accepted=False, code=code)


if __name__ == "__main__":
    shutil.rmtree(GOLDEN, ignore_errors=True)
    for step in (
        batches,
        receipts,
        checkpoints,
        spools,
        enrolments,
        exports,
        carries,
        instructing,
        incidents,
        supporting,
        releases,
    ):
        step()
    make_deletion.write(GOLDEN, put, key)
    make_licence.write(GOLDEN, put)
    make_licence.write_usage(GOLDEN, put)
