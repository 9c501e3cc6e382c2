"""What may leave, whether it may now, and what did.

The answer to "what can leave this machine?" is one data file, `audit/outbound_fields.toml`; `python -m audit fields`
prints it with the standard library alone. This package takes values and returns values or raises: it opens no socket,
knows no Flask, and imports none of our other packages (design 2).
"""
