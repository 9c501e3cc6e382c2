"""What a vendor's licence allows here, decided here: documents, clock, and the one function that judges them.

Nothing in this package connects, reads a file, or knows Flask; what comes from the vendor is handed in.

    licence        the licence as a document: issue, read
    withdrawals    the list of licences that the vendor has withdrawn
    entitlements   what a licence grants, and what is left of it when it is limited
    clock          which time counts when clocks are wrong
    judging        all of it together: `judge`
    keygen         licence and machine files of Keygen, read and turned into licences of ours
    usage          what was counted, as records that may be lost or come twice; how it stands beside thresholds
    codes          every result, with what to do next
"""
