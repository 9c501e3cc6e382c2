"""Who may use which route.

`@permission(roles=[…], allow_support=False)` is the only wrapper. It asks, in this order: is somebody signed in, does
one of their roles allow the route, and, for anything that changes something, did the form come from our own page, and
did the person show lately who they are, where `freshness` asks for that. A route without it does not start
(`check_every_route`), so "nobody thought of it" is not a state a route can be in.

The role `support` is for somebody from the vendor. No list of roles may name it: a route is open to it only by
`allow_support=True`, and whoever has it has no other role (seed, "Support"). What support may be told there is decided
by the grant, not here.

It leaves to others: finding the session (`sessions`), and telling a person about a refusal (`app`).
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final, TypeVar

from flask import Flask, request

from diffgram_home import confirming, sessions
from diffgram_home.trouble import Trouble

ADMIN: Final = "admin"
SECURITY: Final = "security"
OPERATOR: Final = "operator"
VIEWER: Final = "viewer"
SUPPORT: Final = "support"
ROLES: Final = (ADMIN, SECURITY, OPERATOR, VIEWER)
"""The roles of the customer's own people, which a route may list."""
EVERY_ROLE: Final = (*ROLES, SUPPORT)
WITHOUT_SIGN_IN: Final = "without-sign-in"
"""Said instead of roles by the few routes that answer strangers: signing in, and the files that pages are made of."""
WAY_IN: Final = "way-in"
"""Said by routes that take what products and their pages tell: no session is looked up, no form of ours asked for.

Nothing there may be done in a person's name: what comes in is reduced and spooled, as if a product had told it here.
"""

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Permission:
    """What a route declared: the roles that may use it, or that strangers may; `way_in`: it takes no form of ours."""

    roles: frozenset[str]
    without_sign_in: bool = False
    way_in: bool = False

    @property
    def allows_support(self) -> bool:
        """Whether somebody from the vendor, who has the role `support` and no other, may use the route."""
        return SUPPORT in self.roles


class SignInNeeded(Trouble):
    """Nobody is signed in, or the session ended."""

    status = 401
    named = "sign-in-needed"


class RoleNeeded(Trouble):
    """Somebody is signed in, and none of their roles allows this."""

    status = 403
    named = "role-needed"


class UndeclaredRoutes(Exception):
    """Raised at start: these routes say nothing about who may use them."""

    def __init__(self, routes: Collection[str]) -> None:
        self.routes = tuple(sorted(routes))
        named = ", ".join(self.routes)
        super().__init__(f"routes without a permission: {named}: put @permission(roles=[…]) nearest to each view")


def permission(*, roles: Collection[str] | str, allow_support: bool = False) -> Callable[[View], View]:
    """Declare who may use a route, and hold it to that.

    Args: `roles`, a list of `ROLES`, or `WITHOUT_SIGN_IN`, or `WAY_IN`; `allow_support`, whether the role `support`
    may use it too.
    Raises (when decorating): ValueError for an empty list, a role that does not exist, `support` in the list, or
    support allowed where no role is asked for.
    """
    declared = _declared(roles, allow_support)

    def wrapper(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            require(declared)
            return view(*args, **kwargs)

        guarded.permission = declared  # type: ignore[attr-defined]
        return guarded  # type: ignore[return-value]

    return wrapper


def _declared(roles: Collection[str] | str, allow_support: bool) -> Permission:
    if roles in (WITHOUT_SIGN_IN, WAY_IN):
        if allow_support:
            raise ValueError(f"{roles} asks for no role: leave allow_support out")
        return Permission(frozenset(), without_sign_in=True, way_in=roles == WAY_IN)
    unknown = set(roles) - set(ROLES)
    if isinstance(roles, str) or not roles or unknown:
        hint = "; for support write allow_support=True" if SUPPORT in roles else ""
        raise ValueError(f"roles must be a list of {ROLES}, WITHOUT_SIGN_IN or WAY_IN, not {roles!r}{hint}")
    return Permission(frozenset((*roles, SUPPORT) if allow_support else roles))


def require(declared: Permission) -> None:
    """Hold the request at hand to what its route declared.

    Raises: SignInNeeded, RoleNeeded, sessions.FormRefused, confirming.FreshNeeded.
    """
    if not declared.without_sign_in:
        _require_role(declared)
    if request.method in ("GET", "HEAD", "OPTIONS") or declared.way_in:
        return
    sessions.require_own_form()
    if not declared.without_sign_in:
        confirming.require_as_listed()


def _require_role(declared: Permission) -> None:
    person = sessions.person()
    if person is None:
        raise SignInNeeded("nobody is signed in, or your session ended; nothing was changed", "sign in and try again")
    if not declared.roles.intersection(person.roles):
        needed = " or ".join(role for role in EVERY_ROLE if role in declared.roles)
        raise RoleNeeded(f"this needs the role {needed}", f"ask a colleague with the role {needed}, or an admin for it")


def of(view: Callable[..., Any]) -> Permission:
    """What a view declared. Raises: AttributeError if it declared nothing."""
    return view.permission  # type: ignore[attr-defined,no-any-return]


def is_way_in(views: Mapping[str, Callable[..., Any]], endpoint: str | None) -> bool:
    """Whether the view of an endpoint declared `WAY_IN`; not for an address that nothing stands at."""
    return endpoint in views and of(views[endpoint]).way_in


def check_every_route(app: Flask) -> None:
    """Raises UndeclaredRoutes naming every route whose view carries no permission."""
    bare = [
        f"{rule.rule} ({rule.endpoint})"
        for rule in app.url_map.iter_rules()
        if not isinstance(getattr(app.view_functions[rule.endpoint], "permission", None), Permission)
    ]
    if bare:
        raise UndeclaredRoutes(bare)
