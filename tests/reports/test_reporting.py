"""What may be declared as a reporter, and how the document of a release is made and read."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from audit import catalogue as catalogues
from diffgram_home import settings
from diffgram_home.errors import SettingsFaults
from diffgram_home.home import open_home
from support_routes import reporting
from support_routes.errors import RouteFaults, SupportRouteError
from support_routes.reporting import Reporter
from tests.reports import places

ROOT = Path(__file__).parents[2]
ANNOTATOR = ROOT / "examples" / "annotator"
DECLARE = (sys.executable, "-m", "support_routes.declare")
MODULE = '''"""A product's reporters."""
from support_routes.reporting import reporter


@reporter("orders", answer="shop/orders", explain="how many orders there are", key="orders.id")
def orders():
    return {said!r}
'''


def faults(one: Reporter, text: str = "") -> set[str]:
    """The codes of what is wrong with a reporter beside the catalogue."""
    try:
        reporting.read(reporting.encode([one]), places.read(text or places.listed()))
    except RouteFaults as error:
        return {fault.code for fault in error.faults}
    return set()


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"name": "Orders of Rose"}, "reporter-name"),
        ({"answer": "shop/unknown"}, "reporter-kind"),
        ({"answer": "home/error"}, "reporter-kind"),
        ({"explain": "orders"}, "reporter-explain"),
        ({"permission": ()}, "reporter-roles"),
        ({"permission": ("support",)}, "reporter-roles"),
        ({"budget_ms": 0}, "reporter-budget"),
        ({"budget_ms": 600_001}, "reporter-budget"),
        ({"budget_ms": True}, "reporter-budget"),
        ({"every_hours": 0}, "reporter-every"),
        ({"key": "orders"}, "reporter-key"),
        ({"key": 'orders.id"; DROP TABLE orders; --'}, "reporter-key"),
        ({"key": ""}, "reporter-range"),
    ],
)
def test_a_reporter_that_is_not_of_its_form_is_refused(more, code):
    assert faults(places.orders()) == set()
    assert code in faults(replace(places.orders(), **more))


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (places.STATES, places.STATES + " -- :after", None),
        (places.STATES, places.STATES + " HAVING 1 > :after OR 1 < :upto", "reporter-range"),
        (
            'kinds = ["shop/orders-by-state"]\ntype = "count"',
            'kinds = ["shop/orders"]\nkey = "o"\ntype = "count"',
            "reporter-counts",
        ),
        ('kinds = ["shop/orders", "shop/orders-by-state"]\ntype = "instant"', None, "reporter-at"),
        ('type = "choice"\nchoices = ["open", "paid", "packed", "sent"]\nexample = "open"', None, "reporter-other"),
    ],
)
def test_a_reporter_has_to_fit_its_kind(old, new, code):
    text = places.listed()
    assert old in text
    if code == "reporter-at":
        new = old.replace(', "shop/orders-by-state"', "")
    if code == "reporter-other":
        new = 'type = "flag"\nexample = true'
    found = faults(places.states(), text.replace(old, new))
    assert (code in found) if code else not found


def test_two_counts_of_two_queries_are_no_one_report():
    more = places.FIELD.format(
        name="other.totals", kinds='"shop/orders"', typed=places.COUNT.format(query="SELECT 1 AS totals")
    )
    assert faults(places.orders(), places.listed() + more) == {"reporter-query", "reporter-range"}


def test_wrong_words_fail_where_they_are_written():
    with pytest.raises(SupportRouteError, match="budget"):
        reporting.reporter("orders", answer="shop/orders", explain="how many there are", budget_ms=5)(lambda: None)


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"format":"x","reporters":[]}', b"[" * 9_999])
def test_what_is_no_document_is_refused(data):
    with pytest.raises(RouteFaults, match="no document"):
        reporting.read(data, places.read(places.listed()))


def test_one_name_is_one_reporter():
    data = reporting.encode([places.orders(), places.orders()])
    with pytest.raises(RouteFaults, match="twice"):
        reporting.read(data, places.read(places.listed()))


def test_a_document_is_read_back_as_it_was():
    made = (places.orders(), places.states())
    assert reporting.read(reporting.encode(made), places.read(places.listed())) == made


def test_an_installation_does_not_start_with_a_reporter_that_does_not_fit(tmp_path):
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    with pytest.raises(SettingsFaults) as caught:
        places.build(tmp_path, url, [places.orders(answer="shop/unknown"), places.states(budget_ms=1)])
    assert {fault.code for fault in caught.value.faults} == {"reporter-kind", "reporter-budget"}


def test_another_document_than_the_pinned_one_stops_the_start(tmp_path):
    home = places.build(tmp_path, f"sqlite:///{tmp_path / 'shop.db'}", [places.orders()])
    home.close()
    (tmp_path / "reporters.json").write_bytes(reporting.encode([places.orders(budget_ms=600_000)]))
    with pytest.raises(SettingsFaults) as caught:
        open_home(settings.read(tmp_path / "diffgram-home.toml", {}))
    assert [fault.code for fault in caught.value.faults] == ["file-differs"]


def declare(folder: Path, said: str | None, *more: str) -> subprocess.CompletedProcess[str]:
    """Make the document of a module whose reporter returns `said`."""
    (folder / "shop.toml").write_text('[catalogue]\nnamespace = "shop"\n' + places.listed())
    (folder / "shop_reports.py").write_text(MODULE.format(said=said))
    command = [*DECLARE, "shop_reports", "--catalogue", "shop.toml", "--file", "reporters.json", *more]
    path = {"PYTHONPATH": f"{ROOT}:{folder}"}
    return subprocess.run(command, cwd=folder, env=path, capture_output=True, text=True)


@pytest.mark.parametrize("said", [None, places.ORDERS, places.ORDERS.replace(" FROM", "\n  FROM")])
def test_a_release_declares_its_reporters(tmp_path, said):
    assert declare(tmp_path, said).returncode == 0
    (made,) = json.loads((tmp_path / "reporters.json").read_bytes())["reporters"]
    assert made["place"] == "shop_reports:orders"
    assert declare(tmp_path, said, "--check").returncode == 0
    (tmp_path / "reporters.json").write_text("{}")
    assert declare(tmp_path, said, "--check").returncode == 1


def test_another_query_than_the_catalogue_explains_makes_no_release(tmp_path):
    done = declare(tmp_path, "SELECT count(*) AS orders FROM customers WHERE id > :after AND id <= :upto")
    assert done.returncode == 1
    assert "asks another query than the catalogue explains" in done.stderr
    assert not (tmp_path / "reporters.json").exists()


def test_the_document_of_the_annotator_is_the_one_of_its_source():
    source = ANNOTATOR / "annotator"
    command = [*DECLARE, "annotator.reports", "--catalogue", source / "outbound_fields.toml"]
    path = {"PYTHONPATH": f"{ROOT}:{ANNOTATOR}"}
    done = subprocess.run([*command, "--file", source / "reporters.json", "--check"], env=path, cwd=ROOT)
    assert done.returncode == 0
    found = reporting.read((source / "reporters.json").read_bytes(), catalogues.read(source / "outbound_fields.toml"))
    assert [one.name for one in found] == ["annotations", "inputs-by-media", "tasks-by-state"]
