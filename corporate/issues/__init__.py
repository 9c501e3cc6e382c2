"""Issues: errors that arrived, grouped by fault, counted, and worked on.

following.py    reads batches that were stored and counts their errors, exactly once, beside ingest and not inside it
process.py      the process that does so
counting.py     puts sightings into groups, parts, hours and shapes; what an issue says of itself
forgetting.py   takes out again what a deletion takes away, down to nothing
rules.py        overrides of grouping
states.py       open, regressed, resolved, ignored: what follows from what was counted
acting.py       what people do: resolve, ignore, open, assign, comment, merge, split
finding.py      the list, with its filters
showing.py      one issue; documents.py  the same as JSON
healthy.py      sessions without errors by release
drawing.py      the geometry of its graphs

Decided in docs/decisions/0032-issues-follow-ingest.md.
"""
