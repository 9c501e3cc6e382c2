"""Issues go on to a Sentry-compatible server: what stands in the envelope, for whose issues, and what goes wrong."""

import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sentry_sdk.envelope import Envelope

from corporate import settings
from corporate.alerting import noticing, sending
from corporate.alerting import settings as alert_settings
from corporate.alerting.settings import Alerts, Forward
from corporate.errors import SettingsFaults
from tests.corporate.issuing import Shop, failed, opened, release
from tests.corporate.receiving import Receiver
from tests.corporate.running import found

NOW = datetime.now(UTC)
AT = NOW.strftime("%Y-%m-%dT00:00:00Z")
KEY = "0123456789abcdef0123456789abcdef"
ENVIRON = {alert_settings.SENTRY_VARIABLE: KEY}


@pytest.fixture
def shop(make_url: Callable[[], str], tmp_path: Path) -> Iterator[Shop]:
    """A server that looked for alerts before anything arrived."""
    made = opened(tmp_path, make_url())
    noticing.notice(made.store, Alerts(), NOW)
    yield made
    made.store.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def forwarding(receiver: Receiver, *customers: str, **more: Any) -> Alerts:
    url = receiver.url.replace("/hook?to=ops", "/api/7/envelope/")
    return Alerts(sentry=Forward(url, "", customers), address="https://corporate.vendor.example/", **more)


def due(shop: Shop, alerts: Alerts, now: datetime = NOW, environ: dict[str, str] = ENVIRON) -> list[sending.Tried]:
    noticing.notice(shop.store, alerts, now)
    return sending.send_due(shop.store, alerts, "Diffgram", now, environ)


def event_in(body: bytes) -> dict[str, Any]:
    """The event, as the SDK's own reader finds it."""
    (item,) = Envelope.deserialize(body).items
    assert item.type == "event"
    made: dict[str, Any] = json.loads(item.payload.get_bytes())
    return made


def test_a_new_issue_is_forwarded_with_what_the_gate_passed_and_nothing_else(shop: Shop, receiver: Receiver):
    home = shop.home("St Mary's Hospital", shop.released(release("1.0.0"), NOW - timedelta(days=1)))
    home.send(failed("save", 3, "email", kind="shop.errors.QuotaError"), at=AT)
    shop.follow()
    assert [(one.way, one.state) for one in due(shop, forwarding(receiver))] == [("sentry", "sent")]
    ((head, body),) = receiver.taken
    assert receiver.paths == ["/api/7/envelope/"]
    assert f"sentry_key={KEY}" in head
    told = event_in(body)
    (thrown,) = told["exception"]["values"]
    assert (thrown["module"], thrown["type"], thrown["value"]) == ("shop.errors", "QuotaError", "<email>")
    assert thrown["stacktrace"]["frames"] == [
        {"module": "shop.orders", "function": "save", "lineno": 103, "in_app": True}
    ]
    assert (told["release"], told["platform"]) == ("shop@1.0.0", "python")
    assert told["fingerprint"] == ["diffgram", told["tags"]["diffgram.issue"]]
    assert told["tags"]["diffgram.link"].startswith("https://corporate.vendor.example/issues/")
    members = {"event_id", "level", "tags", "sdk", "timestamp", "release", "platform", "exception"}
    assert told.keys() == members | {"transaction", "fingerprint"}
    for other in ("Mary", "Hospital", home.id, KEY):
        assert other.encode() not in body


def test_the_next_release_brings_it_back_as_one_issue_there_and_the_same_alert_is_one_event(
    shop: Shop, receiver: Receiver
):
    home = shop.home("St Mary", shop.released(release("1.0.0"), NOW - timedelta(days=1)))
    home.send(failed("save"), at=AT)
    shop.follow()
    alerts = forwarding(receiver)
    receiver.orders.put("500")
    assert [one.state for one in due(shop, alerts)] == ["waiting"]
    assert due(shop, alerts) == []
    assert [one.state for one in due(shop, alerts, NOW + timedelta(minutes=1))] == ["sent"]
    first, second = (event_in(body) for _, body in receiver.taken)
    assert first == second
    assert due(shop, alerts, NOW + timedelta(minutes=5)) == []


