"""`diffgram-home prove`: runs a fresh installation in a network namespace in which every address is the recorder's.

The installation is made new in a temporary folder, with this program, the settings' name of corporate, product
catalogue and index; the live one is not opened, sent from, or changed. In the namespace a route leads every address of
the world to this machine itself, so that any packet, whoever makes it and wherever it should go, is recorded and goes
no further. A stand-in of corporate with keys of its own ends TLS, and so sees the plain bytes.

    __main__    makes the namespace, or says why the kernel will not, and becomes `inside`
    inside      sets the network up, uses every case, switches all off, uses them again, and reports
    site        the installation's settings, commands and processes, and what its ledger says
    standin     what corporate answers: manifest, certificate, receipts
    wire        the sockets: every packet, the name service, TLS
    comparing   packets, plain bytes and ledger side by side, as values: what does not fit, and what this leaves open

Rules: no process of the installation imports anything of this package; nothing here opens a connection to the outside.
"""
