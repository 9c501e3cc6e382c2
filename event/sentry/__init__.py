"""What a Sentry SDK captured becomes an error of ours: types, places and shapes; the rest is counted and let go.

_transport.py  SentryTransport: inside the product, for an unmodified sentry-sdk; nothing is sent anywhere
items.py       one item of an envelope, whoever brought it: what is taken, what is refused, and by which word
scripts.py     an event of JavaScript → `home/browser-error`, for the installation
logs.py        an item of log records → records
sessions.py    items about sessions → how many there were, and how many with errors
_reduction.py  the dict of an event → `error_log` (design 5), with _chain.py (which exception caused which) and
               _places.py (module, function and line → a place of the index)

Nothing here imports sentry_sdk: whether it is there is the product's choice.
"""

from event.sentry._transport import SentryTransport
from event.sentry.items import Taker

__all__ = ["SentryTransport", "Taker"]
