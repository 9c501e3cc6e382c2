"""Numbers: gaps, voids, and statements of one identity that cannot both be true."""

from audit.canonical import sha256_hex
from corporate import reading
from tests.corporate.pretend import Pretend, message


def page(one: Pretend) -> reading.InstallationPage:
    """What the pages show of this installation."""
    with one.server.store() as store:
        found = reading.installation(store, one.id)
    assert found is not None
    return found


def gaps(one: Pretend) -> list[tuple[str, int, int]]:
    """Missing numbers."""
    return [(gap.case, gap.first, gap.last) for gap in page(one).gaps]


def conflicts(one: Pretend) -> dict[tuple[str, int], int]:
    """Conflicts by code and number, with their counts."""
    return {(conflict.code, conflict.sequence): conflict.count for conflict in page(one).conflicts}


def test_gaps_show_shrink_split_and_close(one: Pretend) -> None:
    assert one.send(one.seal(1)).status == 200
    assert gaps(one) == []
    assert one.send(one.seal(9)).status == 200
    assert gaps(one) == [("event", 2, 8)]
    assert one.send_all(one.seal(2), one.seal(8), one.seal(5)) == [200, 200, 200]
    assert gaps(one) == [("event", 3, 4), ("event", 6, 7)]
    assert page(one).row.missing == 4
    assert one.send_all(*(one.seal(n) for n in (7, 3, 6, 4))) == [200] * 4
    assert gaps(one) == []
    assert (page(one).row.batches, page(one).lanes[0].highest) == (9, 9)


def test_cases_have_numbers_of_their_own(one: Pretend) -> None:
    assert one.send(one.seal(2)).status == 200
    assert one.send(one.seal(1, case="support", void="mode")).status == 200
    assert gaps(one) == [("event", 1, 1)]


def test_a_void_fills_its_number_and_is_shown_with_its_reason(one: Pretend) -> None:
    reply = one.send(one.seal(1, void="withdrawn"))
    given = one.receipt(reply)
    assert (given.void, given.messages, given.already) == (True, 0, None)
    assert one.send(one.seal(2)).status == 200
    shown = page(one)
    assert ([batch.void for batch in shown.voids], shown.gaps) == (["withdrawn"], ())


def test_a_void_for_a_number_whose_batch_arrived_is_told_so(one: Pretend) -> None:
    body = one.seal(1)
    assert one.send(body).status == 200
    void = one.seal(1, void="withdrawn", ledger=(500, "c" * 64))
    given = one.receipt(one.send(void))
    assert (given.sha256, given.already, given.void) == (sha256_hex(void), sha256_hex(body), False)
    assert [batch.sha256 for batch in page(one).batches] == [sha256_hex(body)]
    assert conflicts(one) == {}


def test_a_batch_after_its_void_was_acknowledged_is_refused(one: Pretend) -> None:
    body = one.seal(1)
    assert one.send(one.seal(1, void="mode")).status == 200
    reply = one.send(body)
    assert (reply.status, reply.json["code"], reply.json["retry"]) == (409, "sequence-differs", False)
    assert page(one).batches[0].messages == 0


def test_two_voids_for_one_number_are_both_acknowledged(one: Pretend) -> None:
    first, second = one.seal(1, void="mode"), one.seal(1, void="mode", ledger=(77, "d" * 64))
    receipts = [one.receipt(one.send(body)) for body in (first, second)]
    assert [given.void for given in receipts] == [True, True]
    assert receipts[1].sha256 == sha256_hex(second)


def test_other_bytes_under_a_number_are_shown_as_a_conflict(one: Pretend) -> None:
    assert one.send(one.seal(1)).status == 200
    other = one.seal(1, [message()] * 3)
    assert [one.send(other).status for _ in range(2)] == [409, 409]
    assert conflicts(one) == {("sequence-differs", 1): 2}
    assert page(one).conflicts[0].other_sha256 == sha256_hex(other)


def test_two_roots_for_one_ledger_size_are_shown_as_a_conflict_and_stored(one: Pretend) -> None:
    assert one.send_all(one.seal(1, ledger=(5, "a" * 64)), one.seal(2, ledger=(5, "b" * 64))) == [200, 200]
    assert conflicts(one) == {("ledger-differs", 2): 1}


def test_a_ledger_that_shrinks_is_shown_as_a_conflict_in_any_order_of_arrival(one: Pretend) -> None:
    assert one.send_all(one.seal(2, ledger=(50, "a" * 64)), one.seal(3, ledger=(49, "b" * 64))) == [200, 200]
    assert conflicts(one) == {("ledger-shrank", 3): 1}
    assert one.send(one.seal(1, ledger=(51, "c" * 64))).status == 200
    assert conflicts(one) == {("ledger-shrank", 3): 1, ("ledger-shrank", 1): 1}


def test_an_honest_ledger_is_no_conflict_however_late_batches_and_voids_arrive(one: Pretend) -> None:
    ledgers = {1: (5, "a" * 64), 2: (5, "a" * 64), 3: (9, "b" * 64), 4: (12, "c" * 64)}
    assert one.send_all(*(one.seal(n, ledger=ledgers[n]) for n in (3, 1, 4))) == [200] * 3
    assert one.send(one.seal(2, ledger=(40, "d" * 64), void="withdrawn")).status == 200
    assert one.send(one.seal(5, ledger=(13, "e" * 64))).status == 200
    assert conflicts(one) == {}
