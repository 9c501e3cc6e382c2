"""The way in for unmodified Sentry SDKs: `/api/<project>/envelope/` and `/api/<project>/store/`.

_asking.py     who asks: the key of a DSN, and from which page
_unpacking.py  gzip, deflate, br, zstd, each bounded before it is unpacked
_envelope.py   the bytes of an envelope → its items
_taking.py     the routes and addresses: what becomes of a request, and how an SDK is answered

What an item becomes is `event.sentry`'s. Nothing of a body is logged, or repeated in an answer.
"""

from diffgram_home.sentry._taking import ADDRESSES, routes
from diffgram_home.sentry._words import WORDS

__all__ = ["ADDRESSES", "WORDS", "routes"]
