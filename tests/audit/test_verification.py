"""Verification: a whole ledger holds, each planted fault is found where it stands, and the limits are said."""

import hashlib
import random
from dataclasses import replace

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import _bodies, _judging, _numbers, gate, record, signed, tree, verification
from audit.errors import SignatureRefused
from audit.verification import Finding, Head, Known
from tests.audit import samples
from tests.audit.ledgers import DESTINATION, KEYS, RULES, Ledger, whole


def codes(found):
    return [(finding.index, finding.code) for finding in found]


def test_a_whole_ledger_holds():
    found, report = whole().verify()
    assert found == []
    assert report.holds
    assert (report.accepted, report.receipts, report.pending) == (4, 4, 1)
    assert (report.bodies, report.pruned) == (6, 1)
    assert report.root == whole().frontier.root().hex()


def test_an_empty_ledger_holds_and_has_the_empty_root():
    found, report = Ledger().verify()
    assert (found, report.holds, report.size, report.root) == ([], True, 0, tree.EMPTY_ROOT.hex())


def sealed_twice(made):
    made.send(1)
    made.seal(1)
    return [(3, "sequence-repeated")]


def gap(made):
    made.send(1)
    made.seal(3)
    return [(3, "sequence-gap")]


def not_from_one(made):
    made.seal(2)
    return [(0, "sequence-gap")]


def body_changed(made):
    _, sealed = made.send(1)
    made.bodies[sealed.sha256] = sealed.body.replace(b'"order_id":7', b'"order_id":8')
    assert made.bodies[sealed.sha256] != sealed.body
    return [(0, "body-changed")]


def body_swapped(made):
    one, two = made.send(1)[1], made.send(2)[1]
    made.bodies[one.sha256], made.bodies[two.sha256] = two.body, one.body
    return [(0, "body-changed"), (3, "body-changed")]


def body_missing(made):
    _, sealed = made.send(1)
    del made.bodies[sealed.sha256]
    made.send(2)
    return [(0, "body-missing")]


def body_missing_after_the_pruning(made):
    made.send(1)
    made.add(record.Pruned(actor="home", at=made.at(), before=3, bodies=0))
    _, sealed = made.send(2)
    del made.bodies[sealed.sha256]
    return [(4, "body-missing")]


def body_missing_beyond_the_pruning(made):
    _, one = made.send(1)
    _, two = made.send(2)
    del made.bodies[one.sha256], made.bodies[two.sha256]
    made.add(record.Pruned(actor="home", at=made.at(), before=3, bodies=1))
    return [(3, "body-missing")]


def body_missing_on_both_sides_of_one_that_is_there(made):
    one, _, three = (made.send(number)[1] for number in (1, 2, 3))
    del made.bodies[one.sha256], made.bodies[three.sha256]
    made.add(record.Pruned(actor="home", at=made.at(), before=4, bodies=1))
    return [(6, "body-missing")]


def something_after_the_last_line(made):
    head = made.header(1)
    body = gate.seal([samples.collected()] * 2, head, RULES, samples.CODEC).body + b"more"
    made.bodies[gate.sha256_hex(body)] = body
    made.seal(1, sha256=gate.sha256_hex(body), size_bytes=len(body))
    return [(0, "body-differs")]


def pruned_ahead(made):
    made.add(record.Pruned(actor="home", at=made.at(), before=1, bodies=0))
    return [(0, "pruned-ahead")]


def body_of_another_form(made):
    body = b"what a surprise\n"
    made.bodies[gate.sha256_hex(body)] = body
    made.seal(1, sha256=gate.sha256_hex(body), size_bytes=len(body))
    return [(0, "body-malformed")]


def leaf_says_other_size(made):
    made.seal(1, size_bytes=1)
    return [(0, "body-changed")]


def leaf_says_other_messages(made):
    made.seal(1, messages=3)
    return [(0, "body-differs")]


def leaf_says_other_catalogue(made):
    made.seal(1, catalogue="0" * 64)
    return [(0, "body-differs")]


def leaf_says_other_case(made):
    made.seal(1, case="browser")
    return [(0, "body-differs")]


def void_under_a_sealed_leaf(made):
    head = made.header(1, "mode")
    sealed = gate.void(head, RULES, samples.CODEC)
    made.bodies[sealed.sha256] = sealed.body
    made.seal(1, sha256=sealed.sha256, size_bytes=len(sealed.body))
    return [(0, "body-differs")]


