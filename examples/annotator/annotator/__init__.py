"""A small real annotation product: projects, members, inputs, tasks and annotations with text and files.

It stands for the software of a vendor whose customers run it on their own servers. It knows nothing of the
installation but the folder of the spool: what happens is told with `event.new` and `event.error`, and what users typed
or uploaded stays here.

- models.py: the tables
- labels.py: reading a label file
- work.py: what a member can do; takes a session and values, returns values or raises
- exporting.py: the export of a project
- totals.py: the counts over all projects, each by the query that the catalogue explains it with
- app.py: the pages
- outbound_fields.toml: what this product may tell its vendor
"""

VERSION = "1.0.0"
