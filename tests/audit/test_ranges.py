"""Verifying range by range in several processes says exactly what verifying leaf after leaf says, whatever is wrong."""

import dataclasses
import os
import random
import signal

import pytest

from audit import ranges, record, tree
from audit._bodies import Bodies
from audit._judging import Judge
from audit._past import Past
from audit.verification import Finding, Head, Known
from tests.audit.ledgers import INSTALLATION, KEYS, Ledger

KNOWN = Known(receipts=KEYS, installation=INSTALLATION)
SIZES = ranges.Sizes(range=32, block=16)


class Memory:
    """A ledger in memory, as a source that each process reads for itself."""

    def __init__(self, leaves, bodies, size, known, beside=()):
        self.held, self.bodies, self.size, self.known, self.found = leaves, bodies, size, known, beside

    def begin(self):
        return ranges.Begun(self.size, self.known)

    def leaves(self, first, last):
        return [(at, data) for at, data in self.held if at >= first and (last is None or at < last)]

    def announce(self, leaves):
        pass

    def body(self, sha256):
        return self.bodies.get(sha256)

    def beside(self, first, last):
        return [f for f in self.found if (last is None and f.index is None) or _within(f.index, first, last)]


def _within(index, first, last):
    return index is not None and index >= first and (last is None or index < last)


def lived():
    """A ledger of more than eight ranges in which nearly everything happened, most of it more than once."""
    made = Ledger()
    made.mode(1)
    for sequence in range(1, 21):
        made.send(sequence)
    made.mode(2)
    waiting = [made.seal(sequence) for sequence in range(21, 36)]
    for head, sealed in waiting:
        made.outcome(made.attempt(head, sealed), head, sealed, "unknown")
        made.outcome(made.attempt(head, sealed), head, sealed)
    early = made.seal(36)[1]
    head, sealed = made.void(36, early.sha256)
    made.outcome(made.attempt(head, sealed), head, sealed)
    for number in range(40):
        made.add(record.Person(account=f"ann{number}", actor="os:0", at=made.at(), change="locked", role=None))
    size = made.frontier.size - 5
    made.add(record.Checkpoint(at=made.at(), place="file", root=made.roots[size].hex(), size=size))
    for sequence in range(37, 60):
        made.send(sequence)
    made.seal(60)
    return made


LIVED = lived()


def in_turn(made, known, beside=()):
    """Findings and report of one process, leaf after leaf; with the same block, so that it looks as far back."""
    judge = Judge(Bodies(made.bodies.get), known, made.head, past=Past(SIZES.block))
    for at, data in made.held:
        judge.take(at, data)
        for finding in beside:
            if finding.index == at:
                judge.pass_on(finding)
    for finding in beside:
        if finding.index is None:
            judge.pass_on(finding)
    judge.finish()
    return list(judge.drain()), judge.report()


def apart(made, known, beside=(), processes=2):
    """Findings and report of several processes, and how many ranges were taken over."""
    source = Memory(made.held, made.bodies, made.head.size, known, beside)
    with ranges.Crew(source, processes, SIZES) as crew:
        crew.begin()
        *found, report = crew.verify(made.head)
        return found, report, crew.apart


def both(made, known=KNOWN, beside=(), processes=2):
    found, report, taken = apart(made, known, beside, processes)
    assert (found, report) == in_turn(made, known, beside)
    return found, report, taken


class Copy:
    """A ledger to spoil; `head` stays what it was."""

    def __init__(self, made):
        self.held, self.bodies = list(enumerate(made.leaves)), dict(made.bodies)
        self.head = Head(made.frontier.size, made.frontier.root())

    def change(self, at, data):
        self.held[at] = self.held[at][0], data


def changed(data, dice):
    at = dice.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << dice.randrange(7))]) + data[at + 1 :]


