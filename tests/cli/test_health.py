"""The findings of `check` are a pure function of facts: each fault is found alone, and a healthy one has none."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from diffgram_home import health, views
from diffgram_home.browser import looking
from tests.store.building import build

NOW = datetime(2026, 11, 21, 14, 1, 5, tzinfo=UTC)
CASE = views.Case(
    case="event",
    name="Event.py error collection",
    direction="collection",
    scope="Metadata",
    personal="No",
    use="Error tracking",
    customer_can_limit="Yes - Voids Default SLA",
    mode="on",
    modes=("off", "local", "on"),
    installed=True,
    fields=6,
    approved=6,
    identifies=(),
    cost_of_off=("voids the default SLA",),
    kinds={"home/error": "on"},
    own="on",
    own_kinds={"home/error": "on"},
    asked=(),
)
ATTEMPT = views.AttemptLine(
    1, "event", 1, NOW, "accepted", None, 2, 500, "0" * 64, "127.0.0.1:9", None, True, "sent"
)  # fmt: skip
HEALTHY = health.Facts(
    now=NOW,
    every=timedelta(seconds=5),
    free_bytes=10**10,
    exposed=(),
    spool_setgid=True,
    spool_bytes=0,
    spool_max_bytes=1000,
    mode_file_readable=True,
    heartbeat_at=NOW - timedelta(seconds=30),
    enrolled=True,
    certificate_ends_at=NOW + timedelta(days=20),
    certificate_damaged=False,
    roles={"admin": 1, "security": 1},
    cases=(CASE,),
    withheld_fields=(),
    expired_fields=(),
    has_index=True,
    signed=True,
    attempts=(ATTEMPT,),
    notices=(),
    proof=views.Proof(10, "0" * 64, None, None, NOW - timedelta(days=1), True),
    checkpoints_elsewhere=True,
    sessions=looking.Memory(wanted=True, there=True, old_keys=()),
)
NOTICE = views.Notice("body-missing", "event 7", "its bytes are not there", "restore the backup", NOW, NOW, 1)
LAST = HEALTHY.proof


def _found(facts: health.Facts) -> list[tuple[str, str]]:
    return [(finding.level, finding.code) for finding in health.findings(facts)]


def test_a_healthy_installation_has_no_findings():
    assert health.findings(HEALTHY) == ()
    assert health.healthy(())


@pytest.mark.parametrize(
    ("change", "level", "code"),
    [
        ({"exposed": (("data/keys", "read or write", "o-rwx"),)}, "fault", "exposed"),
        ({"sessions": looking.Memory(True, False, ())}, "notice", "sessions-no-memory"),
        ({"sessions": looking.Memory(False, True, ("2026-11-19",))}, "fault", "session-key-stays"),
        ({"free_bytes": health.LITTLE_SPACE_BYTES - 1}, "fault", "little-space"),
        ({"spool_setgid": False}, "fault", "spool-mode"),
        ({"spool_bytes": 801}, "fault", "spool-nearly-full"),
        ({"mode_file_readable": False}, "fault", "mode-file"),
        ({"heartbeat_at": None}, "fault", "never-run"),
        ({"heartbeat_at": NOW - timedelta(seconds=66)}, "fault", "not-running"),
        ({"heartbeat_at": NOW + timedelta(minutes=3)}, "fault", "clock-back"),
        ({"enrolled": False}, "fault", "not-enrolled"),
        ({"certificate_ends_at": NOW + timedelta(days=6)}, "notice", "certificate-ends"),
        ({"certificate_ends_at": None, "certificate_damaged": True}, "fault", "certificate-malformed"),
        ({"certificate_ends_at": NOW}, "fault", "certificate-ends"),
        ({"roles": {"security": 1}}, "notice", "no-admin"),
        ({"roles": {"admin": 1, "security": 0}}, "notice", "no-security"),
        ({"withheld_fields": ("home.at",)}, "notice", "approval-waits"),
        ({"expired_fields": ("home.at",)}, "notice", "fields-expired"),
        ({"has_index": False}, "notice", "no-index"),
        ({"signed": False}, "notice", "index-unsigned"),
        ({"attempts": (replace(ATTEMPT, outcome="unknown", code="too-slow"),)}, "fault", "not-accepted"),
        ({"notices": (NOTICE,)}, "fault", "body-missing"),
        ({"proof": replace(LAST, verified_ok=False)}, "fault", "ledger-not-whole"),
        ({"proof": replace(LAST, verified_at=None, verified_ok=None)}, "notice", "not-verified"),
        ({"proof": replace(LAST, verified_at=NOW - timedelta(days=36))}, "notice", "not-verified"),
        ({"checkpoints_elsewhere": False}, "notice", "checkpoints-here-only"),
        ({"cases": (replace(CASE, mode="off", own="off"),)}, "notice", "case-off"),
    ],
)
def test_each_fault_is_found_alone_and_says_what_to_do(change, level, code):
    facts = replace(HEALTHY, **change)
    assert _found(facts) == [(level, code)]
    (finding,) = health.findings(facts)
    assert finding.what
    assert finding.to_do
    assert health.healthy((finding,)) == (level == "notice")


@pytest.mark.parametrize(
    "change",
    [
        {"free_bytes": health.LITTLE_SPACE_BYTES},
        {"spool_bytes": 800},
        {"heartbeat_at": NOW - timedelta(seconds=65)},
        {"heartbeat_at": NOW + timedelta(minutes=2)},
        {"certificate_ends_at": NOW + timedelta(days=7)},
        {"certificate_ends_at": None},
        {"proof": replace(LAST, verified_at=NOW - timedelta(days=35))},
        {"attempts": (replace(ATTEMPT, outcome=None),)},
        {"attempts": (ATTEMPT, replace(ATTEMPT, outcome="rejected"))},
        {"attempts": ()},
    ],
)
def test_at_the_boundary_there_is_nothing_to_tell(change):
    assert _found(replace(HEALTHY, **change)) == []


def test_faults_come_before_notices_and_a_notice_of_the_same_code_is_not_told_twice():
    twice = replace(NOTICE, code="not-enrolled")
    facts = replace(HEALTHY, has_index=False, enrolled=False, notices=(twice,))
    assert _found(facts) == [("fault", "not-enrolled"), ("notice", "no-index")]


def test_what_waits_for_a_person_is_no_fault():
    asked = replace(NOTICE, code="support-asked")
    assert _found(replace(HEALTHY, notices=(asked,))) == [("notice", "support-asked")]


def test_an_installation_that_sends_nothing_need_not_be_enrolled():
    quiet = replace(HEALTHY, cases=(replace(CASE, mode="local"),), enrolled=False)
    assert _found(quiet) == [("notice", "not-enrolled")]


def test_many_names_are_shortened():
    facts = replace(HEALTHY, withheld_fields=tuple(f"home.f{n}" for n in range(9)))
    assert "and 4 more" in health.findings(facts)[0].what


def test_a_damaged_certificate_hides_no_other_finding(tmp_path):
    home = build(tmp_path)
    try:
        (home.keys.folder / "certificate.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n")
        codes = {finding.code for finding in health.findings(health.gather(home, NOW))}
    finally:
        home.close()
    assert {"certificate-malformed", "never-run"} <= codes
