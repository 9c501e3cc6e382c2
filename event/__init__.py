"""What happened in the product, reduced to metadata and spooled (design 3); the complete list is in `event.event`.

event.py     start, new, error, collects, counts: all that a product calls
_logging.py  Handler: what the product logs, as level, logger, place and words of its source
_wsgi.py     wsgi, flask: uncaught exceptions of a web product
sentry/      SentryTransport: the same for an unmodified sentry-sdk, which then sends nothing
ways.py      the way of a report that somebody else made, reduced, into the spool
spool.py     the reader of the spool, for the installation's intake
index.py     `python -m event.index`: what the vendor ships, as names and words that may leave, made at build time
words.py     the words of an exception: those of its source at the place where it was raised
issue.py     which issue an error belongs to; corporate and the installation's pages group by it
document.py  `python -m event.document`: keeps the table in event.py equal to the catalogue
"""

from event._logging import Handler
from event._spool import Limits
from event._wsgi import flask, wsgi
from event.errors import EventError
from event.event import collects, counts, error, new, start
from event.sentry import SentryTransport

__all__ = [
    "EventError",
    "Handler",
    "Limits",
    "SentryTransport",
    "collects",
    "counts",
    "error",
    "flask",
    "new",
    "start",
    "wsgi",
]
