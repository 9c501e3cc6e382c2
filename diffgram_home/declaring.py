"""A person here declares that something should not have left: an incident, and a request to corporate to delete it.

What is asked, and corporate's signed statement of deletion, are `deleting`'s; the timeline is `incidents`'. Rules: the
person sees the exact bytes of the request before it goes; they say that it was declared, so that corporate opens an
incident of the same name; why it should not have left stays here, since the request has no word for it; the incident is
named after the request, so that its steps are the request's own leaves.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from audit import deletion
from audit.deletion import Scope
from diffgram_home import deleting, incidents
from diffgram_home.deleting import Preview
from diffgram_home.home import Home

WHYS: Final = ("mistake", "not-approved", "identifies-somebody", "other")


def preview(home: Home, scope: Scope, now: datetime) -> Preview:
    """The exact bytes that declaring would send. Raises Refused, RequestError."""
    return deleting.preview(home, scope, now, declared=True)


def shown(home: Home, body: bytes) -> Preview:
    """The preview whose exact bytes come back from the page. Raises ValueError for bytes that are no such request."""
    return deleting.shown(home, body, declared=True)


def declare(home: Home, shown: Preview, why: str, actor: str, now: datetime) -> int:
    """Keep the request that was `shown`, and open the incident; returns the request's number, to be sent.

    Raises ValueError for a reason that is none of WHYS, and as `deleting.ask`.
    """
    if why not in WHYS:
        raise ValueError(f"'{why}' is no reason; write one of {', '.join(WHYS)}")
    number = deleting.ask(home, shown.body, actor, now)
    token = shown.sha256[: incidents.TOKEN_DIGITS]
    with home.store.write() as session:
        if not incidents.is_known(session, token):
            incidents.begin(session, token, incidents.CUSTOMER, {_path(home, shown.scope, why): 1}, now, actor=actor)
            incidents.tell(session, incidents.CUSTOMER, token, now)
    return number


def _path(home: Home, scope: Scope, why: str) -> str:
    """What was declared, by names of ours only: a field's name, a batch's hash."""
    if scope.what == deletion.FIELD:
        named = next((field.name for field in home.catalogue.fields.values() if field.hash == scope.field), "unknown")
        return f"{why}/{named}"
    return f"{why}/{scope.batch}" if scope.what == deletion.BATCH else f"{why}/{scope.case or scope.what}"
