"""support ask, list, withdraw, show: what installations are asked by support, and what they answered."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit import signed
from audit import support as documents
from corporate import keys, supporting
from corporate.cli.shared import AS_JSON, actor, opened, read_settings, show_json
from corporate.errors import OperatorError

SHORTEST_MINUTES, LONGEST_MINUTES = 5, 7 * 24 * 60


@click.command()
@click.argument("installation")
@click.option("--route", "routes", multiple=True, required=True, help="A support route; give it once for each.")
@click.option(
    "--reason", required=True, type=click.Choice(documents.REASONS), help="The reason that the customer reads."
)
@click.option("--ticket", required=True, help="The ticket, such as DG-4711.")
@click.option(
    "--minutes",
    default=240,
    show_default=True,
    type=click.IntRange(SHORTEST_MINUTES, LONGEST_MINUTES),
    help="How long the grant should last.",
)
@click.option(
    "--days",
    default=4,
    show_default=True,
    type=click.IntRange(1, supporting.DAYS),
    help="How long it waits for a decision.",
)
@click.option(
    "--key",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Public key (PEM, Ed25519) of whoever asks: the grant is bound to it.",
)
@click.option("--role", default="support", show_default=True, type=click.Choice(documents.REQUESTERS), help="As what.")
@click.option("--name", help="The name of whoever asks, if they want it told.")
@click.option("--extends", metavar="ID", help="An earlier request whose grant another should follow.")
@click.pass_context
def ask(context: click.Context, key: Path, **asked: str | int | None) -> None:
    """Ask INSTALLATION for support: somebody there decides, and reads the answer before it leaves.

    It rides, signed, on the answer to the next batch; an installation that sends nothing hears nothing. What was asked
    cannot be widened: ask again. Unanswered it ends by itself.
    """
    signing = keys.load(read_settings(context).keys).of(keys.SUPPORT)
    wish = supporting.Wish(requester=_thumbprint(key), **asked)  # type: ignore[arg-type]
    with opened(context) as store:
        made = supporting.ask(store, signing, wish, actor(), datetime.now(UTC))
    click.echo(made)


@click.command("list")
@click.option("--installation", help="Only requests to this installation.")
@AS_JSON
@click.pass_context
def listed(context: click.Context, installation: str | None, as_json: bool) -> None:
    """List what was asked, newest first, and what was decided.

    Of one installation it also says whether the chain of its requests is whole: none changed, none taken out.
    """
    with opened(context) as store:
        rows = supporting.listed(store, datetime.now(UTC), installation=installation)
        whole = None if installation is None else supporting.chained(store, installation)
    if as_json:
        show_json([asdict(row) for row in rows])
        return
    for row in rows:
        why = f" ({row.why})" if row.why else ""
        click.echo(
            f"{row.id}  {row.state}{why}  {row.customer}  {row.installation}  {' '.join(row.routes)}  {row.reason}  "
            f"{row.ticket}  asked {row.made_at:%Y-%m-%d %H:%M} by {row.made_by}"
        )
    if whole is not None:
        click.echo("the chain is whole" if whole else "the chain is broken: a request was changed or taken out")


@click.command()
@click.argument("request")
@click.pass_context
def show(context: click.Context, request: str) -> None:
    """Print the exact bytes of the answer to REQUEST, as they were received."""
    with opened(context) as store:
        body = supporting.answer_of(store, request)
    if body is None:
        raise OperatorError("support", f"no answer to {request!r} is here", "see diffgram-corporate support list")
    click.echo(body, nl=False)


@click.command()
@click.argument("request")
@click.pass_context
def withdraw(context: click.Context, request: str) -> None:
    """Ask no longer for what was asked as REQUEST and not decided yet."""
    with opened(context) as store:
        supporting.withdraw(store, request, actor(), datetime.now(UTC))
    click.echo(f"{request} is withdrawn")


def _thumbprint(path: Path) -> str:
    try:
        found = serialization.load_pem_public_key(path.read_bytes())
    except (ValueError, UnsupportedAlgorithm):
        found = None
    if not isinstance(found, Ed25519PublicKey):
        raise OperatorError(
            "key", f"{str(path)!r} is no public Ed25519 key in PEM", "openssl genpkey -algorithm ed25519 makes one"
        )
    return signed.thumbprint(found)


support = click.Group(
    "support", commands=(ask, listed, show, withdraw), help="Ask installations for support: ask, list, show, withdraw."
)
COMMANDS = (support,)
