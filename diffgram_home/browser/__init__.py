"""The Limited Case `browser`: what pages of the product tell this installation, and browsers by themselves.

built/       home.js and its siblings as they are served, made from browser/*.ts by `npm run build`
session.py   a visitor becomes a session of its day: the one call that every way in makes
day_key.py   the key of a UTC day, gone when it is over; memory.py finds the memory file system for it
classes.py   a user agent as words of closed lists
seen.py      the day's sessions by their hash, on the memory file system
groups.py, counts.py, looking.py  from sessions to counts without small groups: kept, told, shown
reporting.py the ways in for reports of browsers and for pings; reports.py reduces them, routing.py finds rules
"""
