"""Support that the customer watches: requests of corporate's, grants of ours, and answers that somebody read first.

    hearing      takes requests from the answers that our own sending gets
    keeping      requests and what became of them, as they are stored; leaves of the ledger
    resources    what the named routes may read (`support_routes`)
    answering    asks the routes, and seals what they say into a batch of its own
    deciding     approve, refuse, revoke, stop; and what ends by itself
    looking      what pages and commands show

Rules: nothing of case `support` is sealed but here, for one grant; and no such batch leaves before somebody approved
the SHA-256 of its very bytes (`approvals.ALWAYS`), which the gate in the door asks about. An ended grant's bytes can
be approved no more. What was asked, decided and answered stays, and is in the ledger.
"""
