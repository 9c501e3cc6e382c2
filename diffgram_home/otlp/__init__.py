"""The way in for OpenTelemetry: OTLP/HTTP logs at `/api/<project>/v1/logs`, protobuf and JSON (docs/formats/otlp.md).

_protobuf.py   protobuf's wire format → the fields that are read; a strict reader of our own (decision 0037)
_json.py       the same fields of the same message as JSON
_request.py    what both give: records, and how much was let go
_answering.py  the answers of the specification, in the form that was asked in
_taking.py     the route

Who asks, unpacking, and the words for what is refused as a whole are those of `diffgram_home.sentry`; what a record
becomes is `event.records`'. Nothing of a body is logged, or repeated in an answer.
"""

from diffgram_home.otlp._request import WORDS
from diffgram_home.otlp._taking import ADDRESSES, routes

__all__ = ["ADDRESSES", "WORDS", "routes"]
