"""Releases are signed when they are added; an installation checks that offline, by the commands that people use."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from audit import index, release, signed
from audit.canonical import sha256_hex
from corporate import keys, manifest, migrating, releases, settings, signing
from corporate.database import EVERYBODY, Store
from corporate.errors import OperatorError
from corporate.models import ReleaseSignature
from tests.cli.conftest import Shell
from tests.corporate.issuing import release as made
from tests.corporate.running import command, found
from tests.store.building import CATALOGUE

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The settings file and the root of a server that nobody started."""
    return found(tmp_path_factory.mktemp("vendor"), "")


@pytest.fixture
def store(make_url: Callable[[], str], tmp_path: Path) -> Iterator[Store]:
    """An empty database with today's schema, and two releases in it."""
    opened = Store(make_url() or f"sqlite:///{tmp_path}/corporate.db")
    migrating.upgrade(opened)
    for version in ("1.0.0", "1.1.0"):
        file = tmp_path / version
        file.write_bytes(index.encode(made(version)))
        releases.add(opened, [], file, None, NOW)
    yield opened
    opened.close()


@pytest.fixture
def by(vendor: tuple[Path, str]) -> signing.Signer:
    """Who signs."""
    signer = signing.signer(settings.read(vendor[0], {}))
    assert signer is not None
    return signer


def test_numbers_rise_the_same_files_are_signed_once_and_going_back_is_a_new_number(store: Store, by: signing.Signer):
    first, second = made("1.0.0").hash, made("1.1.0").hash
    numbers = [
        signing.sign(store, by, name, digest, ["a" * 64], NOW).number
        for name, digest in (
            ("shop 1.0.0", first),
            ("shop 1.0.0", first),
            ("shop 1.1.0", second),
            ("shop 1.0.0", first),
        )
    ]
    assert numbers == [1, 1, 2, 3]
    assert signing.sign(store, by, "shop 1.0.0", first, ["b" * 64], NOW).number == 4  # another catalogue file


def test_the_newest_is_found_by_name_and_by_hash_and_is_read_by_its_key_alone(store: Store, by: signing.Signer):
    digest = made("1.0.0").hash
    signing.sign(store, by, "shop 1.0.0", digest, ["a" * 64], NOW)
    for wanted in ("shop 1.0.0", digest[:12]):
        shown = signing.find(store, by, wanted, NOW)
        stated = release.read(release.token_of(shown.file), by.named)
        assert (stated.index, stated.catalogues, stated.number) == (digest, ("a" * 64,), 1)
    with pytest.raises(OperatorError) as no:
        signing.find(store, by, "shop 9", NOW)
    assert "release add" in no.value.hint


def test_where_the_key_serves_no_more_the_release_is_signed_again(store: Store, by: signing.Signer):
    digest = made("1.0.0").hash
    signing.sign(store, by, "shop 1.0.0", digest, ["a" * 64], NOW)
    new = keys.Ed25519PrivateKey.from_private_bytes(b"n" * 32)
    named = [{"purpose": "catalogues", "jwk": signed.to_jwk(new.public_key())}]
    later = replace(by, key=new, stated=dict(by.stated) | {"claims": {"keys": named}})
    shown = signing.find(store, later, "shop 1.0.0", NOW)
    assert (shown.number, shown.key) == (2, signed.thumbprint(new.public_key()))
    with store.reading(EVERYBODY) as session:
        assert session.scalars(select(ReleaseSignature.number).order_by(ReleaseSignature.number)).all() == [1, 2]


def test_a_server_without_such_a_key_signs_nothing_and_says_what_to_do(tmp_path: Path):
    config, _ = found(tmp_path, "")
    (tmp_path / "data/keys/catalogues.pem").unlink()
    assert signing.signer(settings.read(config, {})) is None
    file = tmp_path / "shop.index"
    file.write_bytes(index.encode(made("1.0.0")))
    assert "not signed: no key" in command(config, "release", "add", "--index", str(file)).stdout
    wanted = command(config, "release", "add", "--index", str(file), "-o", str(tmp_path / "out"), code=1)
    assert "diffgram-corporate manifest" in wanted.stderr
    assert not (tmp_path / "out").exists()
    manifest.make(tmp_path / "data", "Diffgram", NOW)
    assert "signed    number 1, key " in command(config, "release", "add", "--index", str(file)).stdout


def test_what_release_add_signs_an_installation_checks_offline(vendor: tuple[Path, str], tmp_path: Path):
    config, root = vendor
    for name, data in (("shop.toml", CATALOGUE.encode()), ("shop.index", index.encode(made("1.0.0")))):
        (tmp_path / name).write_bytes(data)
    shipped = [*("--catalogue", str(tmp_path / "shop.toml")), *("--index", str(tmp_path / "shop.index"))]
    out = tmp_path / "shop.signature"
    added = json.loads(command(config, "release", "add", *shipped, "--signature", str(out), "--json").stdout)
    assert added["index"] == sha256_hex((tmp_path / "shop.index").read_bytes())
    assert command(config, "release", "signature", "shop 1.0.0").stdout == out.read_text()
    home = Shell(tmp_path / "home")
    home.folder.mkdir()
    init = ("init", "--name", "here", "--corporate-url", "https://127.0.0.1:9", "--root", root)
    product = ("--product-catalogue", str(tmp_path / "shop.toml"), "--product-index", str(tmp_path / "shop.index"))
    assert home(*init, *product, "--product-signature", str(out)).returncode == 0
    told = json.loads(home("check", "--json").stdout)["product"]
    assert (told["number"], told["key"], told["release"]) == (added["number"], added["key"], "shop 1.0.0")
    assert f"number {added['number']}" in home("check").stdout
    out.write_bytes(out.read_bytes()[:-3])
    refused = home("check")
    assert refused.returncode != 0
    assert "release signature" in refused.stderr
