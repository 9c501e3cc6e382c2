"""The leaves of the ledger: one record type for each thing that an administrator may later want proved.

    Sealed      a batch got its number and its exact bytes        Consent     fields were approved or withdrawn
    Attempt     a socket is about to open for these bytes         Mode        the switch of a case or kind moved
    Outcome     how that attempt ended, with the receipt          Person      an account was made, changed, deleted
    Void        a number will never carry its batch               Enrolment   a step of getting an identity
    Contact     a request without a body, such as the manifest    Checkpoint  a checkpoint went to a place elsewhere
    Pruned      bodies were deleted by age                        Decision    fields were decided about, until a date
    Switch      one field was switched off or on again            Policy      the file's policy for upgrades changed
    Transform   another transform of a field was chosen
    Allowance   definitions were approved before they appeared    Release     another catalogue is installed
    Incident    a step of an Unexpected Data Transfer             Instruction corporate asked for less, or it ended
    Request     a person's request is about to go                 Answer      how that request ended, and the answer
    Asked       a person wants a request sent, at first or again
    Published   corporate's list of catalogues grew, or was refused
    Identity    two ledgers with one identity, or one that succeeds another
    Deletion    corporate stated what it deleted, unasked from here
    Mail        a letter to an administrator is about to go       Mailed      how that letter ended
    BatchDecision   the very bytes of a batch were approved or refused before they went
    ApprovalRule    a case asks for such approval, of one person or two
    Dsn         a key for Sentry SDKs was made or revoked
    Support     a step of a support request                   SupportUse   a route answered under a grant

    By hand, instead of over a connection:
    CarriedOut  a file is about to be written                 AttemptByHand    these bytes go into that file
    CarriedIn   a file of corporate's answers was taken in    OutcomeByHand    what corporate said of such an attempt
    RequestByHand  a request goes into that file            AnswerByHand     what corporate answered to it
    EnrolmentByHand  a step of getting an identity

A leaf is the canonical JSON (RFC 8785) of one record; its hash is `tree.leaf_hash` of these bytes. Storing leaves and
bodies, and hashing them into the tree, is left to others; what records must say together is `audit.verification`'s.
To add one: record, name and check into the module of its subject (or a new one, which `_form` then names), and its
line and name here.

Rules:
  - Every member is always present; a new one needs a new `type`. All names sort before `type`, so it ends the leaf.
  - No value that came from the product stands in a leaf: only numbers, hashes, closed choices, names from the
    catalogue, and what an administrator typed (accounts, `authority`).
  - `encode` writes nothing that `parse` would refuse, and `parse` accepts one spelling only.
"""

from audit.record._approving import ApprovalRule, BatchDecision
from audit.record._asking import Answer, AnswerByHand, Asked, Deletion, Request, RequestByHand
from audit.record._base import Record, instant, is_instant
from audit.record._carrying import AttemptByHand, CarriedIn, CarriedOut, OutcomeByHand
from audit.record._deciding import Allowance, Consent, Decision, Mode, Policy, Release, Switch, Transform
from audit.record._form import MAX_LEAF_BYTES, TYPES, encode, parse
from audit.record._identifying import Enrolment, EnrolmentByHand, Identity, Person
from audit.record._keeping import Checkpoint, Pruned
from audit.record._keying import Dsn
from audit.record._mailing import Mail, Mailed
from audit.record._sending import Attempt, Contact, Outcome, Sealed, Void
from audit.record._supporting import Support, SupportUse
from audit.record._telling import Incident, Instruction, Published

__all__ = [
    "MAX_LEAF_BYTES",
    "TYPES",
    "Allowance",
    "Answer",
    "AnswerByHand",
    "ApprovalRule",
    "Asked",
    "Attempt",
    "AttemptByHand",
    "BatchDecision",
    "CarriedIn",
    "CarriedOut",
    "Checkpoint",
    "Consent",
    "Contact",
    "Decision",
    "Deletion",
    "Dsn",
    "Enrolment",
    "EnrolmentByHand",
    "Identity",
    "Incident",
    "Instruction",
    "Mail",
    "Mailed",
    "Mode",
    "Outcome",
    "OutcomeByHand",
    "Person",
    "Policy",
    "Pruned",
    "Published",
    "Record",
    "Release",
    "Request",
    "RequestByHand",
    "Sealed",
    "Support",
    "SupportUse",
    "Switch",
    "Transform",
    "Void",
    "encode",
    "instant",
    "is_instant",
    "parse",
]
