"""corporate: the vendor's receiving server, the other end of every connection of an installation.

It does: enrol installations, receive their batches, run the same `audit.gate.declared` again, store each batch
exactly once, answer with a signed receipt, and show the vendor's staff what arrived, what is missing and what does
not fit. It leaves to others: what may leave (audit), and everything on the customer's side (diffgram_home).

Two listeners, one code: `create_app(settings, "wire")` is what installations talk to (https, mutual TLS),
`create_app(settings, "pages")` is what the vendor's staff reads.
"""
