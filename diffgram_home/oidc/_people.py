"""The account behind somebody of the provider's: found by issuer and subject alone, made at the first sign-in.

The name is theirs at the provider as far as it can be a name here; where somebody has it already, it gets a number: a
name that one may choose at a provider is never a way to another's account. It stays as it was at first.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from diffgram_home import people
from diffgram_home.models import Account
from diffgram_home.oidc._trouble import ProviderRefused
from diffgram_home.settings import Oidc

ACTOR: Final = "home"
"""Who made the account and gave its roles, in the ledger: the installation, by its settings."""
_NAMES: Final = ("preferred_username", "name")
_ODD: Final = re.compile(r"[^a-zA-Z0-9._@-]+")
_LONGEST_NAME: Final = 72


def roles_of(claims: Mapping[str, Any], oidc: Oidc) -> tuple[str, ...]:
    """The roles that the groups in the claims give. Raises ProviderRefused: none, or support beside another."""
    claimed = claims.get(oidc.groups)
    groups = {claimed} if isinstance(claimed, str) else set(_texts(claimed))
    roles = tuple(role for role, wanted in oidc.roles.items() if groups.intersection(wanted))
    if not roles:
        hint = f"ask whoever runs '{oidc.name}' for a group that [oidc.roles] of this installation names"
        raise ProviderRefused("no-role", "none of your groups there gives a role here", hint)
    if "support" in roles and len(roles) > 1:
        hint = "whoever is from the vendor must be in no group of your own people's"
        raise ProviderRefused("role-alone", "your groups there give the role 'support' and another", hint)
    return roles


def account(session: Session, oidc: Oidc, subject: str, claims: Mapping[str, Any], now: datetime) -> Account:
    """The account of this person, with the roles of today; inside a write transaction. Raises ProviderRefused."""
    roles = roles_of(claims, oidc)
    row = found(session, oidc, subject)
    if row is None:
        joined = ",".join(role for role in people.ROLES if role in roles)
        row = people.put(session, _free(session, claims), joined, "", ACTOR, now)
        row.issuer, row.subject = oidc.issuer, subject
        return row
    if row.disabled_at is not None:
        raise ProviderRefused("removed", "your account here was ended", "ask an administrator of this machine")
    if set(roles) != set(row.roles.split(",")):
        people.change_roles(session, row, roles, ACTOR, now)
    return row


def found(session: Session, oidc: Oidc, subject: str) -> Account | None:
    """The account of this person, if there is one."""
    wanted = select(Account).where(Account.issuer == oidc.issuer, Account.subject == subject)
    return session.scalars(wanted).first()


def _free(session: Session, claims: Mapping[str, Any]) -> str:
    """A name that nobody has."""
    wished = next((_ODD.sub("-", claims[key]) for key in _NAMES if isinstance(claims.get(key), str)), "")
    name = wished.lstrip("._@-")[:_LONGEST_NAME] or "person"
    numbered = (f"{name}.{number}" for number in itertools.count(2))
    return next(one for one in itertools.chain((name,), numbered) if not _taken(session, one))


def _taken(session: Session, name: str) -> bool:
    return session.scalars(select(Account.id).where(Account.name == name)).first() is not None


def _texts(value: object) -> Collection[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
