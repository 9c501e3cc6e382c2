"""Every golden file through the real code; what each must come to stands in the .toml beside it.

The documents in docs/formats are held to the same files: a code that a golden file must fail with is explained there.
"""

import ast
import json
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from marshmallow import ValidationError

from audit import (
    carried,
    catalogue,
    checkpoint,
    deletion,
    export,
    gate,
    incident,
    index,
    instructions,
    receipt,
    release,
    signed,
    support,
)
from audit.canonical import sha256_hex
from audit.errors import CarriedRefused, Refused, SignatureRefused, Undeclared
from audit.verification import Known, Report
from corporate import certificates
from corporate.errors import Answer
from corporate.wire import EnrolmentIn
from diffgram_home import manifest
from event import spool
from licensing import usage
from licensing.clock import Believed
from licensing.errors import LicenceRefused
from licensing.judging import Held, Place, judge
from tests.audit.samples import CODEC, INSTALLATION

GOLDEN = Path(__file__).parent / "golden"
DOCS = Path(__file__).parents[2] / "docs" / "formats"
AUDIT = Path(export.__file__).parent
NOW = datetime(2026, 11, 21, 14, 1, 5, tzinfo=UTC)
AIDS = {".line", ".catalogue", ".index", ".jwks", ".header", ".vkey", ".fingerprint"}


def files(pattern):
    return sorted(GOLDEN.glob(pattern))


def expected(path):
    return tomllib.loads(path.with_name(path.name + ".toml").read_text())


def name(path):
    return path.stem


def keys_of(folder, file="keys"):
    stored = json.loads((GOLDEN / folder / f"{file}.jwks").read_text())
    return signed.ring(*map(signed.from_jwk, stored["keys"]))


@pytest.fixture(scope="module")
def shop():
    """The frozen catalogue and index that the golden batches were sealed by."""
    sources = [catalogue.Source(part, (GOLDEN / f"batch/{part}.catalogue").read_text()) for part in ("core", "shop")]
    return catalogue.load(*sources), index.parse((GOLDEN / "batch/shop.index").read_bytes())


@pytest.mark.parametrize("path", files("batch/*.ndjson"), ids=name)
def test_batch(path, shop):
    wanted, body = expected(path), path.read_bytes()
    if wanted["accepted"]:
        batch = gate.declared(body, *shop, CODEC)
        assert len(batch.messages) == body.count(b"\n") - 1
        assert gate.header_of(body, CODEC) == (batch.header, shop[0].hash, shop[1].hash)
        return
    with pytest.raises(Refused) as no:
        gate.declared(body, *shop, CODEC)
    found = list(no.value.findings) if isinstance(no.value, Undeclared) else [no.value.path]
    assert (no.value.code, found) == (wanted["code"], [wanted["path"]])


@pytest.mark.parametrize("path", files("receipt/*.jws"), ids=name)
def test_receipt(path):
    wanted, keys = expected(path), keys_of("receipt")
    stored = json.loads((GOLDEN / "receipt/sent.header").read_text())
    sha256 = stored.pop("sha256")
    header = gate.Header(sealed_at=NOW, **stored)

    def judge():
        found = receipt.read(path.read_text(), keys)
        receipt.matches(found, header, sha256)
        return found

    if wanted["accepted"]:
        assert judge().messages == 2
        return
    with pytest.raises(SignatureRefused) as no:
        judge()
    assert no.value.code == wanted["code"]


@pytest.mark.parametrize("path", files("instructions/*.jws"), ids=name)
def test_instructions(path):
    wanted, keys = expected(path), keys_of("instructions")
    if wanted["accepted"]:
        assert instructions.take(path.read_text(), keys, INSTALLATION, 3, NOW).number == 4
        return
    with pytest.raises(SignatureRefused) as no:
        instructions.take(path.read_text(), keys, INSTALLATION, 3, NOW)
    assert no.value.code == wanted["code"]


@pytest.mark.parametrize("path", files("support/*.jws"), ids=name)
def test_support(path):
    wanted, keys = expected(path), keys_of("support")
    good = (GOLDEN / "support" / "request-good.jws").read_text()

    def judge():
        token, what = path.read_text(), path.name.partition("-")[0]
        if what == "request":
            return support.hear(token, keys, INSTALLATION, NOW)
        if what == "ending":
            return support.read_ending(token, keys)
        granted = support.read_grant(token, keys)
        support.fits(granted, good, support.read_request(good, keys))
        return granted

    if wanted["accepted"]:
        assert judge().installation == INSTALLATION
        return
    with pytest.raises(SignatureRefused) as no:
        judge()
    assert no.value.code == wanted["code"]