def test_only_issues_of_the_customers_that_are_named_go(shop: Shop, receiver: Receiver):
    places = shop.released(release("1.0.0"), NOW - timedelta(days=1))
    shop.home("St Mary", places).send(failed("save"), at=AT)
    shop.home("Nordlicht", places).send(failed("load", 2), failed("save", 3, "integer(2)"), at=AT)
    shop.follow()
    assert [one.state for one in due(shop, forwarding(receiver, "St Mary"))] == ["sent"]
    ((_, body),) = receiver.taken
    assert event_in(body)["exception"]["values"][0]["value"] == "", "the newest of that customer, not of another"


def test_nothing_is_forwarded_unless_the_settings_say_so(shop: Shop, receiver: Receiver):
    shop.home("St Mary", shop.released(release("1.0.0"), NOW - timedelta(days=1))).send(failed("save"), at=AT)
    shop.follow()
    assert due(shop, Alerts()) == []
    assert due(shop, forwarding(receiver)) == [], "what was noticed before is not forwarded afterwards"
    assert receiver.taken == []


@pytest.mark.parametrize(("order", "state", "code"), [("429", "waiting", "refused"), ("403", "failed", "refused"),
                                                      ("302", "failed", "refused"), ("cut", "waiting", "malformed"),
                                                      ("garbage", "waiting", "malformed")])  # fmt: skip
def test_a_server_that_refuses_or_misbehaves_is_tried_again_where_that_helps(
    shop: Shop, receiver: Receiver, order: str, state: str, code: str
):
    shop.home("St Mary", shop.released(release("1.0.0"), NOW - timedelta(days=1))).send(failed("save"), at=AT)
    shop.follow()
    receiver.orders.put(order)
    (tried,) = due(shop, forwarding(receiver))
    assert tried.state == state
    assert tried.code in (code, "not-reached")


def test_without_a_key_it_waits_says_what_to_do_and_the_key_is_never_in_a_log(
    shop: Shop, receiver: Receiver, caplog: pytest.LogCaptureFixture
):
    shop.home("St Mary", shop.released(release("1.0.0"), NOW - timedelta(days=1))).send(failed("save"), at=AT)
    shop.follow()
    alerts = forwarding(receiver)
    with caplog.at_level(logging.DEBUG):
        for number, wrong in enumerate(("", "short", f"{KEY}\nX-More: 1")):
            (tried,) = due(shop, alerts, NOW + timedelta(hours=3 * number), {alert_settings.SENTRY_VARIABLE: wrong})
            assert (tried.state, tried.code) == ("waiting", "sentry-key")
        assert [one.state for one in due(shop, alerts, NOW + timedelta(hours=12))] == ["sent"]
    assert "there is no key to forward issues with" in caplog.text
    assert KEY not in caplog.text
    assert KEY not in json.dumps([sending.as_json(one) for one in sending.told(shop.store)], default=str)


def test_a_test_is_an_event_too_and_beyond_the_most_an_hour_nothing_goes_by_itself(shop: Shop, receiver: Receiver):
    done = sending.try_now(shop.store, forwarding(receiver), "Diffgram", NOW, ENVIRON)
    assert [one.state for one in done.deliveries] == ["sent"]
    assert event_in(receiver.taken[0][1])["logentry"]["formatted"].startswith("This is a test")
    shop.home("St Mary", shop.released(release("1.0.0"), NOW - timedelta(days=1))).send(
        *[failed(name) for name in ("save", "check", "load")], at=AT
    )
    shop.follow()
    assert len(due(shop, forwarding(receiver, most_an_hour=2))) == 1, "one that was a test counts too"


@pytest.mark.parametrize(
    "url",
    ["https://sentry.example/", "http://sentry.example/api/7/envelope/", "https://key@sentry.example/api/7/envelope/",
     "https://sentry.example/api/7/store/", "sentry.example"],
)  # fmt: skip
def test_an_address_that_is_none_or_has_the_key_in_it_is_a_fault_of_the_settings(tmp_path: Path, url: str):
    config, _ = found(tmp_path, "", f'\n[alert_sentry]\nurl = "{url}"\n')
    with pytest.raises(SettingsFaults) as no:
        settings.read(config, {})
    assert "alert_sentry.url" in no.value.faults[0]


def test_the_settings_name_server_and_customers(tmp_path: Path):
    text = '\n[alert_sentry]\nurl = "https://sentry.example/api/7/envelope/"\ncustomers = ["St Mary"]\n'
    config, _ = found(tmp_path, "", text)
    alerts = settings.read(config, {}).alerts
    assert alerts.ways == ("sentry",)
    assert alerts.sentry.customers == ("St Mary",)
