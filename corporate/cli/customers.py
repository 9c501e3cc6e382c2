"""enrolment-token, installations, revoke, allow-signature."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import click

from corporate import enrolment, reading
from corporate.cli.shared import AS_JSON, actor, opened, show_json


@click.command("enrolment-token")
@click.option("--customer", required=True, help="The customer's name; made if it is new.")
@click.option("--days", default=7, show_default=True, type=click.IntRange(1, 365), help="How long it can be used.")
@click.option("--allow-signature", is_flag=True, help="The installation may send without its certificate.")
@click.option("--succeeds", metavar="INSTALLATION", help="The new one was a copy of this, and is renewed.")
@AS_JSON
@click.pass_context
def enrolment_token(
    context: click.Context, customer: str, days: int, allow_signature: bool, succeeds: str | None, as_json: bool
) -> None:
    """Make a single-use token that enrols one installation of a customer. It is shown once."""
    now = datetime.now(UTC)
    with opened(context) as store:
        token = enrolment.make_token(
            store,
            customer,
            actor(),
            now,
            life=timedelta(days=days),
            signature_allowed=allow_signature,
            succeeds=succeeds,
        )
    expires_at = now + timedelta(days=days)
    if as_json:
        show_json({"token": token, "customer": customer, "expires_at": expires_at})
        return
    click.echo(token)
    click.echo(f"for {customer}, once, until {expires_at:%Y-%m-%d %H:%M} UTC; it cannot be shown again", err=True)


@click.command()
@AS_JSON
@click.pass_context
def installations(context: click.Context, as_json: bool) -> None:
    """List the enrolled installations: customer, last seen, gaps, conflicts, what was refused."""
    with opened(context) as store:
        rows = reading.installations(store)
    if as_json:
        show_json([asdict(row) for row in rows])
        return
    for row in rows:
        seen = "never" if row.last_seen_at is None else f"{row.last_seen_at:%Y-%m-%d %H:%M}"
        state = "revoked" if row.revoked_at else row.last_authenticated or "enrolled"
        click.echo(
            f"{row.id}  {row.customer}  seen {seen}  {state}  batches {row.batches}  missing {row.missing}  "
            f"conflicts {row.conflicts}  undeclared {row.undeclared}"
        )


@click.command()
@click.argument("installation")
@click.pass_context
def revoke(context: click.Context, installation: str) -> None:
    """Refuse INSTALLATION and all its certificates from the next request on. Enrol it anew to undo it."""
    with opened(context) as store:
        enrolment.revoke(store, installation, actor(), datetime.now(UTC))
    click.echo(f"{installation} is revoked")


@click.command("allow-signature")
@click.argument("installation")
@click.option("--no", "refuse", is_flag=True, help="Demand the certificate again.")
@click.pass_context
def allow_signature(context: click.Context, installation: str, refuse: bool) -> None:
    """Let INSTALLATION send by signature alone, where a proxy inspects TLS and breaks the certificate."""
    with opened(context) as store:
        enrolment.allow_signature(store, installation, not refuse, actor(), datetime.now(UTC))
    click.echo(f"{installation} {'needs its certificate' if refuse else 'may send by signature alone'}")


COMMANDS = (enrolment_token, installations, revoke, allow_signature)
