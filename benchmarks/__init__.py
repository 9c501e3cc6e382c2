"""How fast, beside something known in the same run. Run by hand (docs/performance.md); tests only see that they run.

python -m benchmarks.calls      event.new and event.error beside Sentry's and OpenTelemetry's SDKs
python -m benchmarks.path       spool → gate → ledger → door, beside bare decoding and hashing
python -m benchmarks.ingest     corporate on SQLite and PostgreSQL, beside PostgreSQL's COPY
python -m benchmarks.issues     errors counted in issues, and their pages with 100,000 events, on SQLite and PostgreSQL
python -m benchmarks.home_pages  the installation's pages with 100,000 errors and a month of sessions
python -m benchmarks.envelopes  Sentry envelopes a second through the installation, beside a bare Flask endpoint
python -m benchmarks.proof      verifying a ledger, beside bare SHA-256 of the same bytes
python -m benchmarks.idle       memory and processor time of an installation that has nothing to do
python -m benchmarks.words      what leaves of real raises with customers' values, and how many of the source's words
python -m benchmarks.known      the same of what compiled code, drivers, servers and the system raise, by catalogues
python -m benchmarks.corpus     20,000 mistakes with invented people's data through the real ways in, beside sentry-sdk
python -m benchmarks.reports    aggregate reports over ten million rows of PostgreSQL, beside a writer
python -m benchmarks.tripwire   the same work behind the tripwire and without it

Each prints its tables and the goals it is held to, and exits with 1 when one is missed; `--quick` is a short run that
is held to nothing. `pip install -r install/requirements-benchmark.txt` has what they need.
"""
