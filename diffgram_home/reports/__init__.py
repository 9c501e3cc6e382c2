"""Aggregate reports: what the product has counted in its own database, here, on a schedule, within limits.

database.py  the product's database, read-only and against the clock
running.py   one reporter: its query, or its ranges, until there are numbers or a reason why not
timing.py    when each reporter is due, spread by the installation's own identity
keeping.py   the time series: counted now, kept, pruned, and what an answer to support would be
looking.py   what the page and the command show
"""
