"""The catalogue: every fault at once with its line, hashes that move with each word, reviews that an edit voids."""

import pytest

from audit import catalogue, difference
from audit.errors import CatalogueFaults
from tests.audit import samples


def faults(*sources):
    with pytest.raises(CatalogueFaults) as caught:
        catalogue.load(*sources)
    return caught.value.faults


def test_the_seed_documents_examples_are_fields_by_these_names():
    core = catalogue.load(catalogue.core())
    assert {"home.member_id", "home.project_id", "home.input_id", "home.error_log"} <= core.fields.keys()


def test_every_core_field_is_reviewed_as_it_stands():
    core = catalogue.load(catalogue.core())
    assert [field.name for field in core.fields.values() if not field.reviewed] == []


def test_an_edit_voids_the_review():
    source = catalogue.core()
    edited = catalogue.Source(source.name, source.text.replace("the database id of the project", "the id of a project"))
    assert edited != source
    assert not catalogue.load(edited).fields["home.project_id"].reviewed


def test_the_order_of_tables_does_not_change_a_hash():
    head, *tables = samples.product().text.split("\n[field.")
    turned = catalogue.Source("shop.toml", "\n[field.".join([head, *reversed(tables)]))
    assert samples.load(turned).hash == samples.load().hash


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("retention_days = 30", "retention_days = 31"),
        ('brief = "something', 'brief = "anything'),
        ('if_off = "nothing', 'if_off = "something'),
        ("maximum = 99", "maximum = 100"),
        ('expires = "2028-11-01"', 'expires = "never"'),
    ],
)
def test_any_edit_changes_the_definition(old, new):
    source = samples.product()
    edited = samples.load(catalogue.Source(source.name, source.text.replace(old, new)))
    assert edited.fields["shop.items"].hash != samples.load().fields["shop.items"].hash
    assert edited.hash != samples.load().hash


def test_every_fault_is_reported_at_once_with_its_line():
    text = (
        samples.product()
        .text.replace('type = "flag"', 'type = "text"')
        .replace("bounds = [50, 200]", "bounds = [9, 5]")
    )
    text = text.replace('kinds = ["shop/page-seen"]', 'kinds = ["shop/unknown"]') + "\nowners = 3\n"
    found = faults(catalogue.core(), catalogue.Source("shop.toml", text))
    lines = text.splitlines()
    assert {fault.code for fault in found} == {"unknown-type", "bounds", "unknown-kind", "unknown-key"}
    at = {fault.code: lines[fault.line - 1] for fault in found}
    assert at["unknown-type"] == 'type = "text"'
    assert at["bounds"] == "bounds = [9, 5]"
    assert at["unknown-kind"] == 'kinds = ["shop/unknown"]'
    assert at["unknown-key"] == "owners = 3"


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        ("[catalogue", "not-toml"),
        ('[catalogue]\nnamespace = "Shop Two"', "no-namespace"),
        ('[catalogue]\nnamespace = "home"', "namespace-taken"),
        ('[catalogue]\nnamespace = "shop"\n[kinds]', "unknown-table"),
        ('[catalogue]\nnamespace = "shop"\n[kind."other/thing-done"]\ncase = "event"', "kind-name"),
        ('[catalogue]\nnamespace = "shop"\n[kind."shop/Thing"]\ncase = "every"', "unknown-case"),
        ('[catalogue]\nnamespace = "shop"\n[field.x]\nbrief = "no type at all in this field"', "no-type"),
        ('[catalogue]\nnamespace = "shop"\n[field.x]\ntype = "id"', "missing-key"),
    ],
)
def test_a_broken_file_says_how(broken, code):
    assert code in {fault.code for fault in faults(catalogue.core(), catalogue.Source("shop.toml", broken))}


@pytest.mark.parametrize(
    ("name", "typed", "code"),
    [
        ("order_id", 'type = "id"\nmaximum = 1000\nexample = 1001', "bad-example"),
        ("order_id", 'type = "id"\nexample = 7', "missing-key"),
        ("items", 'type = "count"\nmaximum = 99\nexample = 3', "no-unit"),
        ("way", 'type = "choice"\nchoices = ["two words"]\nexample = "other"', "choices"),
        ("day", 'type = "instant"\nprecision = "week"\nexample = "2026-11-21"', "precision"),
        ("day", 'type = "instant"\nprecision = "day"\nexample = "2026-11-31"', "bad-example"),
        ("order_id", 'type = "id"\nmaximum = 9007199254740992\nexample = 7', "bound"),
        ("paid", 'type = "flag"\nexample = true\nmaximum = 3', "unknown-key"),
    ],
)
def test_a_field_states_the_parameters_of_its_type_and_no_others(name, typed, code):
    assert code in {fault.code for fault in faults(catalogue.core(), samples.product(**{name: typed}))}


def test_one_key_of_a_kind_has_one_meaning():
    extra = samples.FIELD.format(
        name='"second.items"', params=samples.TYPED["items"], expires="never", kinds='["shop/order-placed"]'
    )
    found = faults(catalogue.core(), catalogue.Source("shop.toml", samples.product().text + extra))
    assert [fault.code for fault in found] == ["two-meanings"]


def test_a_removed_field_stays_listed_and_may_no_longer_leave():
    text = samples.product().text.replace("[field.items]", '[field.items]\nremoved = "2.0.0"')
    found = samples.load(catalogue.Source("shop.toml", text))
    assert "shop.items" in found.fields
    assert "items" not in found.of_kind("shop/order-placed")


def changes(old, new):
    before, after = samples.product(), samples.product()
    assert old in after.text
    return difference.difference(
        samples.load(before), samples.load(catalogue.Source(after.name, after.text.replace(old, new)))
    )


@pytest.mark.parametrize(
    ("old", "new", "what", "material"),
    [
        ("maximum = 99", "maximum = 100", "changed", True),
        ("retention_days = 30", "retention_days = 29", "changed", True),
        ('purpose = ["improve"]', 'purpose = ["billing"]', "changed", True),
        ('brief = "something', 'brief = "anything', "reworded", False),
        ("[field.items]", '[field.items]\nremoved = "2.0.0"', "removed", False),
        ("[field.items]", '[field.things]\nkey = "items"', "added", True),
    ],
)
def test_a_difference_says_whether_it_is_material(old, new, what, material):
    found = [change for change in changes(old, new) if change.what == what]
    assert found
    assert {change.material for change in found} == {material}


def test_no_key_of_a_field_is_neither_material_nor_editorial():
    judged = difference.MATERIAL | difference.EDITORIAL | {"name", "hash", "review", "removed"}
    assert set(catalogue.Field.__slots__) == judged
