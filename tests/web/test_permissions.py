"""A route says who may use it, or nothing starts."""

import pytest
from flask import Flask

from diffgram_home import permissions
from diffgram_home.permissions import WAY_IN, WITHOUT_SIGN_IN, UndeclaredRoutes, permission
from diffgram_home.sessions import FormRefused


def test_a_route_without_a_permission_stops_the_start_and_is_named() -> None:
    app = Flask("bare", static_folder=None)
    app.add_url_rule("/declared", "declared", permission(roles=["viewer"])(lambda: ""))
    app.add_url_rule("/open", "open", permission(roles=WITHOUT_SIGN_IN)(lambda: ""))
    permissions.check_every_route(app)
    app.add_url_rule("/forgotten", "forgotten", lambda: "")
    app.add_url_rule("/also/<int:number>", "also", str)
    with pytest.raises(UndeclaredRoutes) as refused:
        permissions.check_every_route(app)
    assert refused.value.routes == ("/also/<int:number> (also)", "/forgotten (forgotten)")


@pytest.mark.parametrize("roles", [[], ["root"], ["admin", "owner"], "admin", (), ["support"], ["admin", "support"]])
def test_a_permission_for_nobody_or_for_an_unknown_role_is_a_mistake_at_once(roles: object) -> None:
    with pytest.raises(ValueError, match="roles must be a list"):
        permission(roles=roles)  # type: ignore[arg-type]


def test_a_route_is_open_to_support_only_where_it_says_so_by_itself() -> None:
    told = permission(roles=["admin"], allow_support=True)(lambda: "")
    kept = permission(roles=["admin", "viewer"])(lambda: "")
    assert permissions.of(told).allows_support
    assert not permissions.of(kept).allows_support
    assert not permissions.of(permission(roles=permissions.ROLES)(lambda: "")).allows_support


@pytest.mark.parametrize("roles", [WITHOUT_SIGN_IN, WAY_IN])
def test_support_cannot_be_allowed_where_no_role_is_asked_for(roles: str) -> None:
    with pytest.raises(ValueError, match="asks for no role"):
        permission(roles=roles, allow_support=True)


def test_a_way_in_asks_for_no_form_of_ours_and_every_other_route_of_strangers_does() -> None:
    app = Flask("ways", static_folder=None)
    app.add_url_rule("/told", "told", permission(roles=WAY_IN)(lambda: "taken"), methods=["POST"])
    app.add_url_rule("/open", "open", permission(roles=WITHOUT_SIGN_IN)(lambda: "taken"), methods=["POST"])
    app.testing = True
    permissions.check_every_route(app)
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    assert app.test_client().post("/told", headers=elsewhere).text == "taken"
    with pytest.raises(FormRefused):
        app.test_client().post("/open", headers=elsewhere)
    assert permissions.is_way_in(app.view_functions, "told")
    assert not permissions.is_way_in(app.view_functions, "open")
    assert not permissions.is_way_in(app.view_functions, None)