def content_under_a_void_leaf(made):
    _, one = made.seal(1)
    head = made.header(1)
    sealed = gate.seal([samples.collected()], head, RULES, samples.CODEC)
    made.bodies[sealed.sha256] = sealed.body
    made.void(1, one.sha256, sha256=sealed.sha256, size_bytes=len(sealed.body))
    return [(1, "body-differs")]


def lines_cut(made):
    head = made.header(1)
    sealed = gate.seal([samples.collected()] * 2, head, RULES, samples.CODEC)
    body = sealed.body[: sealed.body[:-1].rfind(b"\n") + 1]
    made.bodies[gate.sha256_hex(body)] = body
    made.seal(1, sha256=gate.sha256_hex(body), size_bytes=len(body))
    return [(0, "body-differs")]


def other_installation(made):
    made.send(1)
    head = replace(made.header(2), installation="f" * 32)
    sealed = gate.seal([samples.collected()] * 2, head, RULES, samples.CODEC)
    made.bodies[sealed.sha256] = sealed.body
    made.seal(2, sha256=sealed.sha256, size_bytes=len(sealed.body))
    return [(3, "body-differs")]


def quoted_root_differs(made):
    made.send(1)
    head = replace(made.header(2), ledger_root="0" * 64)
    sealed = gate.seal([samples.collected()] * 2, head, RULES, samples.CODEC)
    made.bodies[sealed.sha256] = sealed.body
    made.seal(2, sha256=sealed.sha256, size_bytes=len(sealed.body), ledger_root="0" * 64)
    return [(3, "checkpoint-differs")]


def quoted_size_ahead(made):
    made.add(record.Checkpoint(at=made.at(), place="file", root="0" * 64, size=1))
    return [(0, "checkpoint-ahead")]


def checkpoint_of_another_ledger(made):
    made.send(1)
    made.add(record.Checkpoint(at=made.at(), place="file", root="0" * 64, size=2))
    return [(3, "checkpoint-differs")]


def attempt_of_other_bytes(made):
    head, sealed = made.seal(1)
    made.attempt(head, sealed, sha256="0" * 64)
    return [(1, "attempt-without-batch"), (1, "attempt-open")]


def attempt_of_nothing_sealed(made):
    head, sealed = made.seal(1)
    made.attempt(head, sealed, sequence=2)
    return [(1, "attempt-without-batch"), (1, "attempt-open")]


def attempt_after_acceptance(made):
    head, sealed = made.send(1)
    made.outcome(made.attempt(head, sealed), head, sealed, "unknown")
    return [(3, "attempt-without-batch")]


def attempt_of_the_body_before_the_void(made):
    head, sealed = made.seal(1)
    made.void(1, sealed.sha256)
    made.outcome(made.attempt(head, sealed), head, sealed, "unknown")
    return [(2, "attempt-without-batch")]


def attempts_at_the_same_time(made):
    head, sealed = made.seal(1)
    made.attempt(head, sealed)
    made.outcome(made.attempt(head, sealed), head, sealed)
    return [(2, "attempt-unfinished")]


def outcome_of_nothing(made):
    head, sealed = made.seal(1)
    made.outcome(0, head, sealed, "unknown")
    return [(1, "outcome-without-attempt")]


def outcome_twice(made):
    head, sealed = made.seal(1)
    at = made.attempt(head, sealed)
    made.outcome(at, head, sealed, "unknown")
    made.outcome(at, head, sealed)
    return [(3, "outcome-without-attempt")]


def outcome_ahead_of_its_attempt(made):
    head, sealed = made.seal(1)
    made.outcome(2, head, sealed, "unknown")
    made.attempt(head, sealed)
    return [(1, "outcome-without-attempt"), (2, "attempt-open")]


def outcome_of_another_number(made):
    head, sealed = made.seal(1)
    made.outcome(made.attempt(head, sealed), head, sealed, "unknown", sequence=2)
    return [(2, "outcome-differs")]


def attempt_while_one_of_other_bytes_ends(made):
    head, sealed = made.seal(1)
    made.attempt(head, sealed)
    strange = made.attempt(head, sealed, sha256="0" * 64)
    made.outcome(strange, head, sealed, "unknown", sha256="0" * 64)
    made.outcome(made.attempt(head, sealed), head, sealed)
    return [(2, "attempt-without-batch"), (4, "attempt-unfinished")]


