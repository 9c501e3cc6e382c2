"""Alerts about issues: what is noticed, how it is told, and receivers that misbehave."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from corporate import migrating, settings
from corporate.alerting import mail, noticing, sending, webhook
from corporate.alerting import settings as alert_settings
from corporate.alerting.settings import Alerts, MailServer, Webhook
from corporate.database import EVERYBODY, Store
from corporate.errors import SettingsFaults
from corporate.models import (
    Alert,
    AlertDelivery,
    Customer,
    Installation,
    Issue,
    IssueAct,
    IssueGroup,
    IssueHour,
    IssuePart,
)
from tests.corporate.pretend import Pretend, message
from tests.corporate.receiving import Receiver
from tests.corporate.running import command, found, running
from tests.store.mail_server import MailServer as RealMailServer

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
KEY = "k" * 40
ENVIRON = {alert_settings.KEY_VARIABLE: KEY}
HOUR = int(NOW.timestamp()) // 3600


@pytest.fixture
def store(make_url: Callable[[], str], tmp_path: Path) -> Iterator[Store]:
    """An empty database with today's schema, and one look at it."""
    made = Store(make_url() or f"sqlite:///{tmp_path}/corporate.db")
    migrating.upgrade(made)
    noticing.notice(made, Alerts(), NOW)
    with made.writing(EVERYBODY) as session:
        session.add(Customer(id=1, name="St Mary's Hospital", made_at=NOW))
        session.flush()
        one = {"id": "a", "customer_id": 1, "public_key": b"", "thumbprint": "t", "enrolled_at": NOW}
        session.add(Installation(**one, signature_allowed=False, next_at_us=0))
    yield made
    made.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A webhook receiver."""
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def letters(tmp_path: Path) -> Iterator[RealMailServer]:
    """A mail server that speaks STARTTLS."""
    made = RealMailServer(tmp_path)
    yield made
    made.close()


def issue(store: Store, number: int, what: str = "opened", **more: Any) -> None:
    """An issue with one line of history."""
    values = {"id": number, "title": f"QuotaError: project <> is full {number}", "culprit": "annotator.export:save"}
    times = dict.fromkeys(("first_at", "last_at", "made_at"), NOW)
    shown = {"types": "QuotaError", "in_product": True, "state": "open", "count": 3, "installations": 2}
    with store.writing(EVERYBODY) as session:
        if session.get(Issue, number) is None:
            session.add(Issue(**values | times | shown | more))
            session.flush()
        session.add(IssueAct(issue_id=number, at=NOW, actor="corporate", what=what, words=""))


def hooked(receiver: Receiver, **more: Any) -> Alerts:
    """Alerts that go to the receiver."""
    return Alerts(webhook=Webhook(receiver.url), address="https://corporate.vendor.example/", **more)


def mailed(server: RealMailServer, *to: str) -> Alerts:
    """Alerts that go by mail."""
    named = MailServer("127.0.0.1", server.port, server.tls, "", "corporate@vendor.example", to, str(server.ca_file))
    return Alerts(mail=named)


def due(store: Store, alerts: Alerts, now: datetime = NOW, environ: Mapping[str, str] = ENVIRON) -> list[sending.Tried]:
    """What is due is sent."""
    return sending.send_due(store, alerts, "Diffgram", now, environ)


def test_a_new_and_a_regressed_issue_are_told_once_each(store: Store, receiver: Receiver) -> None:
    alerts = hooked(receiver)
    issue(store, 1)
    issue(store, 1, "assigned")
    assert noticing.notice(store, alerts, NOW) == 1
    assert noticing.notice(store, alerts, NOW) == 0
    issue(store, 1, "regressed")
    assert noticing.notice(store, alerts, NOW) == 1
    assert [one.state for one in due(store, alerts)] == ["sent", "sent"]
    assert due(store, alerts) == []
    first, second = (json.loads(body) for _, body in receiver.taken)
    assert (first["rule"], second["rule"]) == ("new", "regressed")
    assert first["issue"] == {
        "id": 1,
        "title": "QuotaError: project <> is full 1",
        "culprit": "annotator.export:save",
        "count": 3,
        "installations": 2,
        "link": "https://corporate.vendor.example/issues/1",
    }
    assert "St Mary" not in str(receiver.taken)


def test_what_is_posted_is_signed_over_time_and_body(store: Store, receiver: Receiver) -> None:
    issue(store, 1)
    noticing.notice(store, hooked(receiver), NOW)
    due(store, hooked(receiver))
    ((head, body),) = receiver.taken
    fields = dict(line.split(": ", 1) for line in head.splitlines()[1:])
    wanted = hmac.new(KEY.encode(), fields["Diffgram-Timestamp"].encode() + b"." + body, hashlib.sha256).hexdigest()
    assert fields["Diffgram-Signature"] == f"v1={wanted}"
    assert fields["Diffgram-Timestamp"] == str(int(NOW.timestamp()))


def test_a_rule_that_is_off_tells_nothing_and_what_was_there_before_is_no_news(
    store: Store, receiver: Receiver
) -> None:
    issue(store, 1)
    issue(store, 2, "regressed")
    assert noticing.notice(store, hooked(receiver, new=False, regressed=False), NOW) == 0
    assert noticing.notice(store, hooked(receiver), NOW) == 0
    issue(store, 3)
    assert noticing.notice(store, hooked(receiver), NOW + timedelta(days=2)) == 0


def test_many_in_an_hour_and_many_installations_are_told_beyond_the_number(store: Store, receiver: Receiver) -> None:
    alerts = hooked(receiver, new=False, an_hour=10, installations=5)
    for number, state, installations, count in ((1, "open", 6, 11), (2, "ignored", 9, 99), (3, "open", 5, 10)):
        issue(store, number, state=state, installations=installations)
        with store.writing(EVERYBODY) as session:
            group = {"id": number, "key": f"{number:032}", "issue_id": number, "title": "t", "culprit": "c"}
            session.add(IssueGroup(**group, types="E", in_product=True))
            session.flush()
            part = {"id": number, "group_id": number, "customer_id": 1, "installation_id": "a", "release": "1"}
            session.add(IssuePart(**part, count=count, first_at=NOW, last_at=NOW))
            session.flush()
            session.add(IssueHour(part_id=number, hour=HOUR, customer_id=1, count=count))
    assert noticing.notice(store, alerts, NOW) == 2
    assert noticing.notice(store, alerts, NOW + timedelta(minutes=20)) == 0
    assert sorted((one.rule, one.issue_id, one.count) for one in sending.told(store)) == [
        ("an-hour", 1, 11),
        ("installations", 1, 3),
    ]


def test_beyond_the_most_an_hour_the_next_says_how_many_more(store: Store, receiver: Receiver) -> None:
    alerts = hooked(receiver, most_an_hour=3)
    for number in range(1, 9):
        issue(store, number)
    assert noticing.notice(store, alerts, NOW) == 8
    assert len(due(store, alerts)) == 3
    assert noticing.notice(store, alerts, NOW + timedelta(minutes=59)) == 0
    assert due(store, alerts, NOW + timedelta(minutes=59)) == []
    later = NOW + timedelta(minutes=61)
    noticing.notice(store, alerts, later)
    assert [one.state for one in due(store, alerts, later)] == ["sent"]
    assert json.loads(receiver.taken[-1][1])["more"] == 5
    noticing.notice(store, alerts, later)
    assert due(store, alerts, later) == []


@pytest.mark.parametrize(
    ("order", "code", "status", "state"),
    [
        ("500", "refused", 500, "waiting"),
        ("429", "refused", 429, "waiting"),
        ("404", "refused", 404, "failed"),
        ("302", "refused", 302, "failed"),
        ("garbage", "malformed", None, "waiting"),
        ("huge", "malformed", None, "waiting"),
        ("cut", "malformed", None, "waiting"),
    ],
)
def test_a_receiver_that_refuses_or_speaks_nonsense_is_tried_again_only_where_that_can_help(
    store: Store, receiver: Receiver, order: str, code: str, status: int | None, state: str
) -> None:
    receiver.orders.put(order)
    issue(store, 1)
    noticing.notice(store, hooked(receiver), NOW)
    (went,) = due(store, hooked(receiver))
    assert (went.state, went.status) == (state, status)
    assert went.code in (code, "not-reached")
    assert "/elsewhere" not in "".join(receiver.paths)
    assert due(store, hooked(receiver)) == []
    again = due(store, hooked(receiver), NOW + timedelta(seconds=31))
    assert [one.state for one in again] == (["sent"] if state == "waiting" else [])


@pytest.mark.parametrize("order", ["silent", "drip", "continue"])
def test_a_receiver_that_does_not_end_is_left_after_the_limit(receiver: Receiver, order: str) -> None:
    receiver.orders.put(order)
    went = webhook.post(Webhook(receiver.url), KEY.encode(), b"{}", NOW, limit_s=0.5)
    assert (went.code, went.again) == ("too-slow", True)


def test_tries_grow_apart_and_end(store: Store, receiver: Receiver) -> None:
    issue(store, 1)
    noticing.notice(store, hooked(receiver), NOW)
    nobody = Alerts(webhook=Webhook("http://127.0.0.1:9/"))
    now, pauses = NOW, []
    for _ in range(sending.TRIES):
        (went,) = due(store, nobody, now)
        with store.reading(EVERYBODY) as session:
            next_at = session.scalar(select(AlertDelivery.next_at))
        pauses.append(next_at - now)
        now = next_at
    assert went.state == "failed"
    assert pauses[:3] == [timedelta(seconds=30), timedelta(minutes=1), timedelta(minutes=2)]
    assert pauses == sorted(pauses)
    assert max(pauses) <= timedelta(hours=2)
    assert due(store, nobody, now) == []


def test_one_that_was_taken_by_a_process_that_was_killed_is_tried_again_later(store: Store, receiver: Receiver) -> None:
    issue(store, 1)
    noticing.notice(store, hooked(receiver), NOW)
    with store.writing(EVERYBODY) as session:
        session.execute(update(AlertDelivery).values(tries=1, next_at=NOW + sending.LEASE))
    assert due(store, hooked(receiver)) == []
    assert [one.state for one in due(store, hooked(receiver), NOW + sending.LEASE)] == ["sent"]


def test_a_letter_goes_to_each_address_in_plain_words(store: Store, letters: RealMailServer) -> None:
    alerts = replace(mailed(letters, "ops@vendor.example", "dev@vendor.example"), address="https://c.example")
    issue(store, 1, title="QuotaError: \r\nBcc: rose@hospital.example")
    noticing.notice(store, alerts, NOW)
    assert [one.state for one in due(store, alerts)] == ["sent", "sent"]
    assert sorted(to for _, to, _ in letters.taken) == ["dev@vendor.example", "ops@vendor.example"]
    text = letters.taken[0][2].decode()
    assert "Subject: [Diffgram] New issue: QuotaError:" in text
    assert "https://c.example/issues/1" in text
    assert "\nBcc:" not in text


@pytest.mark.parametrize(
    ("order", "code", "again"),
    [
        ("refuse-address", "refused", False),
        ("refuse-letter", "refused", False),
        ("later", "refused", True),
        ("silent", "too-slow", True),
        ("silent-after-letter", "too-slow", True),
        ("endless", "too-slow", True),
        ("cut-in-letter", "not-reached", True),
        ("http", "not-reached", True),
        ("no-starttls", "not-offered", False),
    ],
)
def test_a_mail_server_that_misbehaves_is_left_within_the_limit(
    letters: RealMailServer, order: str, code: str, again: bool
) -> None:
    letters.orders.put(order)
    alerts = mailed(letters, "ops@vendor.example")
    alert = Alert(id=1, rule="test", at=NOW, issue_id=None, title="", culprit="", count=0, installations=0, more=0)
    letter = sending.letter(alerts, "Diffgram", alert, "ops@vendor.example")
    went = mail.send(alerts.mail, "", letter, limit_s=1.0)
    assert went.again is again
    assert went.code in (code, "too-slow", "not-reached")
    assert letters.taken == []


def test_without_its_key_nothing_is_posted(store: Store, receiver: Receiver) -> None:
    issue(store, 1)
    noticing.notice(store, hooked(receiver), NOW)
    assert [one.code for one in due(store, hooked(receiver), environ={})] == ["webhook-key"]
    assert receiver.taken == []


def test_settings_that_cannot_work_are_all_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "corporate.toml"
    path.write_text(
        'name = "x"\nfolder = "d"\n[alerts]\nmost_an_hour = 0\naddress = "http://c.example"\n'
        '[alert_mail]\nhost = "h"\ntls = "maybe"\nto = ["no address"]\n'
        '[alert_webhook]\nurl = "http://hooks.example/x"\n'
    )
    with pytest.raises(SettingsFaults) as refused:
        settings.read(path, {})
    for word in ("most_an_hour", "alerts.address", "tls", "alert_mail.sender", "no address", "alert_webhook.url"):
        assert word in " ".join(refused.value.faults)


def test_the_command_sends_a_test_by_every_way_and_lists_it(
    make_url: Callable[[], str], tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "server").mkdir()
    config, _ = found(tmp_path / "server", make_url(), f'[alert_webhook]\nurl = "{receiver.url}"\n')
    refused = command(config, "alert", "test", code=1)
    assert "webhook: waiting webhook-key" in refused.stdout
    monkeypatch.setenv(alert_settings.KEY_VARIABLE, KEY)
    assert "webhook: sent" in command(config, "alert", "test").stdout
    assert json.loads(receiver.taken[-1][1])["rule"] == "test"
    listed = json.loads(command(config, "alert", "list", "--json").stdout)
    assert [(one["rule"], one["deliveries"][0]["state"]) for one in listed] == [("test", "sent"), ("test", "waiting")]


def test_an_error_that_arrives_is_told_and_a_receiver_that_says_nothing_holds_up_no_batch(
    make_url: Callable[[], str], tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(alert_settings.KEY_VARIABLE, KEY)
    receiver.orders.put("silent")
    (tmp_path / "server").mkdir()
    more = f'[alerts]\naddress = "https://c.example"\n[alert_webhook]\nurl = "{receiver.url}"\n'
    log = {"chain": [{"type": "<type>", "shapes": ["email"]}], "frames": [["<place>", 0]]}
    with running(*found(tmp_path / "server", make_url(), more)) as server:
        one = Pretend(server, tmp_path)
        assert one.enrol().status == 201
        assert one.send(one.seal(1, [message(error_log=log)])).status == 200
        assert receiver.heard.wait(60)
        assert one.send(one.seal(2, [message(error_log=log)])).status == 200
        one.use("")
    told = json.loads(receiver.taken[0][1])
    assert (told["rule"], told["issue"]["installations"]) == ("new", 1)
    assert told["issue"]["link"] == f"https://c.example/issues/{told['issue']['id']}"
