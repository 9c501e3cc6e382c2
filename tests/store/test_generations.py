"""For any order of collecting, switching, consenting, sealing and answering: what was not `on` since then never leaves.

A model keeps for each message whether it was collected while its kind was on, and whether the kind has moved since. The
real store, its file and its mode file go through the same steps; then every batch that may go is compared.
"""

import itertools
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit import gate
from diffgram_home import attempts, consenting, intake, reading, rules, sealing, switching, verifying
from diffgram_home.models import QUEUED, SENT, VOIDED, VOIDING
from tests.store.building import ACTOR, KIND, NOW, OTHER_KIND, batches_due, build, orders_in, spool, word
from tests.store.test_path import batches

KINDS = (KIND, OTHER_KIND)
steps = st.one_of(
    st.tuples(st.just("collect"), st.sampled_from(KINDS)),
    st.tuples(st.just("case"), st.sampled_from(("off", "local", "on"))),
    st.tuples(st.just("kind"), st.sampled_from(KINDS), st.sampled_from(("off", "local", "on"))),
    st.tuples(st.just("blink"), st.sampled_from((None, *KINDS)), st.sampled_from(("off", "local"))),
    st.tuples(st.just("take")),
    st.tuples(st.just("seal")),
    st.tuples(st.just("consent"), st.booleans()),
    st.tuples(st.just("answer"), st.sampled_from(("accepted", "unknown", "rejected"))),
)


class World:
    """The real store beside the model."""

    def __init__(self, folder: Path) -> None:
        self.home = build(folder)
        self.orders = itertools.count(1)
        self.may: dict[int, str] = {}  # order → kind, while it may leave
        self.left: set[int] = set()
        self.case, self.kinds = "on", dict.fromkeys(KINDS, "on")

    def effective(self, kind: str) -> str:
        """The narrower of case and kind, as the design says it."""
        return min(self.case, self.kinds[kind], key=("off", "local", "on").index)

    def collect(self, kind: str) -> None:
        """A product spools one message, unless its mode is off."""
        mode = self.effective(kind)
        if mode == "off":
            return
        order = next(self.orders)
        spool(self.home, [order], kind, word(self.home, kind))
        if mode == "on":
            self.may[order] = kind

    def switch(self, kind: str | None, mode: str) -> None:
        """Turn a switch; every kind whose effective mode moves loses what was collected before."""
        before = {name: self.effective(name) for name in KINDS}
        if kind is None:
            self.case = mode
        else:
            self.kinds[kind] = mode
        moved = {name for name in KINDS if self.effective(name) != before[name]}
        self.may = {order: name for order, name in self.may.items() if name not in moved}
        switching.set_mode(self.home, "event", kind, mode, ACTOR, NOW)

    def blink(self, kind: str | None, mode: str) -> None:
        """Turn a switch away and to `on` at once: the modes are the same before and after, the generation is not."""
        self.switch(kind, mode)
        self.switch(kind, "on")

    def consent(self, given: bool) -> None:
        """Withdraw or approve one field that is not needed for a message to leave."""
        if given:
            consenting.approve(self.home, ["shop.paid"], ACTOR, "security", "the tests", NOW)
        else:
            consenting.withdraw(self.home, ["shop.paid"], ACTOR, "security", NOW)

    def answer(self, outcome: str) -> None:
        """Send the first thing that is due, as the door would after asking the gate, and give it an answer."""
        if self.case != "on":
            return
        with self.home.store.write() as session:
            due = batches_due(session, NOW, ["event"], 1)
            if not due:
                return
            body = sealing.bodies.get(session, due[0].sha256)
            gate.check(body, rules.within(self.home, session), due[0].generation, rules.CODEC, now=NOW)
            attempt = attempts.begin(session, due[0], "127.0.0.1:8091", NOW)
            receipt = "a.b.c" if outcome == "accepted" else None
            voided = due[0].voided_sha256 if due[0].may_be_received else None
            if outcome != "rejected":
                self.sent(orders_in(body))
            attempts.finish(
                self.home, session, attempt, outcome=outcome, now=NOW, receipt=receipt,
                already=voided if outcome == "accepted" else None,
            )  # fmt: skip

    def sent(self, orders: list[int]) -> None:
        """Bytes with these orders went over the wire."""
        forbidden = [order for order in orders if order not in self.may]
        assert not forbidden, f"left though not on then and since: {forbidden}"
        self.left |= set(orders)

    def do(self, step: tuple[str, ...]) -> None:
        """One step."""
        what, *values = step
        actions = {
            "collect": self.collect,
            "case": lambda mode: self.switch(None, mode),
            "kind": self.switch,
            "blink": self.blink,
            "take": lambda: intake.take(self.home, NOW),
            "seal": lambda: sealing.seal_waiting(self.home, NOW),
            "consent": self.consent,
            "answer": self.answer,
        }
        actions[what](*values)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps, min_size=4, max_size=20))
def test_what_was_not_on_then_and_since_never_leaves(plan):
    with TemporaryDirectory() as folder:
        world = World(Path(folder))
        for step in plan:
            world.do(step)
        world.do(("take",))
        world.do(("seal",))
        rows = batches(world.home)
        waiting = [order for row in rows if row.state == QUEUED for order in body_orders(world, row)]
        assert set(waiting) <= world.may.keys()
        assert len(waiting) == len(set(waiting)), "twice in what waits"
        stored = [order for row in rows if row.state == SENT for order in body_orders(world, row)]
        assert len(stored) == len(set(stored)), "twice at corporate"
        assert not set(stored) & set(waiting), "waits though corporate has it"
        held = {order for row in rows if row.state in (VOIDING,) and row.reseal for order in voided_orders(world, row)}
        assert world.may.keys() <= set(stored) | set(waiting) | held, "lost"
        assert [row.sequence for row in rows] == list(range(1, len(rows) + 1))
        assert all(row.state in (QUEUED, SENT, VOIDING, VOIDED) for row in rows)
        assert verifying.verify(world.home, NOW).holds
        world.home.close()


def body_orders(world, row):
    return orders_in(reading.body_of(world.home, row.sha256))


def voided_orders(world, row):
    return orders_in(reading.body_of(world.home, row.voided_sha256))