def void_of_nothing(made):
    made.void(1, "0" * 64)
    return [(0, "void-without-batch")]


def void_of_an_accepted_number(made):
    _, sealed = made.send(1)
    made.void(1, sealed.sha256)
    return [(3, "void-without-batch")]


def void_of_another_body(made):
    made.seal(1)
    made.void(1, "0" * 64)
    return [(1, "void-differs")]


def void_twice(made):
    _, sealed = made.seal(1)
    _, void = made.void(1, sealed.sha256)
    made.void(1, void.sha256)
    return [(2, "void-differs")]


def generation_fell(made):
    made.mode(5)
    made.mode(4)
    return [(1, "generation-fell")]


def sealed_under_an_earlier_generation(made):
    made.mode(5)
    made.seal(1, generation=4)
    return [(1, "generation-fell")]


def receipt_with(code="receipt-refused", **changes):
    def spoil(made):
        head, sealed = made.seal(1)
        token = made.receipt(head, sealed, **changes)
        made.outcome(made.attempt(head, sealed), head, sealed, token=token)
        return [(2, code)]

    return spoil


def receipt_for_a_void_names_a_batch_never_sealed(made):
    _, sealed = made.seal(1)
    head, void = made.void(1, sealed.sha256)
    token = made.receipt(head, void, void=False, already="0" * 64)
    made.outcome(made.attempt(head, void), head, void, token=token)
    return [(3, "received-elsewhere")]


def receipt_that_is_none(made):
    head, sealed = made.seal(1)
    made.outcome(made.attempt(head, sealed), head, sealed, token="a.b.c")
    return [(2, "receipt-refused")]


def leaf_damaged(made):
    made.add(b"\0" * 40)
    return [(0, "record-malformed")]


def leaf_of_a_later_release(made):
    made.add(b'{"at":"2026-11-21T14:00:00Z","type":"grant"}')
    return [(0, "record-unknown")]


def clock_back(made):
    made.add(record.Checkpoint(at="2027-01-01T00:00:00Z", place="file", root=tree.EMPTY_ROOT.hex(), size=1))
    made.seal(1)
    return [(0, "checkpoint-ahead"), (1, "clock-back")]


PLANTED = [
    sealed_twice, gap, not_from_one, body_changed, body_swapped, body_missing, body_missing_after_the_pruning,
    body_missing_beyond_the_pruning, pruned_ahead,
    body_missing_on_both_sides_of_one_that_is_there, something_after_the_last_line,
    body_of_another_form, leaf_says_other_size,
    leaf_says_other_messages, leaf_says_other_catalogue, leaf_says_other_case, void_under_a_sealed_leaf,
    content_under_a_void_leaf, lines_cut, other_installation, quoted_root_differs, quoted_size_ahead,
    checkpoint_of_another_ledger, attempt_of_other_bytes, attempt_of_nothing_sealed, attempt_after_acceptance,
    attempt_of_the_body_before_the_void, attempts_at_the_same_time, outcome_of_nothing, outcome_twice,
    outcome_ahead_of_its_attempt, outcome_of_another_number,
    attempt_while_one_of_other_bytes_ends, void_of_nothing, void_of_an_accepted_number,
    void_of_another_body, void_twice, generation_fell, sealed_under_an_earlier_generation,
    receipt_for_a_void_names_a_batch_never_sealed, receipt_that_is_none, leaf_damaged, leaf_of_a_later_release,
    clock_back,
]  # fmt: skip


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_a_planted_fault_is_found_where_it_stands(plant):
    made = Ledger()
    expected = plant(made)
    found, report = made.verify()
    assert codes(found) == expected
    assert (report.faults, report.notes) == (
        sum(finding.severity == "fault" for finding in found),
        sum(finding.severity == "note" for finding in found),
    )


