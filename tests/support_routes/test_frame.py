"""The wrapper of support routes, what a route may read, and the check at start."""

from datetime import UTC, datetime

import pytest

from audit import catalogue as catalogues
from support_routes import Handed, RouteFaults, Routes, SupportRouteError, check_routes, support_route

NOW = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
CATALOGUE = catalogues.load(catalogues.core())
_KINDS = """
[catalogue]
namespace = "shop"

[kind."shop/support-orders"]
case = "support"
brief = "how many orders there are, for support"
since = "1.0.0"

[kind."shop/order-placed"]
case = "event"
brief = "somebody placed an order in the shop"
since = "1.0.0"
"""
SHOP = catalogues.load(catalogues.core(), catalogues.Source("shop.toml", _KINDS))
BRIEF = "how many orders there are"


def _declared(answer: str = "shop/support-orders", reads: tuple[str, ...] = ("orders",)) -> Routes:
    routes = Routes()

    @support_route("shop/orders", answer=answer, reads=reads, brief=BRIEF, routes=routes)
    def orders(handed: Handed, now: datetime):
        yield {"orders": handed["orders"]}

    return routes


def _codes(routes: Routes, *forbidden: str) -> list[str]:
    try:
        check_routes(routes, SHOP, forbidden)
    except RouteFaults as faults:
        return [fault.code for fault in faults.faults]
    return []


def test_a_route_answers_with_messages_of_its_kind():
    route = _declared()["shop/orders"]
    assert route.messages({"orders": lambda: 7}, NOW) == [{"kind": "shop/support-orders", "orders": 7}]


def test_a_route_cannot_say_that_its_answer_is_of_another_kind():
    routes = Routes()

    @support_route("odd", answer="shop/support-orders", reads=("orders",), brief=BRIEF, routes=routes)
    def odd(handed: Handed, now: datetime):
        yield {"kind": "home/error"}

    assert routes["odd"].messages({}, NOW) == [{"kind": "shop/support-orders"}]


def test_a_route_reads_only_what_it_declared():
    routes = Routes()

    @support_route("sly", answer="shop/support-orders", reads=("orders",), brief=BRIEF, routes=routes)
    def sly(handed: Handed, now: datetime):
        yield {"orders": len(handed["customers"])}

    with pytest.raises(SupportRouteError) as caught:
        routes["sly"].messages({"orders": lambda: 7, "customers": lambda: ["Rose"]}, NOW)
    assert caught.value.code == "resource-undeclared"
    assert "Rose" not in str(caught.value)


def test_a_resource_is_made_only_when_it_is_read():
    made = []
    route = _declared(reads=("orders", "stock"))["shop/orders"]
    route.messages({"orders": lambda: made.append("orders") or 7, "stock": lambda: made.append("stock")}, NOW)
    assert made == ["orders"]


def test_an_answer_has_a_most_number_of_messages():
    routes = Routes()

    @support_route("long", answer="shop/support-orders", reads=("orders",), brief=BRIEF, routes=routes)
    def endless(handed: Handed, now: datetime):
        while True:
            yield {"orders": 1}

    assert len(routes["long"].messages({}, NOW)) == 500


def test_two_routes_have_no_name_together():
    routes = _declared()
    with pytest.raises(SupportRouteError) as caught:
        support_route("shop/orders", answer="shop/support-orders", reads=("orders",), brief=BRIEF, routes=routes)(print)
    assert caught.value.code == "route-twice"


@pytest.mark.parametrize("name", ["Shop", "shop orders", "../orders", "shop/", "a/b/c", ""])
def test_a_name_is_of_its_form(name: str):
    with pytest.raises(SupportRouteError) as caught:
        support_route(name, answer="shop/support-orders", reads=("orders",), brief=BRIEF, routes=Routes())
    assert caught.value.code == "route-name"


def test_a_route_has_to_say_what_it_reads():
    with pytest.raises(SupportRouteError) as caught:
        support_route("shop/orders", answer="shop/support-orders", reads=(), brief=BRIEF, routes=Routes())
    assert caught.value.code == "route-resources"


def test_a_declared_route_may_start():
    assert _codes(_declared()) == []


def test_an_answer_that_no_catalogue_declares_stops_the_start():
    assert _codes(_declared(answer="shop/support-payments")) == ["answer-undeclared"]


def test_an_answer_of_another_case_stops_the_start():
    assert _codes(_declared(answer="shop/order-placed")) == ["answer-case"]


@pytest.mark.parametrize(
    ("reads", "forbidden"),
    [("orders", "orders"), ("orders.notes", "orders"), ("orders/files", "orders"), ("orders", "orders.notes")],
)
def test_a_route_that_reads_what_is_forbidden_stops_the_start(reads: str, forbidden: str):
    assert _codes(_declared(reads=(reads,)), forbidden) == ["resource-forbidden"]


def test_a_name_that_only_begins_alike_is_another_resource():
    assert _codes(_declared(reads=("orders_open",)), "orders") == []


def test_the_start_hears_of_all_faults_at_once():
    assert _codes(_declared("shop/other", ("orders", "stock")), "orders", "stock") == [
        "answer-undeclared",
        "resource-forbidden",
        "resource-forbidden",
    ]
