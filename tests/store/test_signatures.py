"""Corporate's signature over index and catalogue files: it holds, or the installation does not start and says why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from audit.canonical import sha256_hex
from diffgram_home import health, renewal, settings, signatures
from diffgram_home.errors import SettingsFaults
from diffgram_home.home import Home, make_home, open_home
from tests.store.building import NOW, write_files
from tests.store.signing import Vendor, key

VENDOR = Vendor()


def named(folder: Path, vendor: Vendor = VENDOR) -> Path:
    """Settings that trust the vendor's root and name a signature, which nobody wrote yet."""
    path = write_files(folder)
    text = path.read_text().replace("sha256:" + "0" * 64, vendor.root)
    path.write_text(text.replace("[product]\n", '[product]\nsignature = "shop.signature"\n'))
    (folder / "shop.signature").write_bytes(b"")
    return path


def hashes(folder: Path) -> tuple[str, list[str]]:
    """SHA-256 of the index and of the catalogue file."""
    return sha256_hex((folder / "shop.index").read_bytes()), [sha256_hex((folder / "shop.toml").read_bytes())]


def opened(path: Path) -> Home:
    found = settings.read(path, {})
    make_home(found)
    return open_home(found)


def refused(path: Path) -> tuple[str, str]:
    """The code of the one fault, and all that is said about it."""
    with pytest.raises(SettingsFaults) as no:
        opened(path).close()
    (fault,) = no.value.faults
    assert fault.key == "product.signature"
    assert fault.hint
    return fault.code, str(no.value)


def test_a_signature_over_these_very_files_holds_without_a_network_and_says_who_made_it(tmp_path: Path):
    path = named(tmp_path)
    (tmp_path / "shop.signature").write_bytes(VENDOR.signs(*hashes(tmp_path), number=7))
    home = opened(path)
    assert home.signature is not None
    told = signatures.told(home.signature, home.index.hash)
    assert told["signed_by"] == "vendor"
    assert (told["number"], told["release"], told["key"]) == (7, "shop 1.0.0", VENDOR.kid)
    said = signatures.sentence(home.signature, home.index.hash)
    assert all(word in said for word in ("'vendor'", VENDOR.kid, "number 7", home.index.hash))
    assert "index-unsigned" not in {one.code for one in health.findings(health.gather(home, NOW))}
    home.close()


def test_without_one_all_works_as_before_and_check_says_that_nobody_signed(tmp_path: Path):
    home = opened(write_files(tmp_path))
    assert home.signature is None
    assert "signed by nobody" in signatures.sentence(None, home.index.hash)
    assert "index-unsigned" in {one.code for one in health.findings(health.gather(home, NOW))}
    home.close()


def test_a_swapped_index_is_refused_although_the_settings_pin_it(tmp_path: Path):
    path = named(tmp_path)
    index, catalogues = hashes(tmp_path)
    (tmp_path / "shop.signature").write_bytes(VENDOR.signs(index, catalogues))
    ours = (tmp_path / "shop.index").read_bytes()
    forged = ours.replace(b'"ValueError"', b'"KeyError","RoseError"')
    (tmp_path / "shop.index").write_bytes(forged)
    path.write_text(path.read_text().replace(index, sha256_hex(forged)))
    code, said = refused(path)
    assert code == "signed-other"
    assert index in said
    assert "release signature" in said


def test_a_swapped_catalogue_file_is_refused_too(tmp_path: Path):
    path = named(tmp_path)
    index, catalogues = hashes(tmp_path)
    (tmp_path / "shop.signature").write_bytes(VENDOR.signs(index, catalogues))
    text = (tmp_path / "shop.toml").read_text() + "# one more line\n"
    (tmp_path / "shop.toml").write_text(text)
    path.write_text(path.read_text().replace(catalogues[0], sha256_hex(text.encode())))
    assert refused(path)[0] == "signed-other"


@pytest.mark.parametrize(
    ("forge", "code"),
    [
        (lambda v, files: v.signs(*files, by=key("somebody else")), "key-unknown"),
        (lambda v, files: v.signs(*files, by=key("receipts of vendor")), "key-unknown"),
        (lambda _, files: Vendor("another vendor").signs(*files), "root-differs"),
        (lambda v, files: v.signs(*files, names=("receipts",)), "key-unknown"),
        (lambda v, files: v.signs(*files)[:-40], "release-malformed"),
        (lambda _v, _files: b"{}", "release-malformed"),
        (lambda _v, _files: b"[" * 100_000, "release-malformed"),
        (lambda _v, _files: b" " * 300_000, "release-malformed"),
        (lambda v, files: v.signs(*files).replace(b'"root"', b'"more": 1, "root"'), "release-malformed"),
    ],
)
def test_what_is_forged_cut_or_of_somebody_else_is_refused_with_what_to_do(tmp_path: Path, forge, code: str):
    path = named(tmp_path)
    (tmp_path / "shop.signature").write_bytes(forge(VENDOR, hashes(tmp_path)))
    assert refused(path)[0] == code


def test_a_statement_of_another_file_cannot_be_pasted_beside_a_good_manifest(tmp_path: Path):
    path = named(tmp_path)
    theirs = json.loads(Vendor("another vendor").signs(*hashes(tmp_path)))
    ours = json.loads(VENDOR.signs(*hashes(tmp_path))) | {"release": theirs["release"]}
    (tmp_path / "shop.signature").write_text(json.dumps(ours))
    assert refused(path)[0] == "key-unknown"


def test_a_lower_number_than_one_that_was_here_is_refused_and_a_new_number_for_the_same_files_is_not(tmp_path: Path):
    path, signature = named(tmp_path), tmp_path / "shop.signature"
    for number in (3, 3, 5):
        signature.write_bytes(VENDOR.signs(*hashes(tmp_path), number=number))
        opened(path).close()
    signature.write_bytes(VENDOR.signs(*hashes(tmp_path), number=4))
    code, said = refused(path)
    assert code == "signed-earlier"
    assert "number 5" in said
    assert "as a new number" in said
    signature.write_bytes(VENDOR.signs(*hashes(tmp_path), number=6))
    opened(path).close()


def test_a_manifest_whose_date_is_over_signs_no_less(tmp_path: Path):
    old = Vendor(expires_at="2026-11-02T00:00:00Z")
    path = named(tmp_path, old)
    (tmp_path / "shop.signature").write_bytes(old.signs(*hashes(tmp_path)))
    opened(path).close()


def test_a_signature_needs_an_index_and_a_file(tmp_path: Path):
    path = named(tmp_path)
    text = path.read_text()
    path.write_text("".join(line for line in text.splitlines(keepends=True) if not line.startswith("index = ")))
    with pytest.raises(SettingsFaults) as no:
        settings.read(path, {})
    assert [(fault.code, fault.key) for fault in no.value.faults] == [("setting-missing", "product.index")]
    path.write_text(text)
    (tmp_path / "shop.signature").unlink()
    with pytest.raises(SettingsFaults) as no:
        settings.read(path, {})
    assert [(fault.code, fault.key) for fault in no.value.faults] == [("file-missing", "product.signature")]


def test_the_settings_of_an_installation_that_was_put_aside_name_the_signature(tmp_path: Path):
    path = named(tmp_path)
    (tmp_path / "shop.signature").write_bytes(VENDOR.signs(*hashes(tmp_path)))
    text = renewal.readable(settings.read(path, {}))
    assert f'signature = "{tmp_path / "shop.signature"}"' in text