@pytest.mark.parametrize("processes", [1, 2, 3, 16])
def test_a_whole_ledger_is_judged_alike_and_nearly_all_of_it_apart(processes):
    made = Copy(LIVED)
    found, report, taken = both(made, processes=processes)
    assert (found, report.holds) == ([], True)
    assert taken >= len(made.held) // SIZES.range - 2  # what was queued longer than a block is judged in turn


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 64, 100])
def test_a_ledger_of_any_length_is_judged_alike(length):
    made = Copy(LIVED)
    made.held = made.held[:length]
    made.head = Head(length, LIVED.roots[length])
    assert both(made)[1].holds


@pytest.mark.parametrize("round_", range(80))
def test_whatever_is_changed_anywhere_is_found_alike(round_):
    dice, made = random.Random(round_), Copy(LIVED)
    what = dice.choice(("leaf", "leaf", "body", "cut out", "swapped", "repeated", "cut off", "body gone", "replaced"))
    at = dice.randrange(1, len(made.held))
    if what == "leaf":
        made.change(at, changed(made.held[at][1], dice))
    elif what in ("body", "body gone"):
        key = dice.choice(list(made.bodies))
        made.bodies[key] = changed(made.bodies[key], dice) if what == "body" else None
    elif what == "cut out":
        del made.held[at]
    elif what == "swapped":
        one, other = made.held[at - 1][1], made.held[at][1]
        made.change(at - 1, other)
        made.change(at, one)
    elif what == "repeated":
        made.held = list(enumerate([data for _, data in made.held[:at]] + [data for _, data in made.held[at - 1 :]]))
    elif what == "cut off":
        made.held = made.held[:at]
    else:
        made.change(at, made.held[dice.randrange(len(made.held))][1])
    found, report, _ = both(made)
    assert found
    assert not report.holds


@pytest.mark.parametrize("at", range(SIZES.range, len(LIVED.leaves), SIZES.range))
def test_what_is_spoilt_where_two_ranges_meet_is_found_alike(at):
    for spoilt in (at - 1, at):
        made = Copy(LIVED)
        made.change(
            spoilt,
            record.encode(record.Pruned(actor="home", at=record.parse(made.held[spoilt][1]).at, before=0, bodies=1)),
        )
        assert not both(made)[1].holds


@pytest.mark.parametrize("seed", range(12))
def test_pruned_bodies_are_excused_alike_wherever_their_stretches_begin_and_end(seed):
    dice, made = random.Random(seed), Ledger()
    made.mode(1)
    for sequence in range(1, 60):
        made.send(sequence)
        if dice.random() < 0.2:
            before = dice.randrange(made.frontier.size)
            made.add(record.Pruned(actor="home", at=made.at(), before=before, bodies=1))
    gone = dice.choices(list(made.bodies), k=dice.randrange(55))
    made.bodies = {key: data for key, data in made.bodies.items() if key not in gone}
    both(Copy(made))


def test_a_wrong_receipt_a_wrong_root_and_a_wrong_number_are_found_alike():
    made = Ledger()
    made.mode(1)
    for sequence in range(1, 15):
        made.send(sequence)
    head, sealed = made.seal(15, ledger_root="0" * 64)
    made.outcome(made.attempt(head, sealed), head, sealed, token=made.receipt(head, sealed, messages=9))
    made.seal(17)
    made.add(record.Person(account="ann", actor="os:0", at="2020-01-01T00:00:00Z", change="locked", role=None))
    made.mode(1)
    for sequence in range(18, 40):
        made.send(sequence)
    made.seal(20)
    made.mode(0)
    for sequence in range(40, 60):
        made.send(sequence)
    codes = {finding.code for finding in both(Copy(made))[0]}
    assert {"checkpoint-differs", "receipt-refused", "sequence-gap", "clock-back", "generation-fell"} <= codes


@pytest.mark.parametrize("last", range(8, 22))
def test_a_number_that_was_left_out_or_came_twice_is_found_alike_wherever_ranges_meet(last):
    for following in (last, last + 2):
        made = Ledger()
        made.mode(1)
        for sequence in (*range(1, last + 1), *range(following, last + 16)):
            made.send(sequence, count=1)
        found, _, taken = both(Copy(made))
        assert [finding.code for finding in found] == ["sequence-gap" if following > last else "sequence-repeated"]
        assert taken > 0


