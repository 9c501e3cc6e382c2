"""The door itself: what it refuses to open, what it sends through what, and how every exchange comes to an end."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from audit import gate
from audit.consent import Consent
from audit.errors import Refused
from audit.modes import ALL_OFF
from diffgram_home import bodies, egress, enrolment, exchange, manifest, requests, rules
from diffgram_home.exchange import Answer, NotReached, Unknown
from diffgram_home.outbound import Door
from tests.door.conftest import Misbehaving
from tests.door.places import Place, found


def test_a_host_outside_the_registry_is_refused_before_its_name_is_looked_up(place: Place) -> None:
    door = Door("https://elsewhere.invalid", registry=(), timeout_s=1, rules=lambda: rules.current(place.home))
    with pytest.raises(NotReached) as refused:
        door.fetch_manifest_unverified()
    assert refused.value.code == "not-in-registry"


def test_another_port_of_a_listed_host_is_refused(place: Place) -> None:
    listed = egress.reachable(place.home.settings)
    door = Door("https://127.0.0.1:1", registry=listed, timeout_s=1, rules=lambda: rules.current(place.home))
    with pytest.raises(NotReached) as refused:
        door.fetch_manifest_unverified()
    assert refused.value.code == "not-in-registry"


def test_an_address_without_tls_is_refused(place: Place) -> None:
    with pytest.raises(ValueError, match="https"):
        Door("http://127.0.0.1:1", registry=(), timeout_s=1, rules=lambda: rules.current(place.home))


def sealed(place: Place) -> tuple[bytes, int]:
    """The bytes of the first batch, and its generation."""
    batch = place.batches()[0]
    with place.home.store.read() as session:
        body = bodies.get(session, batch.sha256)
    assert body is not None
    return body, batch.generation


def push(place: Place, body: bytes, generation: int, door: Door | None = None) -> Answer:
    """Hand bytes to the door directly, as a caller would that skips everything else."""
    now = place.now()
    stated = manifest.stored(place.home, now)
    who, trust = enrolment.identity(place.home, now), enrolment.trust(place.home, stated)
    return (door or place.door).send_batch(body, generation, who, trust, now=place.now())


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        (b'"member_id":', b'"member_name":', "undeclared"),
        (b'{"kind"', b'{ "kind"', "malformed"),
        (b'"case":"event"', b'"case":"support"', "undeclared"),
    ],
)
def test_bytes_that_the_gate_refuses_open_nothing(
    place: Place, corporate: Misbehaving, before: bytes, after: bytes, code: str
) -> None:
    place.work(messages=3)
    body, generation = sealed(place)
    assert before in body
    with pytest.raises(Refused) as refused:
        push(place, body.replace(before, after), generation)
    assert refused.value.code == code
    assert corporate.all_told() == []


def test_a_batch_of_another_installation_opens_nothing(place: Place, corporate: Misbehaving) -> None:
    place.work()
    body, generation = sealed(place)
    with pytest.raises(NotReached) as refused:
        push(place, body.replace(place.home.installation.encode(), b"0" * 32), generation)
    assert refused.value.code == "other-installation"
    assert corporate.all_told() == []


def test_consent_that_is_withdrawn_while_the_connection_is_made_stops_the_bytes(
    place: Place, corporate: Misbehaving
) -> None:
    place.work()
    body, generation = sealed(place)
    held = rules.current(place.home)
    without = gate.Rules(held.catalogue, held.index, Consent({}), held.modes)
    answers = iter([held, without])
    door = Door(
        place.home.settings.corporate.url,
        registry=egress.reachable(place.home.settings),
        timeout_s=2,
        rules=lambda: next(answers),
    )
    with pytest.raises(Refused):
        push(place, body, generation, door)
    assert corporate.told()["line"] == ""  # a connection, and not one byte of a request


def test_a_void_does_not_leave_while_its_case_is_off(place: Place, corporate: Misbehaving) -> None:
    held = rules.current(place.home)
    header = gate.Header(place.home.installation, "event", 1, place.now(), 0, "0" * 64, "mode")
    void = gate.void(header, held, gate.Codec(msgspec.json.encode, msgspec.json.decode))
    off = gate.Rules(held.catalogue, held.index, held.consent, ALL_OFF)
    door = Door(
        place.home.settings.corporate.url,
        registry=egress.reachable(place.home.settings),
        timeout_s=2,
        rules=lambda: off,
    )
    with pytest.raises(Refused) as refused:
        push(place, void.body, 9, door)
    assert refused.value.code == "switched"
    assert corporate.all_told() == []


def test_stopping_ends_an_exchange_that_waits_and_lets_no_other_begin(place: Place, corporate: Misbehaving) -> None:
    corporate.order("silent")
    door = Door(
        place.home.settings.corporate.url,
        registry=egress.reachable(place.home.settings),
        timeout_s=30,
        rules=lambda: rules.current(place.home),
    )

    def stop_when_it_waits() -> None:
        while not corporate.told().get("waiting"):
            pass
        door.stop()

    threading.Thread(target=stop_when_it_waits).start()
    began = time.monotonic()
    with pytest.raises(Unknown) as ended:
        door.fetch_manifest_unverified()
    assert ended.value.code == "stopped"
    assert time.monotonic() - began < 15
    with pytest.raises(NotReached):
        door.fetch_manifest_unverified()


def test_a_large_batch_that_is_refused_unread_is_rejected_with_the_answer(place: Place, corporate: Misbehaving) -> None:
    place.work(messages=1000)
    corporate.order("early")
    assert place.send()[0].code == "too-large"


@pytest.fixture
def proxy(request: pytest.FixtureRequest) -> Iterator[tuple[int, list[str]]]:
    """A proxy on a port, and what it was asked."""
    arguments = [request.param] if getattr(request, "param", None) else []
    program = Path(__file__).with_name("proxy.py")
    running = subprocess.Popen([sys.executable, str(program), *arguments], stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    port, lines = int(running.stdout.readline()), list[str]()
    reader = threading.Thread(target=lambda: lines.extend(iter(running.stdout.readline, "")), daemon=True)  # type: ignore[union-attr]
    reader.start()
    yield port, lines
    running.terminate()
    running.wait(5)
    reader.join(5)
    running.stdout.close()


def test_with_a_proxy_everything_goes_through_it(
    corporate: Misbehaving, proxy: tuple[int, list[str]], tmp_path: Path
) -> None:
    port, asked = proxy
    place = found(tmp_path / "home", corporate.url, corporate.root, corporate=f'proxy = "http://127.0.0.1:{port}"')
    place.enrol()
    place.work()
    assert [sent.outcome for sent in place.send()] == ["accepted"]
    assert asked == [f"CONNECT 127.0.0.1:{corporate.port}\n"] * 3
    listed = [(one.host, one.port, one.whose) for one in egress.registry(place.home.settings)]
    assert listed == [("127.0.0.1", corporate.port, "corporate"), ("127.0.0.1", port, "customer")]


@pytest.mark.parametrize("proxy", ["user:pass"], indirect=True)
def test_a_proxy_that_refuses_is_told_and_nothing_left(
    corporate: Misbehaving, proxy: tuple[int, list[str]], tmp_path: Path
) -> None:
    place = found(tmp_path / "home", corporate.url, corporate.root, corporate=f'proxy = "http://127.0.0.1:{proxy[0]}"')
    with pytest.raises(NotReached) as refused:
        place.enrol()
    assert refused.value.code == "proxy-refused"
    assert corporate.all_told() == []


@pytest.mark.parametrize("proxy", ["user:p@ss"], indirect=True)
def test_a_proxys_password_comes_from_the_environment(
    corporate: Misbehaving, proxy: tuple[int, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIFFGRAM_HOME_PROXY", f"http://user:p%40ss@127.0.0.1:{proxy[0]}")
    place = found(tmp_path / "home", corporate.url, corporate.root)
    place.enrol()
    assert enrolment.is_enrolled(place.home)


def test_a_proxy_of_the_environment_is_not_used(
    corporate: Misbehaving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, "/nonexistent")
    place = found(tmp_path / "home", corporate.url, corporate.root)
    place.enrol()
    place.work()
    assert [sent.outcome for sent in place.send()] == ["accepted"]


def test_an_inspecting_proxys_authority_is_trusted_when_the_settings_name_it(
    corporate: Misbehaving, tmp_path: Path
) -> None:
    named = f'ca_file = "{corporate.folder / "other-authority.pem"}"'
    place = found(tmp_path / "home", corporate.url, corporate.root, corporate=named)
    place.enrol()
    place.work()
    corporate.order("other-authority")
    assert [sent.outcome for sent in place.send()] == ["accepted"]


@pytest.mark.parametrize("damage", ["gone", "no certificate"])
def test_a_file_that_tls_needs_and_cannot_use_is_told_and_waited_for(
    place: Place, corporate: Misbehaving, damage: str
) -> None:
    authority = place.home.settings.folder / "proxy-authority.pem"
    authority.write_text((place.home.keys.folder / "certificate.pem").read_text())
    text = place.home.settings.path.read_text().replace("[corporate]", f'[corporate]\nca_file = "{authority}"', 1)
    place.home.settings.path.write_text(text)
    place.move(corporate.url)
    place.work()
    authority.unlink() if damage == "gone" else authority.write_text("rose")
    place.send()
    place.send()
    (row,) = place.rows()
    assert (row.outcome, row.code, row.status) == ("rejected", "certificate-file", None)
    assert str(authority) in place.notices()["certificate-file"].text
    assert corporate.all_told() == []


def test_a_resolver_of_this_machine_is_listed_only_when_a_name_is_looked_up(place: Place, tmp_path: Path) -> None:
    resolvers = tmp_path / "resolv.conf"
    resolvers.write_text("search example\nnameserver 192.0.2.53\n")
    assert {one.protocol for one in egress.registry(place.home.settings, resolvers)} == {"https"}
    place.move("https://corporate.example:8091")
    listed = egress.registry(place.home.settings, resolvers)
    assert [(one.host, one.port, one.protocol) for one in listed][1:] == [("192.0.2.53", 53, "dns")]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        ("120", 120.0),
        ("Sat, 21 Nov 2026 14:02:00 GMT", 60.0),
        ("Sat, 21 Nov 2026 14:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("1e3", None),
        ("9" * 30, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date_or_not_at_all(value: str | None, seconds: float | None) -> None:
    now = exchange.datetime.fromisoformat("2026-11-21T14:01:00+00:00")
    assert exchange.retry_after_s(value, now) == seconds


def test_a_request_that_is_undeclared_or_of_another_installation_opens_nothing(
    place: Place, corporate: Misbehaving
) -> None:
    now = place.now()
    who, trust = enrolment.identity(place.home, now), enrolment.trust(place.home, manifest.stored(place.home, now))
    with place.home.store.read() as session:
        body = requests.make(place.home, session, "home/deletion-asked", {"scope": "everything"}, now)
    for spoilt, refusal in (
        (body.replace(b"everything", b"of Rose"), Refused),
        (body.replace(b'"at"', b'"age":7,"at"'), Refused),
        (body + body, Refused),
        (body.replace(place.home.installation.encode(), b"0" * 32), NotReached),
    ):
        with pytest.raises(refusal):
            place.door.send_request(spoilt, who, trust)
    assert corporate.all_told() == []
    corporate.order("answer", status=404)
    assert place.door.send_request(body, who, trust).status == 404, "and this one goes"
    told = corporate.told()
    assert (told["line"], corporate.body(told["sha256"])) == ("POST /v1/deletions HTTP/1.1", body)
