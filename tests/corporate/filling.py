"""A server with something to look at: three customers, events, a gap, a void, a conflict, refused content."""

from pathlib import Path

from audit.canonical import sha256_hex
from tests.corporate.pretend import Pretend, message
from tests.corporate.running import Server


def fill(server: Server, folder: Path) -> Pretend:
    """Fill `server`; returns the installation that has every trouble."""
    for name in ("Lakeside Imaging", "Nordlicht Klinik"):
        quiet = Pretend(server, folder)
        assert quiet.enrol(server.token(name)).status == 201
        assert quiet.send(quiet.seal(1, [message()] * 3)).status == 200
        quiet.use("")
    troubled = Pretend(server, folder)
    assert troubled.enrol(server.token("St Mary's Hospital")).status == 201
    ledger = (120, sha256_hex(b"a"))
    bodies = [troubled.seal(n, [message(), message("2026-11-21T14:02:07Z")]) for n in (1, 2, 6)]
    assert troubled.send_all(*bodies, troubled.seal(3, void="withdrawn")) == [200, 200, 200, 200]
    assert troubled.send(troubled.seal(2, [message()] * 9)).status == 409
    assert troubled.send_all(troubled.seal(8, ledger=ledger), troubled.seal(9, ledger=(120, "b" * 64))) == [200, 200]
    odd = troubled.seal(10).replace(b'"kind":"home/error",', b'"kind":"home/error","colour":"rose",')
    assert troubled.send(odd).status == 400
    server.token("St Mary's Hospital")
    troubled.use("")
    return troubled
