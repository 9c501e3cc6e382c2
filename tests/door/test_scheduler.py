"""The scheduler as a process: led by one, killed at the worst moment, told to end, and off when it is off."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import event
from audit.difference import Change
from audit.published import Entry
from diffgram_home import facts, mailing, scheduler, switching
from tests.door.conftest import ROOT, Misbehaving
from tests.door.places import Place, complete_task, found
from tests.store.mail_server import MailServer

QUICK_S = scheduler.GRACE_S + 8
"""What ends within this did not wait for corporate, which would take 60 s; a busy machine needs some of it itself."""
WATCHED = Path(__file__).with_name("watched_scheduler.py")


class Running:
    """One scheduler process; what it says goes to a file."""

    def __init__(self, place: Place, log: Path, program: tuple[str, ...] = ("-m", "diffgram_home.scheduler")) -> None:
        self.log = log
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, *program, "--config", str(place.config)],
                cwd=ROOT,
                env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
                stderr=out,
                stdout=out,
            )

    def says(self, words: str) -> bool:
        """Whether it has said this."""
        return words in self.log.read_text()

    def end(self, by: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Signal it, and return its exit code and the seconds that it took."""
        began = time.monotonic()
        self.process.send_signal(by)
        code = self.process.wait(30)
        return code, time.monotonic() - began


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Starts schedulers, and leaves none behind."""
    started: list[Running] = []

    def one(place: Place, *program: str) -> Running:
        log = tmp_path / f"scheduler-{len(started)}.log"
        started.append(Running(place, log, program) if program else Running(place, log))
        return started[-1]

    yield one
    for running in started:
        if running.process.poll() is None:
            running.process.kill()
            running.process.wait(10)


def until(what: Callable[[], object], seconds: float = 40) -> None:
    """Wait until `what` is true."""
    ends = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.05)


def use(place: Place, messages: int = 3) -> None:
    """Let the product be used."""
    event.start(place.home.settings.spool.folder, place.home.catalogue, place.home.index, strict=True)
    for number in range(messages):
        complete_task(number)


def waits_at(corporate: Misbehaving) -> None:
    """Wait until corporate keeps somebody waiting."""
    while not corporate.told(40).get("waiting"):
        pass


def heartbeat(place: Place) -> dict[str, object]:
    """What the scheduler said last about itself."""
    with place.home.store.read() as session:
        return dict(facts.get(session, "heartbeat", {}))


def accepted(place: Place) -> int:
    """How many attempts were accepted."""
    return [row.outcome for row in place.rows()].count("accepted")


def test_it_takes_seals_and_sends_what_the_product_spools(place: Place, start: Callable[..., Running]) -> None:
    running = start(place)
    until(lambda: running.says("leads"))
    use(place)
    until(lambda: accepted(place) == 1)
    until(lambda: heartbeat(place).get("pid") == running.process.pid)
    code, took_s = running.end()
    assert (code, took_s < QUICK_S) == (0, True)


@pytest.mark.parametrize("order", ["silent", "mute"])
def test_sigterm_ends_it_quickly_while_corporate_keeps_it_waiting(
    corporate: Misbehaving, tmp_path: Path, start: Callable[..., Running], order: str
) -> None:
    place = found(tmp_path / "home", corporate.url, corporate.root, timeout_s=60)
    place.enrol()
    use(place)
    corporate.order(order, seconds=60)
    running = start(place)
    waits_at(corporate)
    code, took_s = running.end()
    assert code == 0
    assert took_s < QUICK_S
    (row,) = place.rows()
    assert (row.outcome, row.code) == ("rejected" if order == "mute" else "unknown", "stopped")


def test_a_mail_server_that_says_nothing_holds_up_no_batch_and_no_end(
    place: Place, tmp_path: Path, start: Callable[..., Running]
) -> None:
    server = MailServer(tmp_path, "none")
    server.orders.put("silent")
    place.config.write_text(place.config.read_text() + server.toml())
    place.move(place.home.settings.corporate.url)
    entry = Entry(at="2026-11-21T14:01:05Z", catalogue="ab" * 32, release="annotator 9.0.0")
    with place.home.store.write() as session:
        mailing.published(place.home, session, entry, [Change("annotator.more", "added", True, "")], place.now())
    running = start(place)
    assert server.connected.wait(40)
    use(place)
    until(lambda: accepted(place) == 1)
    assert [one.tries for one in mailing.listed(place.home)] == [1]
    code, took_s = running.end()
    assert (code, took_s < QUICK_S) == (0, True)
    assert [(one.outcome, one.code) for one in mailing.listed(place.home)] == [("waits", "stopped")]
    server.close()


def test_killed_between_attempt_and_outcome_nothing_is_lost_or_stored_twice(
    corporate: Misbehaving, tmp_path: Path, start: Callable[..., Running]
) -> None:
    place = found(tmp_path / "home", corporate.url, corporate.root, timeout_s=60)
    place.enrol()
    corporate.all_told()
    use(place)
    corporate.order("silent")
    first = start(place)
    waits_at(corporate)
    assert first.end(signal.SIGKILL)[0] == -signal.SIGKILL
    start(place)
    until(lambda: accepted(place) == 1)
    assert [(row.outcome, row.code) for row in place.rows()] == [("unknown", "interrupted"), ("accepted", None)]
    assert len({row.sha256 for row in place.rows()}) == 1


def test_a_second_scheduler_waits_says_so_and_takes_over(place: Place, start: Callable[..., Running]) -> None:
    first = start(place)
    until(lambda: first.says("leads"))
    second = start(place)
    until(lambda: second.says("another scheduler runs"))
    use(place)
    until(lambda: accepted(place) == 1)
    assert not second.says("leads;")
    first.end(signal.SIGKILL)
    until(lambda: second.says("leads;"))
    use(place)
    until(lambda: accepted(place) == 2)
    assert len(place.rows()) == 2


def test_a_scheduler_that_waits_for_another_ends_when_told(place: Place, start: Callable[..., Running]) -> None:
    first = start(place)
    until(lambda: first.says("leads"))
    second = start(place)
    until(lambda: second.says("another scheduler runs"))
    code, took_s = second.end(signal.SIGINT)
    assert code == 0
    assert took_s < QUICK_S


def test_what_fails_in_a_tick_is_a_notice_and_the_rest_goes_on(
    place: Place, start: Callable[..., Running], corporate: Misbehaving
) -> None:
    place.work()
    corporate.order("answer", status=503, headers={"Retry-After": "4"})
    running = start(place)
    until(lambda: running.says("leads"))
    spool, away = place.home.settings.spool.folder, place.home.settings.folder / "away"
    spool.rename(away)
    spool.write_text("a file where a folder should be")
    until(lambda: "scheduler-intake" in place.notices())
    assert accepted(place) == 0
    until(lambda: accepted(place) == 1)
    spool.unlink()
    away.rename(spool)
    use(place)
    until(lambda: accepted(place) == 2)
    until(lambda: "scheduler-intake" not in place.notices())
    assert running.process.poll() is None


def test_settings_that_become_unreadable_turn_all_off_until_they_are_mended(
    place: Place, start: Callable[..., Running]
) -> None:
    running = start(place)
    until(lambda: running.says("leads"))
    good = place.config.read_text()
    place.config.write_text(good + "\nunknown = 1\n")
    until(lambda: switching.UNREADABLE in place.notices())
    use(place)  # collected nowhere: the mode file says off too
    with pytest.raises(AssertionError):
        until(place.rows, 2.5)
    place.config.write_text(good)
    until(lambda: switching.UNREADABLE not in place.notices())
    use(place)
    until(lambda: accepted(place) >= 1)


def test_with_every_case_off_nothing_is_connected_and_no_name_looked_up(
    place: Place, start: Callable[..., Running], tmp_path: Path
) -> None:
    place.work()
    seen = tmp_path / "sockets.txt"
    first = start(place, str(WATCHED), str(seen))
    until(lambda: accepted(place) == 1)
    first.end()
    assert "connect" in seen.read_text()  # the watcher does see what there is to see

    place.work()
    switching.set_mode(place.home, "event", None, "off", "os:1000", place.now())
    nothing = tmp_path / "nothing.txt"
    second = start(place, str(WATCHED), str(nothing))
    until(lambda: second.says("leads"))
    with pytest.raises(AssertionError):
        until(lambda: len(place.rows()) > 1 or nothing.read_text(), 4)
    assert second.end()[0] == 0
    assert nothing.read_text() == ""


def test_it_does_not_start_with_faulty_settings(place: Place, start: Callable[..., Running]) -> None:
    place.config.write_text(place.config.read_text() + "\nunknown = 1\n")
    running = start(place)
    assert running.process.wait(15) == 4
    assert running.says("unknown")


def test_a_clock_that_is_set_is_noticed_and_one_that_runs_is_not() -> None:
    noon = datetime(2026, 11, 21, 12, tzinfo=UTC)
    clock = scheduler.Clock(noon, 100.0)
    assert not clock.was_set(noon + timedelta(seconds=5), 105.0)
    assert clock.was_set(noon - timedelta(days=365), 110.0)
    assert not clock.was_set(noon - timedelta(days=365) + timedelta(seconds=5), 115.0)
    assert clock.was_set(noon + timedelta(days=365), 120.0)
    assert not clock.was_set(noon + timedelta(days=365, seconds=scheduler.CLOCK_STEP_S), 120.0)
    assert clock.was_set(noon + timedelta(days=365, seconds=2 * scheduler.CLOCK_STEP_S + 1), 120.0)
