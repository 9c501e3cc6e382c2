"""The scheduler: a process of its own that moves facts on, from the spool to corporate.

`python -m diffgram_home.scheduler --config FILE`, or forked by `diffgram-home run`. Every few seconds one tick: take
over the modes, take in what is spooled, seal it, send it, sign a checkpoint. Each stage is safe against `kill -9`; this
module only calls them in order. Rules:

- One scheduler leads (`scheduler.lock`); a second one waits until the first has ended, and says so.
- What fails in one stage is a notice, and the next tick tries again. Only without the modes does nothing else run.
- SIGTERM and SIGINT end it within seconds: no new exchange begins, the present one has GRACE_S to end by itself.
- The machine's clock may be set: the next tick then comes at once, not when the old time comes round again.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.blocking import BlockingScheduler

from audit.errors import AuditError
from diffgram_home import (
    approving,
    counting,
    coverage,
    deleting,
    elsewhere,
    facts,
    grouping,
    intake,
    leaving,
    ledger,
    locks,
    mailing,
    pruning,
    sealing,
    sending,
    settings,
    switching,
    tripped,
    tripwire,
    upgrading,
)
from diffgram_home.browser import counts
from diffgram_home.errors import HomeError
from diffgram_home.home import Home, open_home
from diffgram_home.outbound import Door, MailDoor, WitnessDoor
from diffgram_home.reports import keeping
from diffgram_home.settings import Settings
from diffgram_home.supporting import deciding

GRACE_S = 2.0
"""How long an exchange may go on after SIGTERM."""
LONGEST_STOP_S = 10.0
"""After so long the process ends with a stage still running, which is as safe as `kill -9`."""
HEARTBEAT_EVERY_S = 30
CLOCK_STEP_S = 30
"""A difference between the machine's clock and the time that passed which means: somebody set the clock."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_log = logging.getLogger(__name__)


class Ticker:
    """The stages of a tick, run in order, and what is known of them from the last time."""

    def __init__(self, home: Home, door: Door, stopping: threading.Event, witness: WitnessDoor | None = None) -> None:
        self._home, self._door, self._stopping, self._witness = home, door, stopping, witness
        self._failing: dict[str, str] = {}
        self._beaten = 0.0
        self.idle = threading.Event()
        self.idle.set()

    def tick(self) -> None:
        """One round of all stages; nothing raised by any of them leaves this."""
        self._busy(
            (
                ("modes", switching.apply),
                ("consent", upgrading.attend),
                ("sessions", counts.gather),
                ("intake", intake.take),
                ("issues", grouping.catch_up),
                ("support", deciding.attend),
                ("sealing", sealing.seal_waiting),
                ("approval", approving.attend),
                ("tripwire", tripped.take),
                ("sending", lambda home, now: sending.send_due(home, self._door, now)),
                ("requests", lambda home, now: deleting.send_due(home, self._door, now)),
                ("coverage", coverage.count),
                ("leaving", leaving.finish),
                ("checkpoint", ledger.sign_checkpoint),
                ("elsewhere", lambda home, now: elsewhere.hand_over(home, self._witness, now)),
            )
        )
        self._beat()

    def mail(self, door: MailDoor) -> None:
        """Send letters that are due, in a thread of its own: a slow mail server holds up nothing."""
        self._busy((("mail", lambda home, now: mailing.send_due(home, door, now)),))

    def report(self) -> None:
        """Count what is due in the product's database, in a thread of its own: a slow database holds up nothing."""
        self._busy((("reports", keeping.attend),))

    def prune(self) -> None:
        """Let go of what is old."""
        self._busy((("pruning", pruning.prune),))

    def _busy(self, stages: tuple[tuple[str, Callable[[Home, datetime], Any]], ...]) -> None:
        self.idle.clear()
        try:
            for name, stage in stages:
                if self._stopping.is_set() or (not self._done(name, stage) and name == "modes"):
                    return
        finally:
            self.idle.set()

    def _done(self, name: str, stage: Callable[[Home, datetime], Any]) -> bool:
        now = datetime.now(UTC)
        try:
            stage(self._home, now)
        except Exception as error:  # the tick goes on: whatever it was, it is told
            self._tell(name, error, now)
            return False
        if name in self._failing:
            self._over(name, now)
        return True

    def _tell(self, name: str, error: Exception, now: datetime) -> None:
        """A notice, and a line in the log when it is new. No words of a foreign exception: they may hold a value."""
        known = isinstance(error, HomeError | AuditError)
        code = str(getattr(error, "code", "unexpected")) if known else "unexpected"
        text = str(error.args[0]) if known else f"{type(error).__name__} at {_place(error)}"
        hint = str(getattr(error, "hint", "")) if known else "see 'diffgram-home check'; report it with this line"
        if self._failing.get(name) != code:
            _log.error("%s failed: %s (%s; %s)", name, text, code, hint)
        self._failing[name] = code
        try:
            with self._home.store.write() as session:
                counting.notice(session, now, f"scheduler-{name}", code, text, hint)
        except Exception as again:  # the database itself, mostly; the line in the log has to do
            _log.debug("no notice could be written: %s", type(again).__name__)

    def _over(self, name: str, now: datetime) -> None:
        _log.warning("%s works again", name)
        del self._failing[name]
        with self._home.store.write() as session:
            counting.end_notice(session, now, f"scheduler-{name}")

    def _beat(self) -> None:
        """Say that we live; not at every tick, since each time costs a flush of the disk."""
        if time.monotonic() - self._beaten < HEARTBEAT_EVERY_S and self._beaten:
            return
        now = datetime.now(UTC)
        beat = {"at": now.isoformat(), "pid": os.getpid(), "failing": dict(self._failing)}
        try:
            with self._home.store.write() as session:
                facts.put(session, "heartbeat", beat)
            self._beaten = time.monotonic()
        except HomeError as error:
            _log.debug("no heartbeat could be written: %s", error.code)


