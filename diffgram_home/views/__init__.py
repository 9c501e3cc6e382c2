"""The values that pages render and commands print, made by `reading.py`: frozen, complete, and ready for JSON.

Rules: instants are aware UTC; sizes are bytes of the body before Content-Encoding, unless a name says otherwise; hashes
are lower-case hex. Nothing here can be told to send, and nothing here holds a customer's value but the messages that a
person of the customer asked to see.
"""

from diffgram_home.views.attempts import AttemptLine, AttemptPage, Inclusion, Receipt, Step, Unacknowledged
from diffgram_home.views.cases import Asked, Bar, Case, Lane, Total, Withheld
from diffgram_home.views.fields import UNDECIDED, Field, Made
from diffgram_home.views.incidents import Incident, IncidentStep
from diffgram_home.views.issues import Issue, IssueBatch, IssueFrame, IssueLink, IssueList, IssuePage
from diffgram_home.views.lines import Line, Value
from diffgram_home.views.overview import Checkpoint, Notice, Overview, Proof
from diffgram_home.views.pending import Kept, KeptPage, Pending, PendingPage
from diffgram_home.views.standing import Change, Identity, Release

__all__ = [
    "UNDECIDED",
    "Asked",
    "AttemptLine",
    "AttemptPage",
    "Bar",
    "Case",
    "Change",
    "Checkpoint",
    "Field",
    "Identity",
    "Incident",
    "IncidentStep",
    "Inclusion",
    "Issue",
    "IssueBatch",
    "IssueFrame",
    "IssueLink",
    "IssueList",
    "IssuePage",
    "Kept",
    "KeptPage",
    "Lane",
    "Line",
    "Made",
    "Notice",
    "Overview",
    "Pending",
    "PendingPage",
    "Proof",
    "Receipt",
    "Release",
    "Step",
    "Total",
    "Unacknowledged",
    "Value",
    "Withheld",
]
