"""Reads `[web]`: where the pages listen, and how they are protected. For `settings` only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from diffgram_home.settings._checking import is_loopback
from diffgram_home.settings._table import Table


@dataclass(frozen=True, slots=True)
class Web:
    """Where the pages listen, and how they are protected."""

    address: str
    port: int
    workers: int
    certificate: Path | None
    key: Path | None
    behind_proxy: bool

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the pages."""
        return is_loopback(self.address)


def read(table: Table) -> Web:
    """`[web]`; faults are collected in the table."""
    web = Web(
        address=table.text("address", default="127.0.0.1"),
        port=table.number("port", 8080, 1, 65535),
        workers=table.number("workers", 2, 1, 64),
        certificate=table.path("certificate", exists=True),
        key=table.path("key", exists=True),
        behind_proxy=table.flag("behind_proxy", False),
    )
    if (web.certificate is None) != (web.key is None):
        missing = "key" if web.key is None else "certificate"
        table.fault("setting-missing", missing, f"'web.{missing}' is missing", "give both 'certificate' and 'key'")
    if web.behind_proxy and not web.loopback:
        # Whoever reaches the port could write the proxy's headers: pass plain HTTP off as HTTPS, and have any address.
        text = f"'web.behind_proxy' is set, and 'web.address' is {web.address!r}, which others than the proxy can reach"
        hint = (
            "let the proxy run on this machine and set address to '127.0.0.1', or give 'certificate' and 'key' instead"
        )
        table.fault("proxy-elsewhere", "behind_proxy", text, hint)
    elif not (web.loopback or web.certificate):
        hint = "give 'certificate' and 'key', or let a proxy on this machine speak HTTPS ('behind_proxy = true')"
        table.fault("https-required", "address", f"'web.address' is {web.address!r}, which others can reach", hint)
    table.finish()
    return web
