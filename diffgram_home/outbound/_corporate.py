"""The way to corporate: nothing of ours passes it that the gate has not seen.

For the door only (`diffgram_home.outbound`).
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable, Iterator
from datetime import datetime

import msgspec
import zstandard

from audit import gate, signed
from audit.errors import Refused
from diffgram_home import exchange, route
from diffgram_home.egress import Destination
from diffgram_home.exchange import Answer, Enrolment, Identity, Trust
from diffgram_home.outbound._http import HttpWay, Request
from diffgram_home.outbound._tls import unverified, verified

_ENCODER, _DECODER = msgspec.json.Encoder(), msgspec.json.Decoder()
_CODEC = gate.Codec(_ENCODER.encode, _DECODER.decode, _ENCODER.encode_lines, _DECODER.decode_lines)
_MANIFEST = Request("GET", "/v1/manifest")


class Door(HttpWay):
    """The way out to one corporate, directly or through one proxy.

    `url` is corporate's base address (https), `proxy` the customer's or None, `registry` what may be contacted,
    `timeout_s` seconds for one whole exchange, `rules` gives what the gate has to apply at this moment.
    """

    def __init__(
        self,
        url: str,
        *,
        registry: tuple[Destination, ...],
        timeout_s: float,
        rules: Callable[[], gate.Rules],
        proxy: str | None = None,
    ) -> None:
        super().__init__(route.to(url, proxy, registry), timeout_s)
        self._rules = rules
        self._compressor = zstandard.ZstdCompressor(level=1)  # bodies.LEVEL says why
        self._contexts: dict[object, ssl.SSLContext] = {}

    def fetch_manifest(self, trust: Trust) -> Answer:
        """Corporate's manifest over a verified connection. Raises NotReached, Unknown."""
        return self._exchange(_MANIFEST, verified(trust, None))

    def fetch_manifest_unverified(self) -> Answer:
        """Corporate's manifest from whoever answers: worthless until checked against the pinned root.

        Sends nothing of the installation: no certificate, no body. Raises NotReached, Unknown.
        """
        return self._exchange(_MANIFEST, unverified())

    def fetch_catalogues(self, first: int, trust: Trust) -> Answer:
        """A stretch of corporate's published list, from entry `first` on. Raises NotReached, Unknown."""
        return self._exchange(Request("GET", exchange.catalogues(first)), verified(trust, None))

    def enrol(self, enrolment: Enrolment, trust: Trust) -> Answer:
        """Hand in `enrolment` over a verified connection. Raises NotReached, Unknown."""
        body = msgspec.json.encode(enrolment)
        headers = {"Content-Type": "application/json"}
        return self._exchange(Request("POST", "/v1/enrolment", headers, lambda: body), verified(trust, None))

    def send_batch(self, body: bytes, generation: int, identity: Identity, trust: Trust, *, now: datetime) -> Answer:
        """Post the sealed batch `body`, sealed under the store's `generation`, once, if it may leave `now`.

        Raises audit's Refused (nothing left, nothing was opened), NotReached, Unknown.
        """
        with exchange.nothing_left():
            rules = self._rules()
            self._check(body, rules, generation, identity, now)
            signature = signed.sign(body, identity.key, signed.BATCH, detached=True)
            packed = self._compressor.compress(body)
            context = self._context_for(trust, identity)
        headers = {
            "Content-Type": "application/x-ndjson",
            "Content-Encoding": "zstd",
            "Diffgram-Signature": signature,
        }

        def content() -> bytes:
            with exchange.nothing_left():
                latest = self._rules()
                if latest is not rules:
                    self._check(body, latest, generation, identity, now)
            return packed

        return self._exchange(Request("POST", "/v1/batches", headers, content), context)

    @contextlib.contextmanager
    def round(self) -> Iterator[None]:
        """Keep the connection from one exchange to the next until the end of the block, where it is closed."""
        self._keeps = True
        try:
            yield
        finally:
            self._keeps = False
            self._hang_up()

    def send_request(self, body: bytes, identity: Identity, trust: Trust) -> Answer:
        """Post the request `body` once, to the path of its kind. Modes play no part: a person asked for it.

        Raises audit's Refused (nothing left, nothing was opened), NotReached, Unknown.
        """
        with exchange.nothing_left():
            asked = gate.check_request(body, self._rules().catalogue)
            if asked.installation != identity.installation:
                raise exchange.other_installation("request")
            signature = signed.sign(body, identity.key, signed.REQUEST, detached=True)
            context = self._context_for(trust, identity)
        headers = {"Content-Type": "application/x-ndjson", "Diffgram-Signature": signature}
        return self._exchange(Request("POST", exchange.REQUESTS[asked.kind], headers, lambda: body), context)

    def _context_for(self, trust: Trust, identity: Identity) -> ssl.SSLContext:
        """The context of the last batch while no file of it changed: loading them costs a millisecond."""
        files = [file for file in (identity.certificate_file, trust.ca_file) if file]
        with exchange.usable(files):
            wanted = (trust, *((file, file.stat().st_mtime_ns) for file in files))
        if wanted not in self._contexts:
            self._contexts = {wanted: verified(trust, identity)}
        return self._contexts[wanted]

    def _check(self, body: bytes, rules: gate.Rules, generation: int, identity: Identity, now: datetime) -> None:
        batch = gate.check(body, rules, generation, _CODEC, now=now)
        case = batch.header.case
        if rules.modes.cases.get(case) != "on":  # a void has no messages whose kinds could be off
            raise Refused("switched", case, f"case '{case}' is not on", "switch it on, or leave it: nothing is lost")
        if batch.header.installation != identity.installation:
            raise exchange.other_installation("batch")
