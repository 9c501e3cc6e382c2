"""The tables of corporate.

Leaves to others: reading and writing them. Rules: every row that a customer's installation caused carries
`customer_id`, which is what PostgreSQL's row-level security compares (migrations); keys ascend; times are aware UTC;
the text of a message is the exact line of the body, so that header and messages give the exact bytes back.
"""

from corporate.models.alerts import Alert, AlertCursor, AlertDelivery
from corporate.models.asked import Act, Ask, Carried, Deletion, Instruction, SupportRequest
from corporate.models.base import Base, Instant, Key
from corporate.models.enrolled import Certificate, Customer, EnrolmentToken, Installation
from corporate.models.issues import (
    Issue,
    IssueAct,
    IssueGroup,
    IssueHour,
    IssuePart,
    IssueRule,
    IssueShape,
    Sighting,
)
from corporate.models.received import Batch, Conflict, Gap, Incident, Kind, Lane, Message, Refusal
from corporate.models.shipped import Published, ReleaseSignature, StoredCatalogue, StoredIndex
from corporate.models.staff import Account, SignedIn, Throttle
from corporate.models.uploads import MapPart, MapSource, ReleaseFile, StoredFile

__all__ = [
    "Account",
    "Act",
    "Alert",
    "AlertCursor",
    "AlertDelivery",
    "Ask",
    "Base",
    "Batch",
    "Carried",
    "Certificate",
    "Conflict",
    "Customer",
    "Deletion",
    "EnrolmentToken",
    "Gap",
    "Incident",
    "Installation",
    "Instant",
    "Instruction",
    "Issue",
    "IssueAct",
    "IssueGroup",
    "IssueHour",
    "IssuePart",
    "IssueRule",
    "IssueShape",
    "Key",
    "Kind",
    "Lane",
    "MapPart",
    "MapSource",
    "Message",
    "Published",
    "Refusal",
    "ReleaseFile",
    "ReleaseSignature",
    "Sighting",
    "SignedIn",
    "StoredCatalogue",
    "StoredFile",
    "StoredIndex",
    "SupportRequest",
    "Throttle",
]