def test_checkpoints_kept_elsewhere_are_compared_alike_at_every_size():
    kept = tuple(enumerate(LIVED.roots))
    found, report, taken = both(Copy(LIVED), Known(kept=kept, installation=INSTALLATION))
    assert (found, report.kept) == ([], len(LIVED.roots))
    assert taken > 0
    forked = tuple((size, root if size % 50 else tree.EMPTY_ROOT) for size, root in kept)
    found, report, _ = both(Copy(LIVED), Known(kept=forked, installation=INSTALLATION))
    assert {finding.code for finding in found} == {"kept-differs"}


def test_what_the_source_finds_beside_stands_at_its_leaf():
    beside = [Finding(at, "rows-differ", f"at {at}") for at in (3, 31, 32, 100, 200)] + [
        Finding(None, "rows-differ", "left over")
    ]
    found, report, _ = both(Copy(LIVED), beside=beside)
    assert [finding.index for finding in found] == [3, 31, 32, 100, 200, None]
    assert report.faults == 6


def test_a_process_that_dies_costs_time_and_nothing_else():
    made = Copy(LIVED)
    source = Memory(made.held, made.bodies, made.head.size, KNOWN)
    with ranges.Crew(source, 2, SIZES) as crew:
        crew.begin()
        os.kill(crew.pids[1], signal.SIGKILL)
        *found, report = crew.verify(made.head)
    assert (found, report) == in_turn(made, KNOWN)
    assert report.holds


def test_a_letter_that_goes_twice_is_found_however_far_apart():
    made = Ledger()
    for first in (1, 41):
        to = {"about": "test", "catalogue": None, "destination": "mail.example:25"}
        index = made.add(record.Mail(actor="os:0", at=made.at(), sha256="a" * 64, size_bytes=9, **to))
        made.add(record.Mailed(at=made.at(), code=None, mail=index, outcome="accepted", status=250))
        for sequence in range(first, first + 40):
            made.send(sequence)
    found, _, taken = both(Copy(made))
    assert [finding.code for finding in found] == ["mail-twice"]
    assert taken > 3


def test_an_installation_that_nobody_named_is_learnt_alike():
    both(Copy(LIVED), Known())
    both(Copy(LIVED), Known(installation="f" * 32))


def test_progress_reaches_the_end():
    made, told = Copy(LIVED), []
    with ranges.Crew(Memory(made.held, made.bodies, made.head.size, KNOWN), 2, SIZES) as crew:
        crew.begin()
        list(crew.verify(made.head, told.append))
    assert told == sorted(told)
    assert told[-1] == made.head.size


def test_everything_that_a_judge_remembers_is_handed_on():
    """Whoever adds something here has to say in `_handover` how the next range learns it."""
    judge = Judge(Bodies({}.get), Known())
    made_new = {"bodies", "known", "past", "numbers", "requests", "foreseen", "steps", "found", "kept", "head"}
    nothing_found = {"faults", "notes", "shift", "torn", "differing"}
    handed_on = {"index", "at", "begins", "generation", "agreed", "unread", "kept_held"}
    in_turn_only = {"mails", "approving"}  # `_range.IN_TURN`
    assert {f.name for f in dataclasses.fields(judge)} == made_new | nothing_found | handed_on | in_turn_only
    numbers = {"installation", "open", "attempts", "next", "receipts_checked", "vouched", "accepted", "_read_receipt"}
    assert set(vars(judge.numbers)) == numbers
    in_turn_where_a_case_asks = {"asks", "lacking", "_decided", "_forgot"}
    assert set(vars(judge.approving)) == {"makers"} | in_turn_where_a_case_asks
    assert set(vars(judge.requests)) == {"open", "by_hand", "checked", "_bodies", "_readers"}
    bodies = {"seen", "seen_bytes", "pruned", "runs", "_body", "_running", "_fetched"}
    assert set(vars(judge.bodies)) == bodies