@pytest.mark.parametrize("path", files("licence/*.case"), ids=name)
def test_licence(path):
    wanted, stated = expected(path), json.loads(path.read_text())
    keys = [keys_of("licence", "licences"), keys_of("licence", "withdrawals")]
    at = Believed(datetime.fromisoformat(stated["at"]))
    verdict = judge(Held(stated["licences"], stated["withdrawals"], *keys), Place(**stated["place"]), at)
    assert (verdict.valid, verdict.code.name) == (wanted["accepted"], wanted["code"])


@pytest.mark.parametrize("path", files("usage/*.jws"), ids=name)
def test_usage(path):
    wanted, keys = expected(path), keys_of("usage")
    if wanted["accepted"]:
        assert usage.read(path.read_text(), keys).installation == "c" * 32
        return
    with pytest.raises(LicenceRefused) as no:
        usage.read(path.read_text(), keys)
    assert no.value.code == wanted["code"]


@pytest.mark.parametrize("path", files("incident/*.jws"), ids=name)
def test_incident(path):
    wanted, keys = expected(path), keys_of("incident")

    def judge():
        found = incident.read(path.read_text(), keys)
        incident.concerns(found, INSTALLATION, "b" * 64)
        return found

    if wanted["accepted"]:
        assert judge().kept == "nothing"
        return
    with pytest.raises(SignatureRefused) as no:
        judge()
    assert no.value.code == wanted["code"]


@pytest.mark.parametrize("path", files("release/*.jws"), ids=name)
def test_release(path):
    wanted = expected(path)
    try:
        found = release.read(path.read_text(), keys_of("release"))
        code = "signed-other" if release.differs(found, "a" * 64, ["b" * 64]) else None
    except SignatureRefused as no:
        code = no.code
    assert (code is None, code) == (wanted["accepted"], wanted.get("code"))


@pytest.mark.parametrize("path", files("checkpoint/*.note"), ids=name)
def test_checkpoint(path):
    wanted = expected(path)
    key = checkpoint.read_vkey((GOLDEN / "checkpoint/ledger.vkey").read_text().rstrip("\n"))
    note = path.read_bytes().decode()
    if wanted["accepted"]:
        found = checkpoint.verify(note, *key)
        assert (found.origin, found.size, found.root.hex()) == (key[0], wanted["size"], wanted["root"])
        return
    with pytest.raises(SignatureRefused) as no:
        checkpoint.verify(note, *key)
    assert no.value.code == wanted["code"]


@pytest.mark.parametrize("path", files("spool-record/*.spool"), ids=name)
def test_spool_record(path):
    data, wanted = path.read_bytes(), expected(path)
    found = list(spool.frames(data, final=True))
    assert ["record" if isinstance(item, spool.Frame) else item.reason for item in found] == wanted["found"]
    edges = [(item.start, item.end) for item in found]
    assert [start for start, _ in edges] == [0, *(end for _, end in edges)][: len(edges)]
    assert (edges[-1][1] if edges else 0) == len(data)


@pytest.mark.parametrize("path", files("enrolment/*.manifest"), ids=name)
def test_manifest(path):
    wanted, root = expected(path), (GOLDEN / "enrolment/root.fingerprint").read_text().strip()
    if wanted["accepted"]:
        assert manifest.check(path.read_bytes(), root, NOW).version == wanted["version"]
        return
    with pytest.raises(SignatureRefused) as no:
        manifest.check(path.read_bytes(), root, NOW)
    assert no.value.code == wanted["code"]


@pytest.mark.parametrize("path", files("enrolment/*.request"), ids=name)
def test_enrolment_request(path):
    wanted = expected(path)
    try:
        asked = EnrolmentIn().load(json.loads(path.read_bytes()))
        certificates.key_of_request(asked["csr"])
    except ValidationError:
        code = "malformed"
    except Answer as answer:
        code = answer.code
    else:
        code = None
        assert asked["installation"] == INSTALLATION
    assert (code is None, code) == (wanted["accepted"], wanted.get("code"))