@pytest.mark.parametrize(
    "change",
    [
        {"sha256": "0" * 64}, {"sequence": 2}, {"case": "browser"}, {"installation": "f" * 32}, {"ledger_size": 9},
        {"ledger_root": "0" * 64}, {"messages": 1}, {"void": True, "messages": 0},
        {"key": Ed25519PrivateKey.generate()},
    ],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_a_receipt_that_does_not_hold_is_found(change):
    made = Ledger()
    expected = receipt_with(**change)(made)
    found, report = made.verify()
    assert codes(found) == expected
    assert report.receipts == 0
    assert any("1 receipts" in line for line in report.not_proved)


def test_a_batch_accepted_after_its_void_was_written_leaves_the_void_to_be_sent():
    made = Ledger()
    head, sealed = made.seal(1)
    under_way = made.attempt(head, sealed)
    void_head, void = made.void(1, sealed.sha256)
    made.outcome(under_way, head, sealed)
    found, report = made.verify()
    assert (found, report.accepted, report.receipts, report.pending) == ([], 1, 1, 1)
    token = made.receipt(void_head, void, void=False, already=sealed.sha256)
    made.outcome(made.attempt(void_head, void), void_head, void, token=token)
    found, report = made.verify()
    assert (found, report.accepted, report.receipts, report.pending) == ([], 2, 2, 0)


def test_open_numbers_are_followed_up_to_a_bound_and_beyond_it_that_is_said():
    told = []
    numbers = _numbers.Numbers("", None)
    made = Ledger()
    head, sealed = made.seal(1)
    made.attempt(head, sealed)
    first, attempt = map(record.parse, made.leaves)
    for sequence in range(1, _numbers.MAX_OPEN + 3):
        numbers.sealed(msgspec.structs.replace(first, sequence=sequence), lambda code, _: told.append(code))
    assert (len(numbers.open), told) == (_numbers.MAX_OPEN, ["too-many-open"] * 2)
    assert ("event", 2) not in numbers.open
    for index in range(_numbers.MAX_OPEN + 2):
        numbers.attempted(index, attempt, lambda code, _: told.append(code))
    assert len(numbers.attempts) == _numbers.MAX_OPEN


def test_stretches_of_missing_bodies_are_told_apart_up_to_a_bound():
    made = Ledger()
    made.seal(1)
    entry = record.parse(made.leaves[0])
    there = iter([None, *([made.bodies[entry.sha256], None] * (_bodies.MAX_RUNS + 5))])
    bodies = _bodies.Bodies(lambda _: next(there))
    for index in range(2 * _bodies.MAX_RUNS + 11):
        bodies.open(index, entry, lambda *_: None)
    assert len(bodies.runs) == _bodies.MAX_RUNS
    assert sum(run.bodies for run in bodies.runs) == _bodies.MAX_RUNS + 6
    assert bodies.runs[-1].last == 2 * _bodies.MAX_RUNS + 10


def test_an_attempt_under_way_is_a_note_and_no_fault():
    made = Ledger()
    head, sealed = made.seal(1)
    made.attempt(head, sealed)
    found, report = made.verify()
    assert codes(found) == [(1, "attempt-open")]
    assert report.holds
    assert report.notes == 1


@pytest.mark.parametrize("index", range(len(whole().leaves)))
def test_a_leaf_cut_out_anywhere_is_found(index):
    made = whole()
    leaves = [(number, leaf) for number, leaf in enumerate(made.leaves) if number != index]
    head = Head(made.frontier.size, made.frontier.root())
    *found, report = verification.verify([*leaves, head], made.bodies.get, Known(receipts=KEYS))
    assert not report.holds
    assert (found[0].index, found[0].code) == (
        (index + 1, "leaf-missing") if index + 1 < made.frontier.size else (None, "head-differs")
    )


@pytest.mark.parametrize("index", range(len(whole().leaves)))
def test_a_changed_byte_in_any_leaf_is_found(index):
    made = whole()
    dice = random.Random(index)
    at = dice.randrange(len(made.leaves[index]))
    leaf = bytearray(made.leaves[index])
    leaf[at] ^= 1 << dice.randrange(8)
    made.leaves[index] = bytes(leaf)
    assert not made.verify()[1].holds


def test_after_a_missing_leaf_roots_are_not_compared_and_that_is_said_once():
    made = Ledger()
    for _ in range(5):
        made.add(record.Person(account="ann", actor="os:0", at=made.at(), change="locked", role=None))
    made.add(record.Checkpoint(at=made.at(), place="file", root=made.roots[2].hex(), size=2))
    leaves = [(index, leaf) for index, leaf in enumerate(made.leaves) if index != 1]
    kept = ((1, made.roots[1]), (3, made.roots[3]), (6, made.roots[6]), (7, made.roots[6]))
    *found, report = verification.verify(leaves, made.bodies.get, Known(kept=kept))
    assert codes(found) == [(2, "leaf-missing"), (None, "kept-unproved"), (None, "kept-unproved"), (None, "kept-ahead")]
    assert report.kept == 1
    assert any(line.startswith("1 quoted checkpoints") for line in report.not_proved)


def test_leaves_in_another_order_are_found():
    made = whole()
    made.leaves[3], made.leaves[4] = made.leaves[4], made.leaves[3]
    assert not made.verify()[1].holds


def test_a_ledger_that_was_cut_off_shows_only_against_what_is_kept_elsewhere():
    made = whole()
    size, root = made.frontier.size, made.frontier.root()
    short = made.leaves[:4]
    *found, report = verification.verify(enumerate(short), made.bodies.get, Known(receipts=KEYS))
    assert found == [verification.Finding(1, "body-missing", found[0].message)]
    assert any("later leaves may be cut off" in line for line in report.not_proved)
    *found, report = verification.verify(enumerate(short), made.bodies.get, Known(kept=((size, root),), receipts=KEYS))
    assert (None, "kept-ahead") in codes(found)


def test_a_ledger_written_anew_shows_only_against_a_checkpoint_kept_elsewhere():
    old, new = Ledger(), Ledger()
    old.send(1, count=2)
    new.send(1, count=1)
    kept = (2, old.roots[2])
    assert new.verify()[1].holds
    *found, report = verification.verify(enumerate(new.leaves), new.bodies.get, Known(kept=(kept,)))
    assert codes(found) == [(1, "kept-differs")]
    *found, report = verification.verify(enumerate(old.leaves), old.bodies.get, Known(kept=(kept,)))
    assert (found, report.kept) == ([], 1)
    assert any("leaves after 2" in line for line in report.not_proved)


def test_checkpoints_of_every_size_hold():
    made = whole()
    kept = tuple(enumerate(made.roots))
    *found, report = verification.verify(enumerate(made.leaves), made.bodies.get, Known(kept=kept, receipts=KEYS))
    assert (found, report.kept) == ([], len(made.leaves) + 1)


def test_a_head_that_does_not_fit_is_found():
    made = whole()
    for head in (Head(made.frontier.size, tree.EMPTY_ROOT), Head(made.frontier.size - 1, made.roots[-2])):
        source = [*enumerate(made.leaves), head]
        *found, report = verification.verify(source, made.bodies.get, Known(receipts=KEYS))
        assert codes(found) == [(None, "head-differs")]
        assert not report.holds


def test_without_keys_receipts_stay_unread_and_the_report_says_so():
    made = whole()
    found, report = made.verify(Known())
    assert (found, report.accepted, report.receipts) == ([], 4, 0)
    assert any("4 receipts" in line for line in report.not_proved)
    assert made.verify(Known(receipts=signed.ring()))[1].faults == 4


def test_the_installation_may_be_known_beforehand():
    made = whole()
    assert codes(made.verify(Known(installation="f" * 32))[0])[0] == (4, "body-differs")


def test_the_installation_is_learnt_from_a_receipt_when_the_bodies_are_gone():
    made = Ledger()
    made.send(1)
    made.send(2)
    made.bodies.clear()
    made.add(record.Pruned(actor="home", at=made.at(), before=made.frontier.size, bodies=2))
    found, report = made.verify()
    assert (found, report.receipts, report.pruned) == ([], 2, 2)
    assert any("2 pruned bodies" in line for line in report.not_proved)


def test_checkpoints_are_recomputed_far_back_and_beyond_that_counted_as_not_proved():
    made = Ledger()
    for _ in range(2100):
        made.add(record.Person(account="ann", actor="os:0", at=made.at(), change="locked", role=None))
    far = record.Checkpoint(at=made.at(), place="file", root="0" * 64, size=3)
    near = [
        record.Checkpoint(at=made.at(), place="file", root=made.roots[size].hex(), size=size)
        for size in (1025, 2048, 2047, 1024, 2049, 2100)
    ]
    for entry in (far, *near):
        made.add(entry)
    found, report = made.verify()
    assert found == []
    assert any(line.startswith("1 quoted checkpoints") for line in report.not_proved)


def test_trouble_that_the_source_itself_reports_is_passed_on_and_counted():
    made = whole()
    fault, note = Finding(3, "unreadable", "the row cannot be read"), Finding(4, "slow", "so it goes", "note")
    *found, report = verification.verify([fault, note, *made.source()], made.bodies.get, Known(receipts=KEYS))
    assert found == [fault, note]
    assert (report.faults, report.notes, report.holds) == (1, 1, False)


def test_each_limit_of_the_proof_is_said_even_when_all_holds():
    limits = " ".join(whole().verify()[1].not_proved)
    for words in ("another way", "keep checkpoints elsewhere", "clock", "what corporate does"):
        assert words in limits


def test_memory_does_not_grow_with_the_ledger():
    """The state after 50 times the leaves holds no more open numbers, leaf hashes or roots."""
    made = Ledger()
    for number in range(1, 31):
        made.send(number, count=1)
    state = _judging.Judge(_bodies.Bodies(made.bodies.get), Known(receipts=KEYS))
    for index, leaf in enumerate(made.leaves):
        state.take(index, leaf)
    assert (state.numbers.open, state.numbers.attempts, state.bodies.runs) == ({}, {}, [])
    past = state.past
    for number in range(5000):
        past.append(tree.leaf_hash(b"%d" % number))
        past.root_at(past.frontier.size)
    assert len(past._leaves) <= 2048
    assert len(past._roots) <= 64
    assert len(past._bases) <= 2


def ask(made, body=b"{}\n", **changes):
    """Append a request with its body; return its leaf's index."""
    sha256 = hashlib.sha256(body).hexdigest()
    entry = record.Request(
        actor="account:anna",
        at=made.at(),
        destination=DESTINATION,
        purpose="home/deletion-asked",
        request="POST /v1/deletions",
        sha256=sha256,
        size_bytes=len(body),
    )
    made.bodies[sha256] = body
    return made.add(msgspec.structs.replace(entry, **changes))


def answer(made, asked, document="e30.e30.AA", outcome="accepted"):
    """Append the answer to the request at leaf `asked`."""
    entry = record.Answer(at=made.at(), code=None, document=document, outcome=outcome, request=asked, status=200)
    made.add(entry)


def test_a_request_has_its_bytes_and_one_answer_and_what_corporate_said_is_read():
    read = []
    known = Known(documents={"home/deletion-asked": lambda token, asked: read.append((token, asked.sha256))})
    made = Ledger()
    answer(made, ask(made), None, "unknown")
    again = ask(made)
    answer(made, again)
    assert made.verify(known)[0] == []
    assert read == [("e30.e30.AA", hashlib.sha256(b"{}\n").hexdigest())]
    answer(made, again)
    assert codes(made.verify(known)[0]) == [(4, "answer-without-request")]
    made = Ledger()
    ask(made)
    assert codes(made.verify()[0]) == [(0, "request-open")]
    made.bodies = dict.fromkeys(made.bodies, b"another")
    assert codes(made.verify()[0]) == [(0, "body-changed"), (0, "request-open")]


def test_a_document_that_does_not_hold_is_a_fault():
    def refuse(_token, _asked):
        raise SignatureRefused("key-unknown", "the token names a key that is not acceptable here")

    made = Ledger()
    answer(made, ask(made))
    assert codes(made.verify(Known(documents={"home/deletion-asked": refuse}))[0]) == [(1, "document-refused")]


def mail(made, outcome=None, words=b"a letter"):
    """Append a letter, and how it ended where that is said; return its leaf's index."""
    sha256 = hashlib.sha256(words).hexdigest()
    one = {"about": "test", "actor": "home", "catalogue": None, "destination": "mail.shop.example:587"}
    index = made.add(record.Mail(at=made.at(), sha256=sha256, size_bytes=len(words), **one))
    if outcome:
        made.add(record.Mailed(at=made.at(), code=None, mail=index, outcome=outcome, status=None))
    return index


def test_a_letter_has_one_end_and_goes_again_only_if_it_never_left():
    made = Ledger()
    mail(made, "rejected")
    again = mail(made, "unknown")
    mail(made, "accepted", b"another letter")
    assert made.verify()[0] == []
    made.add(record.Mailed(at=made.at(), code=None, mail=again, outcome="accepted", status=250))
    mail(made)
    assert codes(made.verify()[0]) == [(6, "mailed-without-mail"), (7, "mail-twice"), (7, "mail-open")]
