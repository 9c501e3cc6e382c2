"""`event.SentryTransport` under the unmodified sentry-sdk, in products that run Flask, Django, Celery and logging."""

import subprocess
import sys
from pathlib import Path

import pytest
import sentry_sdk.transport

import event
from audit.index import encode
from event.sentry import items
from tests.event import samples
from tests.ways import running, spelled

CHAIN = ["LookupError", "shop.StockError"]
DEEPEST = [["shop:sell:24", 1], ["shop:sell:22", 1], ["shop:Shelf.take:16", 1]]
SURELY = {"breadcrumbs", "user", "contexts", "extra", "tags", "server-name", "modules", "attachment", "locals"}
BESIDES = {"flask": {"request", "transaction", "session"}, "django": {"request"}, "logging": {"message", "attributes"}}


@pytest.fixture(scope="module")
def index_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("index") / "index.json"
    path.write_bytes(encode(running.shop_index()))
    return path


def _spool(folder: Path, mode: str = "on") -> Path:
    place = folder / "spool"
    place.mkdir()
    samples.set_modes(place, mode)
    return place


@pytest.mark.parametrize("framework", running.FRAMEWORKS)
def test_a_framework_reports_places_and_types_and_nothing_of_the_customer(
    framework: str, tmp_path: Path, index_file: Path
):
    spool = _spool(tmp_path)
    ran = running.run(framework, spelled.SECRET, "transport", spool, index_file)
    assert spelled.found_in(ran.stdout.encode()), "the control: it was there"
    [message] = [found for found in samples.messages_in(spool) if found["kind"] == "home/error"]
    assert message["release"] == "1.4.2"
    log = message["error_log"]
    types = [link["type"] for link in log["chain"]]
    assert types == (["ExceptionGroup", *CHAIN, *CHAIN] if framework == "groups" else CHAIN)
    sold = next(link for link in log["chain"] if link["type"] == "LookupError")
    assert sold["code_text"]["arguments"][0][0] == "nothing was sold to "
    assert log["frames"][-3:] == DEEPEST or (framework, log["frames"][-1]) == ("groups", ["shop:sell_many:34", 1])
    assert spelled.found_under(spool) == {}
    counts = {name.split("|")[2] for name in samples.counts_in(spool) if name.startswith("refused|home/error|")}
    assert SURELY - ({"locals"} if framework == "groups" else set()) | BESIDES.get(framework, set()) <= counts
    assert counts <= items.WORDS


def test_nothing_is_written_while_the_kind_is_off(tmp_path: Path, index_file: Path):
    spool = _spool(tmp_path, "off")
    running.run("logging", spelled.SECRET, "transport", spool, index_file)
    assert [path.name for path in spool.iterdir()] == ["modes"]


def test_it_is_one_of_the_sdks_own_transports_with_all_that_they_can_do():
    transport = event.SentryTransport()
    assert isinstance(transport, sentry_sdk.transport.Transport)
    assert isinstance(transport, event.SentryTransport)
    assert transport.is_healthy()
    assert transport.flush(1) is transport.kill() is transport.record_lost_event("queue", "error") is None


def test_without_the_sdk_it_says_what_to_do():
    code = "import event\ntry:\n    event.SentryTransport()\nexcept event.EventError as fault:\n    print(fault)"
    assert "import sentry_sdk first" in printed(code)


def test_event_does_not_load_the_sdk():
    assert printed("import event, sys; print('sentry_sdk' in sys.modules)") == "False"


def printed(code: str) -> str:
    """Return what a fresh interpreter prints."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