@pytest.mark.parametrize("path", files("ledger-export/*.ndjson"), ids=name)
def test_ledger_export(path):
    wanted = expected(path)
    key = checkpoint.read_vkey((GOLDEN / "ledger-export/ledger.vkey").read_text().rstrip("\n"))
    with path.open("rb") as stream:
        *found, report = export.verify(stream, Known(receipts=keys_of("ledger-export")), key)
    assert [finding.code for finding in found] == wanted["found"]
    assert isinstance(report, Report)
    assert report.holds == (not found)


@pytest.mark.parametrize("path", files("request/*.asked"), ids=name)
def test_request(path):
    wanted, core = expected(path), catalogue.load(catalogue.core())
    if wanted["accepted"]:
        assert gate.check_request(path.read_bytes(), core).installation == INSTALLATION
        return
    with pytest.raises(Refused) as no:
        gate.check_request(path.read_bytes(), core)
    assert (no.value.code, no.value.path) == (wanted["code"], wanted["path"])


@pytest.mark.parametrize("path", files("deletion/*.statement"), ids=name)
def test_statement_of_deletion(path):
    wanted, line = expected(path), (GOLDEN / "deletion/asked.line").read_bytes()
    asked = gate.check_request(line, catalogue.load(catalogue.core())), sha256_hex(line)

    def read():
        found = deletion.read(path.read_text(), keys_of("deletion"))
        deletion.matches(found, INSTALLATION, asked)

    if wanted["accepted"]:
        read()
        return
    with pytest.raises(SignatureRefused) as no:
        read()
    assert no.value.code == wanted["code"]


@pytest.mark.parametrize("path", files("carried/*.zip"), ids=name)
def test_carried(path):
    wanted, data = expected(path), path.read_bytes()
    is_out = path.name.endswith(".out.zip")
    read, whose = (carried.read_out, "installation") if is_out else (carried.read_in, "corporate")
    if wanted["accepted"]:
        assert read(data, lambda _: keys_of("carried", whose)).installation == INSTALLATION
        return
    with pytest.raises((CarriedRefused, SignatureRefused)) as no:
        read(data, lambda _: keys_of("carried", whose))
    assert no.value.code == wanted["code"]


def test_every_golden_file_has_its_expectation_and_is_run():
    run = {".asked", ".case", ".statement", ".ndjson", ".jws", ".note", ".spool", ".manifest", ".request", ".zip"}
    for path in files("*/*"):
        if path.suffix == ".toml":
            assert path.with_suffix("").exists(), path
        elif path.suffix not in AIDS:
            assert path.suffix in run, path
            assert len(expected(path)["brief"]) > 5


@pytest.mark.parametrize("folder", sorted(path.name for path in GOLDEN.iterdir()))
def test_every_format_has_a_short_document_that_explains_every_code(folder):
    text = (DOCS / f"{folder}.md").read_text()
    assert len(text.splitlines()) < 120
    codes = set()
    for path in files(f"{folder}/*.toml"):
        stated = tomllib.loads(path.read_text())
        codes |= {stated["code"]} if "code" in stated else set(stated.get("found", ())) - {"record"}
    assert [code for code in sorted(codes) if f"`{code}`" not in text] == []
    assert {stated_in(path) for path in files(f"{folder}/*.toml")} >= {True, False}


def stated_in(path):
    """Return whether the golden file beside `path` is a good one."""
    stated = tomllib.loads(path.read_text())
    return stated.get("accepted", not [item for item in stated.get("found", ()) if item != "record"])


def test_the_export_explains_everything_that_verifying_can_find():
    """The codes are read from the source: the first short word that each finding is given."""
    modules = ("verification", "export", "_judging", "_numbers", "_bodies", "_requests")
    text = (DOCS / "ledger-export.md").read_text()
    codes = {
        word.value
        for module in modules
        for call in ast.walk(ast.parse((AUDIT / f"{module}.py").read_text()))
        if isinstance(call, ast.Call)
        for word in call.args
        if isinstance(word, ast.Constant) and re.fullmatch(r"[a-z]+(-[a-z]+)+", str(word.value))
    }
    assert {"body-missing", "sequence-gap", "export-cut", "kept-ahead", "body-changed"} <= codes
    assert [code for code in sorted(codes) if f"`{code}`" not in text] == []
