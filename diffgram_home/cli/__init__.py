"""The command line `diffgram-home`: verbs that an administrator would say.

One module for each group of verbs; `base` has what all share, `exits` the exit codes, `text` tables and progress,
`document` makes docs/commands.md from the help. A command parses its words, makes one call into the package, prints
the answer and returns an exit code; it decides nothing itself.
"""

from __future__ import annotations

from diffgram_home.cli import (
    accounts,
    browser,
    carry,
    consent,
    deletion,
    dsn,
    explain,
    fence,
    fields,
    identity,
    incidents,
    issues,
    leaving,
    mail,
    proof,
    proving,
    queue,
    releases,
    report,
    routing,
    sessions,
    setup,
    support,
    telling,
    traffic,
    transform,
)
from diffgram_home.cli.base import CONFIG_VARIABLE, PROGRAM, config_option
from diffgram_home.cli.exits import table
from diffgram_home.cli.group import Sections

_HELP = f"""The installation: what may leave this server, whether it may now, and what did.

Every command takes --config FILE. Without it the settings file is ${CONFIG_VARIABLE}, then diffgram-home.toml in the
current folder, then /etc/diffgram-home/diffgram-home.toml. Commands that change something are recorded under
os:<user id> of whoever runs them. Answers go to standard output, everything else to standard error.

\b
Exit codes:
{{codes}}
"""

main = Sections(
    PROGRAM,
    help=_HELP.format(codes="\n".join(f"{code:>5}  {meaning}" for code, meaning in table())),
    sections=(
        (
            "Set up and run",
            (
                *(setup.init, setup.enrol, setup.run, accounts.account, routing.routes, dsn.dsn),
                *(browser.browser, setup.check, fence.fence),
            ),
        ),
        (
            "What may leave",
            (
                fields.cases,
                fields.fields,
                fields.diff,
                explain.explain,
                releases.releases,
                fields.egress,
                mail.mail,
                telling.coverage,
                telling.privacy,
                telling.promises,
            ),
        ),
        (
            "Decide",
            (
                *(consent.on, consent.local, consent.off, consent.offline, consent.field, transform.transform),
                *(consent.approve, consent.decline, consent.withdraw),
            ),
        ),
        (
            "What leaves",
            (
                issues.issues,
                sessions.sessions,
                report.report,
                traffic.new,
                traffic.pending,
                queue.queue,
                traffic.send,
                carry.carry,
            ),
        ),
        (
            "What left, and the proof",
            (
                traffic.sent,
                traffic.show,
                proof.history,
                proof.verify,
                proof.proof,
                proof.consistency,
                proof.export,
                proof.bundle,
            ),
        ),
        ("What support asks", (support.support,)),
        ("What corporate deletes", (deletion.delete, deletion.deletions, deletion.take_deletion, leaving.leave)),
        ("Try the promise", (proving.prove,)),
        (
            "What should not have been",
            (incidents.incidents, incidents.incident, identity.unacknowledged, identity.identity),
        ),
    ),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    params=[config_option()],
)
