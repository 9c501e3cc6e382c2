"""The way to a witness of the customer's. For the door only (`diffgram_home.outbound`)."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit import checkpoint, proof
from diffgram_home import route
from diffgram_home.egress import Destination
from diffgram_home.exchange import Answer, Trust
from diffgram_home.outbound._http import HttpWay, Request
from diffgram_home.outbound._tls import verified


class WitnessDoor(HttpWay):
    """The way out to the one witness that the customer named: checkpoints of this ledger go there, and nothing else."""

    def __init__(self, url: str, *, registry: tuple[Destination, ...], timeout_s: float) -> None:
        super().__init__(route.to(url, None, registry), timeout_s)

    def add_checkpoint(
        self, old: int, path: Sequence[bytes], note: str, name: str, public: Ed25519PublicKey, trust: Trust
    ) -> Answer:
        """Post a checkpoint that the key `name` signed, with the proof that the ledger grew from `old` records.

        c2sp.org/tlog-witness. Raises NotReached, Unknown; SignatureRefused for a note of another key.
        """
        checkpoint.verify(note, name, public)
        body = proof.consistency(old, path, note).encode()
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        return self._exchange(Request("POST", "/add-checkpoint", headers, lambda: body), verified(trust, None))
