"""`kill -9` of anything at any moment: 200 rounds under load, and nothing acknowledged is lost or stored twice.

Products, the scheduler, the workers of the pages and of corporate, and both servers as a whole are killed at random
moments while products record and somebody uses the pages. A product acknowledges an event after the call returned (a
byte in a file); so of each life of a product, corporate must hold exactly the first n events, n being the number it
acknowledged, or one more: the one that was being recorded when it died.
"""

from __future__ import annotations

import http.client
import os
import random
import re
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

from diffgram_home import people
from tests.cli.conftest import Shell
from tests.whole.forking import is_alive
from tests.whole.site import (
    PASSWORD,
    Site,
    assert_attempts_have_bytes,
    assert_each_event_once,
    assert_no_gap,
    drain,
    made,
)

ROUNDS = 200
OTHER_KIND = "annotator/export-finished"
VICTIMS = {
    "product": 10,
    "scheduler": 10,
    "sender": 6,
    "pages worker": 6,
    "pages": 1,
    "corporate worker": 6,
    "corporate": 1,
}
"""What is killed, and how often beside the others; a round kills one to three of them."""


def use_pages(site: Site, over: threading.Event, done: Counter[str]) -> None:
    """Somebody looks at pages and switches a kind to and fro, whoever is killed meanwhile."""
    signed = people.sign_in(site.place.home, "ada", PASSWORD, "127.0.0.1", datetime.now(UTC))
    assert isinstance(signed, people.SignedIn)
    cookie, csrf, turn = {"Cookie": f"home-session={signed.token}"}, "", 0
    form = {**cookie, "Content-Type": "application/x-www-form-urlencoded"}
    while not over.wait(0.05):
        connection = http.client.HTTPConnection("127.0.0.1", site.pages_port, timeout=10)
        turn += 1
        try:
            if csrf and turn % 4 == 0:
                wanted = urlencode({"csrf": csrf, "kind": OTHER_KIND})
                connection.request("POST", f"/cases/event/{('local', 'on')[turn % 8 == 0]}", wanted, form)
            else:
                connection.request("GET", ("/account", "/", "/pending", "/sent")[turn % 4], headers=cookie)
            answer = connection.getresponse()
            found_values = re.findall(r'name="csrf" value="([0-9a-f]{64})"', answer.read().decode())
            csrf = found_values[0] if found_values else csrf
            done[str(answer.status)] += 1
        except (OSError, http.client.HTTPException):
            done["cut"] += 1
        finally:
            connection.close()


def run_rounds(site: Site, rounds: int) -> Counter[str]:
    """Kill, again and again; returns what was killed how often."""
    killed: Counter[str] = Counter()
    site.start_all()
    for _ in range(rounds):
        under_way = site.chance.random() < 0.6
        if under_way:
            site.await_attempt()
        # The moment of the kill is what is tried here.
        time.sleep(site.chance.uniform(0, 0.03 if under_way else 0.5))
        for victim in site.chance.choices(list(VICTIMS), list(VICTIMS.values()), k=site.chance.randint(1, 3)):
            site.strike(victim)
            killed[victim] += 1
        for name, pid in site.running.items():
            assert is_alive(pid), f"{name} ended by itself: {(site.folder / 'log').read_text()[-3000:]}"
    return killed


def test_kill_9_of_anything_at_any_moment_loses_nothing_and_stores_nothing_twice(tmp_path: Path) -> None:
    seed = int(os.environ.get("KILL_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 30)
    rounds = int(os.environ.get("KILL_ROUNDS", ROUNDS))
    print(f"KILL_SEED={seed}")
    with made(tmp_path, seed) as site:
        over, done = threading.Event(), Counter[str]()
        visitor = threading.Thread(target=use_pages, args=(site, over, done))
        visitor.start()
        try:
            killed = run_rounds(site, rounds)
        finally:
            over.set()
            visitor.join()
        sent = len(site.place.rows())
        drain(site)
        events = assert_each_event_once(site)
        assert_attempts_have_bytes(site)
        assert_no_gap(site)
        verified = Shell(site.place.config.parent).ok("verify")
    unknown = sum(row.code == "interrupted" for row in site.place.rows())
    print(f"killed {dict(killed)}; {events} events in {site.lives} lives; {len(site.place.rows())} attempts")
    print(f"{unknown} attempts interrupted, {sent} made before the end; pages answered {dict(done)}; {verified}")
    assert events > 20 * rounds, "the control: it was under load"
    assert unknown > rounds // 20, "the control: kills hit what they should"
    assert min(done["200"], done["303"]) > rounds // 20, "the control: pages were used"
