"""How values are made: every stated method is true of the source, whole, and part of the catalogue's hash."""

import ast
import re
from pathlib import Path

import pytest

from audit import catalogue, difference, methods
from audit.__main__ import main
from audit.errors import CatalogueFaults
from tests.audit import samples

ROOT = Path(__file__).parents[2]
ANNOTATOR = ROOT / "examples" / "annotator"
PRODUCT = ANNOTATOR / "annotator" / "outbound_fields.toml"
SOURCE = '''"""A module."""
import event

FACTOR = 1000
OTHER = 7


def tell(task, member, clock):
    """Tell it."""
    began = clock()
    new = Order(member=member, blob=task.data)  # a thing that is made here
    found = [entry for entry in task.entries if entry.done]
    event.new(
        "shop/order-placed",
        member_id=member.id,
        entries=len(found),
        order_id=new.id,
        size_bytes=len(new.blob),
        duration_ms=int((clock() - began).total_seconds() * FACTOR),
        weight=_weight(task),
    )


def _weight(task):
    return task.weight * 2


class Teller:
    def tell(self, values):
        return {"weight": self._weigh(values)}

    def _weigh(self, values):
        return values["weight"]
'''
TABLE = """
[method."shop.orders:tell"]
kinds = ["shop/order-placed"]
version = "{version}"
[method."shop.orders:tell".inputs]
{inputs}
"""


def product(inputs: str = 'items = ["task.entries"]', version: str = "0" * 16) -> catalogue.Source:
    source = samples.product()
    return catalogue.Source(source.name, source.text + TABLE.format(version=version, inputs=inputs))


def test_every_method_that_our_catalogues_state_is_true_of_the_source():
    judged = methods.judge(catalogue.read(PRODUCT), (ROOT, ANNOTATOR))
    assert len(judged) >= 15
    assert [(one.method.place, one.wrong) for one in judged if one.wrong] == []


def test_every_value_that_may_leave_says_how_it_is_made():
    found = catalogue.read(PRODUCT)
    silent = [
        (kind, field.name)
        for field in found.fields.values()
        for kind in field.kinds
        if not field.removed and field.type != "envelope" and not found.made(field.key, kind)
    ]
    assert silent == []


def test_a_product_s_own_place_stands_before_ours():
    found = catalogue.read(PRODUCT)
    places = [one.place for one in found.made("member_id", "home/error")]
    assert places == ["annotator.pages:context", "event._collect:Collector._reduced"]


@pytest.mark.parametrize(
    ("key", "reads"),
    [
        ("member_id", {"member.id"}),
        ("entries", {"task.entries"}),
        ("order_id", {"new.id"}),
        ("size_bytes", {"task.data"}),
        ("duration_ms", {"clock", "FACTOR"}),
        ("weight", {"task"}),
    ],
)
def test_inputs_are_what_the_written_expression_reads_through_variables(key, reads):
    assert set(methods.inputs(SOURCE, "tell", key) or ()) == reads


def test_a_key_that_is_not_written_by_name_has_no_inputs_to_compare():
    assert methods.inputs(SOURCE, "tell", "nothing") is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# a thing that is made here", "# another comment"),
        ('"""Tell it."""', '"""Tell it, in other words."""'),
        ("    began = clock()", "\n    began   =   clock()"),
        ("OTHER = 7", "OTHER = 8"),
        ("return {", "return {  **values, "),
    ],
)
def test_words_layout_and_what_it_does_not_use_leave_the_version(old, new):
    assert old in SOURCE
    assert methods.version(SOURCE.replace(old, new), "tell") == methods.version(SOURCE, "tell")


@pytest.mark.parametrize(
    ("old", "new"),
    [("member.id", "member.name"), ("FACTOR = 1000", "FACTOR = 1"), ("task.weight * 2", "task.weight * 3")],
)
def test_other_code_is_another_version_also_of_what_it_uses(old, new):
    assert old in SOURCE
    assert methods.version(SOURCE.replace(old, new), "tell") != methods.version(SOURCE, "tell")


def test_a_method_of_a_class_brings_the_methods_that_it_calls():
    changed = SOURCE.replace('values["weight"]', 'values["height"]')
    assert methods.version(changed, "Teller.tell") != methods.version(SOURCE, "Teller.tell")


