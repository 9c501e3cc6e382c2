"""The command that writes down the other fences: fence."""

from __future__ import annotations

from pathlib import Path

import click

from diffgram_home import fences, outbound
from diffgram_home.cli import base
from diffgram_home.cli.base import command
from diffgram_home.cli.exits import Exit
from diffgram_home.fences import Front
from diffgram_home.settings import Settings

KINDS = ("systemd", "nft", "nginx", "caddy")
_FILE = click.Path(path_type=Path, dir_okay=False)


@command("fence")
@click.argument("kind", type=click.Choice(KINDS))
@click.option("--user", default="diffgram-home", show_default=True, help="systemd, nft: the user of the processes.")
@click.option("--part", type=click.Choice(fences.PARTS), default="all", help="systemd: a unit for one part alone.")
@click.option("--address", multiple=True, metavar="NAME=ADDRESS", help="systemd, nft: a host's address. Repeat it.")
@click.option("--resolve", is_flag=True, help="systemd, nft: ask this machine's resolver for the addresses, now.")
@click.option("--client", multiple=True, metavar="NETWORK", help="systemd: from where people reach the pages.")
@click.option("--name", default="localhost", show_default=True, help="nginx, caddy: the name that people use.")
@click.option("--port", type=click.IntRange(1, 65535), default=443, show_default=True, help="nginx, caddy: their port.")
@click.option("--certificate", type=_FILE, default="/etc/ssl/diffgram-home.crt", help="nginx, caddy: its chain.")
@click.option("--key", type=_FILE, default="/etc/ssl/private/diffgram-home.key", help="nginx, caddy: its key.")
@click.option("--log", type=_FILE, default="/var/log/diffgram-home-proxy.log", help="nginx, caddy: the access log.")
def fence(kind: str, user: str, part: str, address: tuple[str, ...], resolve: bool, **others: object) -> Exit:
    """Print a fence around this installation, made from the settings: for the kernel, or for a proxy before the pages.

    systemd and nft list the addresses of `diffgram-home egress`; all else is refused by the kernel, whatever code asks.
    A host that is a name needs --address, or --resolve, which is the only case in which this command contacts anybody.
    nginx and caddy put HTTPS before the pages and log no address of anybody. Nothing is installed: it prints, you read
    it and put it in place; docs/fences.md says how, and what each does not see.
    """
    settings = base.read_settings()
    if kind in ("nginx", "caddy"):
        front = Front(**{key: others[key] for key in ("name", "port", "certificate", "key", "log")})  # type: ignore[arg-type]
        click.echo(getattr(fences, kind)(settings, front), nl=False)
        return Exit.DONE
    listed = fences.allowed(settings, _addresses(settings, address, resolve))
    if kind == "nft":
        click.echo(fences.ruleset(settings, listed, user), nl=False)
    else:
        clients: tuple[str, ...] = others["client"]  # type: ignore[assignment]
        if not (settings.web.loopback or clients or part == "scheduler"):
            raise click.UsageError("the pages listen for others: give --client NETWORK, such as 192.0.2.0/24")
        click.echo(fences.unit(settings, listed, user, part, clients), nl=False)
    return Exit.DONE


def _addresses(settings: Settings, given: tuple[str, ...], resolve: bool) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for pair in given:
        name, _, address = pair.partition("=")
        if not fences.is_address(address):
            raise click.UsageError(f"'{pair}' is not NAME=ADDRESS")
        found.setdefault(name, []).append(address)
    if resolve:
        for one in fences.needed(settings):
            if one.host not in found and not fences.is_address(one.host):
                found[one.host] = outbound.addresses(one.host, one.port, settings.corporate.timeout_s)
    return found
