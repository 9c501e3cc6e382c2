"""Log records that others made (OpenTelemetry, Sentry's logs) become `home/log`, and exceptions in them errors.

record.py   one record as it was told, before anything is reduced; lives as long as the request
taking.py   records → messages; what is let go is counted, by words of a closed list
_said.py    the text of a record → words of the source, where exactly one call of `logging` says it
_traces.py  a stack trace as a text → types, messages and frames
"""

from event.records.record import Record
from event.records.taking import Records

__all__ = ["Record", "Records"]