class Clock:
    """Tells when the machine's clock was set, by comparing it with the time that really passed."""

    def __init__(self, wall: datetime, passed_s: float) -> None:
        self._wall, self._passed_s = wall, passed_s

    def was_set(self, wall: datetime, passed_s: float) -> bool:
        """Whether `wall` is not what it should be after `passed_s` (monotonic, seconds); compares anew from here on."""
        expected = self._wall + timedelta(seconds=passed_s - self._passed_s)
        self._wall, self._passed_s = wall, passed_s
        return abs((wall - expected).total_seconds()) > CLOCK_STEP_S


def run(wanted: Settings, config: Path) -> None:
    """Run until SIGTERM or SIGINT. Raises SettingsFaults or StoreError if it cannot start.

    Call it in the main thread, before other threads run: the signals are blocked and awaited by a thread of ours, since
    a handler could run in the middle of anything, locks included.
    """
    stopping = threading.Event()
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    tripwire.know(wanted)
    home = open_home(wanted)
    threading.Thread(target=_await_signal, args=(stopping,), daemon=True).start()
    path = wanted.folder / "scheduler.lock"
    with ExitStack() as stack:
        stack.callback(home.close)
        leads = stack.enter_context(locks.alone(path))
        if not leads:
            _log.warning("another scheduler runs for '%s'; waiting until it ends", config)
            leads = stack.enter_context(locks.alone(path, wait_s=float("inf"), give_up=stopping, every_s=1.0))
        if leads and not stopping.is_set():
            _lead(home, stopping)


def _lead(home: Home, stopping: threading.Event) -> None:
    door = sending.open_door(home)
    witness, mail = elsewhere.open_witness(home.settings), mailing.open_door(home)
    ticker, mailer, reporter = (Ticker(home, door, stopping, told) for told in (witness, None, None))
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a tick that takes longer than its interval is no news
    jobs = BlockingScheduler(
        timezone=UTC,
        executors={name: ThreadPoolExecutor(1) for name in ("default", "mail", "reports")},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    now = datetime.now(UTC)
    jobs.add_job(ticker.tick, "interval", seconds=home.settings.sending.every_s, next_run_time=now)
    jobs.add_job(ticker.prune, "interval", hours=1, next_run_time=now + timedelta(minutes=1))
    if mail is not None:
        every_s = home.settings.sending.every_s
        jobs.add_job(mailer.mail, "interval", args=(mail,), seconds=every_s, next_run_time=now, executor="mail")
    if home.settings.reports is not None:
        jobs.add_job(reporter.report, "interval", minutes=1, next_run_time=now, executor="reports")
    doors = [one for one in (door, witness, mail) if one]
    threading.Thread(target=_attend, args=(jobs, doors, stopping), daemon=True).start()
    _log.info("leads; a tick every %s s", home.settings.sending.every_s)
    jobs.start()
    if not all(one.idle.wait(LONGEST_STOP_S) for one in (ticker, mailer, reporter)):
        os._exit(0)
    _log.info("ended")


def _attend(jobs: BlockingScheduler, doors: Sequence[Door | MailDoor | WitnessDoor], stopping: threading.Event) -> None:
    """Wait for the end; meanwhile call all jobs at once when the clock was set."""
    clock = Clock(datetime.now(UTC), time.monotonic())
    while not stopping.wait(5):
        now = datetime.now(UTC)
        if clock.was_set(now, time.monotonic()):
            for job in jobs.get_jobs():
                job.modify(next_run_time=now)
    for door in doors:
        door.stop(GRACE_S)
    jobs.shutdown(wait=False)


def _await_signal(stopping: threading.Event) -> None:
    signal.sigwait(_SIGNALS)
    stopping.set()


def _place(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1:]
    return f"{Path(last[0].filename).name}:{last[0].lineno}" if last else "an unknown place"


def main(arguments: list[str] | None = None) -> int:
    """`python -m diffgram_home.scheduler --config FILE`: 0 when it was told to end, 4 or 7 when it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m diffgram_home.scheduler", description="moves facts on")
    parser.add_argument("--config", type=Path, required=True, help="the settings file, diffgram-home.toml")
    config = parser.parse_args(arguments).config
    logging.basicConfig(level=logging.INFO, format="%(asctime)s scheduler: %(message)s", stream=sys.stderr)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    tripwire.arm("scheduler")
    try:
        run(settings.read(config, os.environ), config)
    except settings.SettingsFaults as error:
        _log.error("%s", error)
        return 4
    except HomeError as error:
        _log.error("%s", error)
        return 7
    return 0


if __name__ == "__main__":
    sys.exit(main())