def test_a_place_that_does_not_exist_is_told():
    with pytest.raises(LookupError, match="no function nobody"):
        methods.version(SOURCE, "nobody")


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (("return task.weight * 2", "return task.weight * 3"), "its source is of version"),
        (("len(found)", "len(task.other)"), "items is made from task.other; stated is task.entries"),
        (("def tell(task", "def told(task"), "the module has no function tell"),
    ],
)
def test_a_changed_method_fails_the_build_until_its_version_is_stated_anew(tmp_path, capsys, edit, sentence):
    (tmp_path / "shop").mkdir()
    place = tmp_path / "shop" / "orders.py"
    source = SOURCE.replace("entries=len", "items=len")
    place.write_text(source)
    path = tmp_path / "shop.toml"
    path.write_text(product(version=methods.version(source, "tell")).text)
    ask = ["methods", str(path), "--source", str(tmp_path)]
    assert main(ask) == 0
    place.write_text(source.replace(*edit))
    assert main(ask) == 1
    assert sentence in capsys.readouterr().err


def test_writing_states_the_version_of_the_source_and_nothing_else():
    stated = catalogue.load(catalogue.core(), product())
    version = "f" * 16
    judged = [methods.Judged(one, version if "shop" in one.place else one.version, ()) for one in stated.methods]
    before = product().text
    after = methods.restated(before, judged)
    assert [line for line in after.splitlines() if line not in before.splitlines()] == [f'version = "{version}"']
    assert len(after) == len(before)


def test_a_method_is_in_the_catalogue_s_hash_and_in_no_definition():
    one, other = (catalogue.load(catalogue.core(), product(version=digit * 16)) for digit in "01")
    assert one.hash != other.hash
    assert {f.name: f.hash for f in one.fields.values()} == {f.name: f.hash for f in other.fields.values()}
    assert samples.load().hash not in (one.hash, other.hash)


def test_another_method_is_told_and_asks_nobody():
    one, other = (catalogue.load(catalogue.core(), product(version=digit * 16)) for digit in "01")
    (change,) = difference.difference(one, other)
    assert (change.name, change.aspects, change.material) == ("shop.items", ("other method",), False)
    assert "shop.orders:tell from task.entries (version 1111111111111111)" in change.detail


def test_the_order_of_methods_does_not_change_the_hash():
    inputs = 'items = ["task.entries"]'
    second = TABLE.replace("orders:tell", "orders:tell_again").format(version="1" * 16, inputs=inputs)
    head, first = samples.product().text, TABLE.format(version="0" * 16, inputs=inputs)
    one, other = (
        catalogue.load(catalogue.core(), catalogue.Source("shop.toml", text))
        for text in (head + first + second, head + second + first)
    )
    assert one.hash == other.hash


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('"shop.orders:tell"', '"shop.orders"', "method-place"),
        ('version = "0000000000000000"', 'version = "1"', "method-version"),
        ('kinds = ["shop/order-placed"]\nversion', 'kinds = ["shop/unknown"]\nversion', "method-kinds"),
        ('kinds = ["shop/order-placed"]\nversion', "version", "method-kinds"),
        ('items = ["task.entries"]', "", "method-inputs"),
        ('items = ["task.entries"]', 'items = ["two words"]', "method-inputs"),
        ('items = ["task.entries"]', 'nothing = ["task"]', "method-key"),
        ('version = "0000000000000000"', 'version = "0000000000000000"\nowner = "x"', "unknown-key"),
    ],
)
def test_a_faulty_method_says_how(old, new, code):
    text = product().text
    assert old in text
    with pytest.raises(CatalogueFaults) as caught:
        catalogue.load(catalogue.core(), catalogue.Source("shop.toml", text.replace(old, new)))
    assert code in {fault.code for fault in caught.value.faults}


def test_no_query_of_a_catalogue_stands_in_the_product_s_code_a_second_time():
    queries = {field.explain for field in catalogue.read(PRODUCT).fields.values() if field.explain}
    texts = {
        node.value
        for path in ANNOTATOR.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert len(queries) == 10
    assert [text for text in texts if re.match(r"\s*SELECT\b", text, re.IGNORECASE)] == []
