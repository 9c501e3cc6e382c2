"""Transforms: within what a field permits, never wider, told to corporate, and checked there against the values."""

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import _batch, _leaving, catalogue, consent, difference, gate, transforms
from audit.catalogue import TELLING
from audit.errors import CatalogueFaults, Refused, Undeclared
from audit.types import TYPES, WHOLE, instant_text
from tests.audit import samples
from tests.audit.samples import CODEC, CODEC_OF_LINES, NOW, collected, header, rules

FOUND = samples.load()
KIND = "shop/order-placed"


def choose(**words):
    """Rules under which these transforms are chosen, by key."""
    return rules(FOUND, samples.choosing(FOUND, **words))


def seal(messages, made, codec=CODEC):
    return gate.seal(messages, header(), made, codec)


def values(sealed, key):
    """The values of a key in the messages of a batch, `...` where it is left out."""
    return [CODEC.decode(line).get(key, ...) for line in sealed.body.splitlines()[1:]]


def told(sealed):
    return CODEC.decode(sealed.body.splitlines()[0]).get("transforms")


# ---------------------------------------------------------------------------------------------------------------------
# Each value by itself


@pytest.mark.parametrize(
    ("key", "word", "before", "after"),
    [
        ("items", "round:10", [0, 9, 10, 19, 99, -1, -2], [0, 0, 10, 10, 90, -1, -2]),
        ("items", "round:50", [0, 49, 50, 99, -1, -2], [0, 0, 50, 50, -1, -2]),
        ("items", "bucket:5,20", [0, 4, 5, 19, 20, 99, -2, -1], [0, 0, 5, 5, 20, 20, -2, -1]),
        ("took", "bucket:200", ["<50", "<200", ">=200"], ["<200", "<200", ">=200"]),
        ("at", "coarser:minute", ["2026-11-21T14:01:59Z"], ["2026-11-21T14:01:00Z"]),
        ("at", "coarser:hour", ["2026-11-21T14:01:59Z"], ["2026-11-21T14:00:00Z"]),
        ("at", "coarser:day", ["2026-11-21T14:01:59Z"], ["2026-11-21T00:00:00Z"]),
    ],
)
def test_a_value_leaves_as_the_chosen_transform_makes_it(key, word, before, after):
    sealed = seal([collected(**{key: value}) for value in before], choose(**{key: word}))
    assert values(sealed, key) == after
    assert told(sealed) == {f"shop.{key}": word}
    assert gate.declared(sealed.body, FOUND, samples.INDEX, CODEC).told == {f"shop.{key}": word}
    gate.check(sealed.body, choose(**{key: word}), 1, CODEC, now=NOW)


@pytest.mark.parametrize(
    ("declared", "word", "after"),
    [
        ("minute", "coarser:hour", "2026-11-21T14:00Z"),
        ("minute", "coarser:day", "2026-11-21T00:00Z"),
        ("hour", "coarser:day", "2026-11-21T00Z"),
    ],
)
def test_a_coarser_instant_keeps_its_declared_form(declared, word, after):
    change = transforms.change(transforms.read(word), "instant", {"precision": declared})
    before = {"minute": "2026-11-21T14:59Z", "hour": "2026-11-21T14Z"}[declared]
    assert change(before) == after
    assert TYPES["instant"].make({"precision": declared}, samples.INDEX)(after)


def test_rounding_stays_above_the_minimum_of_the_field():
    change = transforms.change(transforms.read("round:10"), "count", {"minimum": 3, "maximum": 99})
    assert [change(value) for value in (-1, -2, 3, 9, 10, 99)] == [-1, -2, 3, 3, 10, 90]


def test_without_a_transform_a_batch_is_what_it_was():
    sealed = seal([collected()], rules())
    assert told(sealed) is None
    assert b"transforms" not in sealed.body


def test_a_transform_is_told_only_with_messages_of_a_kind_that_has_the_field():
    page = gate.Collected(1, {"kind": "shop/page-seen", "at": "2026-11-21T14:00:59Z"})
    sealed = gate.seal([page], header(case="browser"), choose(items="round:10", at="coarser:day"), CODEC)
    assert (sealed.taken, told(sealed)) == (1, None)
    void = gate.void(header(void="withdrawn"), choose(items="round:10"), CODEC)
    assert told(void) is None


# ---------------------------------------------------------------------------------------------------------------------
# Over the messages of a batch


def ways(*counts):
    return [collected(way=way) for way, count in counts for _ in range(count)]


def test_what_too_few_messages_share_is_left_out_of_them():
    found = choose(way="suppress:3")
    sealed = seal(ways(("card", 5), ("cash", 2), ("other", 1)), found)
    assert Counter(values(sealed, "way")) == {"card": 5, ...: 3}
    assert sealed.withheld == {("suppressed", "shop.way"): 3}
    assert sealed.kept == (True,) * 8


def test_the_only_rare_value_cannot_be_told_by_what_is_missing():
    sealed = seal(ways(("card", 5), ("cash", 1)), choose(way="suppress:3"))
    assert Counter(values(sealed, "way")) == {...: 6}
    sealed = seal(ways(("card", 5), ("cash", 4), ("other", 1)), choose(way="suppress:3"))
    assert Counter(values(sealed, "way")) == {"card": 5, ...: 5}


def test_a_batch_of_fewer_messages_holds_none_of_the_values():
    sealed = seal(ways(("card", 2)), choose(way="suppress:3"))
    assert values(sealed, "way") == [..., ...]
    assert told(sealed) == {"shop.way": "suppress:3"}


def test_messages_with_a_rare_value_are_left_out_whole():
    sealed = seal(ways(("card", 3), ("cash", 2)), choose(way="drop-rare:3"))
    assert values(sealed, "way") == ["card"] * 3
    assert sealed.kept == (True, True, True, False, False)
    assert sealed.withheld == {("rare", "shop.way"): 2}


def test_leaving_messages_out_makes_others_rare():
    found = choose(way="drop-rare:3", order_id="drop-rare:3")
    messages = [collected(way=way, order_id=number) for way, number in
                [*[("card", 1)] * 3, ("cash", 2), ("cash", 2), ("card", 2)]]  # fmt: skip
    sealed = seal(messages, found)
    assert Counter(zip(values(sealed, "way"), values(sealed, "order_id"), strict=True)) == {("card", 1): 3}


def test_messages_without_the_field_go_and_sentinels_are_not_rare():
    sealed = seal([collected(items=-1), collected(items=...), *[collected(items=7)] * 3], choose(items="suppress:3"))
    assert values(sealed, "items") == [-1, ..., 7, 7, 7]


def test_each_kind_is_a_population_of_its_own():
    text = samples.product().text.replace("[field.way]\nkinds = [", '[field.way]\nkinds = ["shop/order-paid", ')
    at = text.index("[field.at]")
    text = text.replace("[field.at]\nkinds = [", '[field.at]\nkinds = ["shop/order-paid", ')
    kind = '[kind."shop/order-paid"]\ncase = "event"\nbrief = "an order was paid"\nsince = "1.0.0"\n'
    found = samples.load(catalogue.Source("shop.toml", text[:at] + kind + text[at:]))
    made = rules(found, samples.choosing(found, way="suppress:3"))
    paid = gate.Collected(1, {"kind": "shop/order-paid", "at": "2026-11-21T14:00:59Z", "way": "card"})
    sealed = gate.seal([paid, *[collected(way="card")] * 3], header(), made, CODEC)
    assert values(sealed, "way") == [..., "card", "card", "card"]


# ---------------------------------------------------------------------------------------------------------------------
# What may be chosen, and what is withheld otherwise


def test_a_transform_that_the_definition_does_not_permit_withholds_the_field():
    sealed = seal([collected()], choose(items="round:7"))
    assert values(sealed, "items") == [...]
    assert sealed.withheld == {("transform-not-permitted", "shop.items"): 1}


def test_what_corporate_cannot_be_told_about_stays():
    allowed = samples.choosing(FOUND, items="round:10")
    silent = {name: hashes for name, hashes in allowed.approved.items() if name != TELLING}
    made = rules(FOUND, replace(allowed, approved=silent))
    sealed = seal([collected()], made)
    assert values(sealed, "items") == [...]
    assert sealed.withheld == {("not-approved", TELLING): 1}
    assert seal([collected()], rules(FOUND, consent.Consent(silent))).taken == 1
    with pytest.raises(Refused) as refused:
        gate.check(seal([collected()], choose(items="round:10")).body, made, 1, CODEC, now=NOW)
    assert (refused.value.code, refused.value.path) == ("not-approved", TELLING)


@pytest.mark.parametrize(
    ("key", "words", "why"),
    [
        ("items", '["round:1"]', "write round:N"), ("items", '["round:010"]', "write round:N"),
        ("items", '["round:100"]', "not above 99"), ("items", '["bucket:20,5"]', "rising bounds"),
        ("items", '["bucket:0,5"]', "above 0"), ("items", '["coarser:hour"]', "no instant"),
        ("items", '["noise:3"]', "no transform"), ("items", "[]", "no list"),
        ("items", '["round:10", "round:10"]', "no list"),
        ("items", '"round:10"', "no list"), ("items", "[10]", "no transform"), ("items", '["suppress:1"]', "from 2"),
        ("at", '["coarser:second"]', "no transform"), ("day", '["coarser:day"]', "no finer than the day"),
        ("order_id", '["round:10"]', "type id"), ("looks", '["suppress:3"]', "not compared"),
        ("took", '["bucket:50"]', "the last among them"), ("took", '["bucket:50,200"]', "the last among them"),
        ("took", '["bucket:60,200"]', "the last among them"),
    ],
)  # fmt: skip
def test_a_definition_permits_only_what_leaves_a_declared_value(key, words, why):
    typed = samples.TYPED[key].partition("\ntransforms")[0] + f"\ntransforms = {words}"
    with pytest.raises(CatalogueFaults) as caught:
        catalogue.load(catalogue.core(), samples.product(**{key: typed}))
    text = samples.product(**{key: typed}).text.splitlines()
    (fault,) = caught.value.faults
    assert fault.code == "transforms"
    assert why in f"{fault.message}; {fault.hint}"
    assert text[fault.line - 1] == f"transforms = {words}"


def test_every_fault_of_every_field_is_reported_at_once():
    typed = {key: samples.TYPED[key].partition("\ntransforms")[0] for key in ("items", "way")}
    with pytest.raises(CatalogueFaults) as caught:
        catalogue.load(catalogue.core(), samples.product(
            items=typed["items"] + '\ntransforms = ["round:1", "coarser:day"]',
            way=typed["way"] + '\ntransforms = ["round:10"]'))  # fmt: skip
    assert [fault.code for fault in caught.value.faults] == ["transforms"] * 3


@pytest.mark.parametrize("name", ["header.sequence", "request.at"])
def test_what_wraps_a_batch_or_is_asked_has_no_transform(name):
    core = catalogue.core()
    word = "coarser:day" if name.endswith("at") else "round:10"
    at = core.text.index("\npurpose", core.text.index(f'[field."{name}"]'))
    with pytest.raises(CatalogueFaults, match="it wraps batches or is part of a request"):
        catalogue.load(catalogue.Source("core", core.text[:at] + f'\ntransforms = ["{word}"]' + core.text[at:]))


def test_a_minimum_below_zero_is_where_sentinels_are():
    assert "sentinels" in transforms.refusal(transforms.read("round:10"), "count", {"minimum": -5, "maximum": 99})


def test_permitting_more_transforms_is_told_as_narrowing():
    before = samples.product(items=samples.TYPED["items"].replace('"round:50", ', ""))
    (change,) = difference.difference(samples.load(before), FOUND)
    assert (change.name, change.aspects, change.material) == ("shop.items", ("narrowed",), True)


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("round:1024", "a multiple of 1,024"), ("bucket:5,20", "to these bounds: 5, 20"),
        ("coarser:hour", "finer than the hour"), ("suppress:5", "two values and 5 messages"),
        ("drop-rare:5", "fewer than 5 of their kind"),
    ],
)  # fmt: skip
def test_each_is_explained_with_its_own_numbers(word, words):
    assert words in transforms.explained(transforms.read(word))


# ---------------------------------------------------------------------------------------------------------------------
# The door and corporate


@pytest.mark.parametrize(
    ("key", "word", "sent"),
    [("items", "round:10", "round:50"), ("items", "bucket:5,20", "bucket:5,20"), ("items", "round:10", "round:10"),
     ("at", "coarser:minute", "coarser:day"), ("order_id", "suppress:2", "suppress:4"),
     ("order_id", "suppress:2", "drop-rare:3")],
)  # fmt: skip
def test_values_under_a_coarser_transform_may_leave(key, word, sent):
    sealed = seal([collected()] * 4, choose(**{key: sent}))
    gate.check(sealed.body, choose(**{key: word}), 1, CODEC, now=NOW)


@pytest.mark.parametrize(
    ("key", "word", "sent"),
    [("items", "round:50", "round:10"), ("items", "round:10", None), ("at", "coarser:day", "coarser:hour"),
     ("items", "round:10", "bucket:5,20"), ("items", "suppress:3", "round:50"), ("way", "suppress:3", None),
     ("order_id", "suppress:4", "suppress:2"), ("order_id", "drop-rare:3", "suppress:4")],
)  # fmt: skip
def test_values_that_are_finer_than_what_was_chosen_since_may_not_leave(key, word, sent):
    sealed = seal([collected()] * 4, choose(**{key: sent} if sent else {}))
    with pytest.raises(Refused) as refused:
        gate.check(sealed.body, choose(**{key: word}), 1, CODEC, now=NOW)
    assert (refused.value.code, refused.value.path) == ("finer", f"shop.{key}")


def claiming(messages, **words):
    """A batch whose header says that these transforms were used, whatever its values are."""
    lines = [CODEC.encode({"kind": KIND, **samples.GOOD, **message}) for message in messages]
    head = _batch.header_line(header(), FOUND.hash, samples.INDEX.hash, len(lines), CODEC,
                              {f"shop.{key}": word for key, word in words.items()})  # fmt: skip
    return b"\n".join((head, *lines, b""))


@pytest.mark.parametrize(
    ("messages", "words", "found"),
    [
        ([{"items": 7}, {"items": 10}], {"items": "round:10"}, {f"{KIND}.items.<undeclared>": 1}),
        ([{"items": 20}, {"items": -1}], {"items": "bucket:5,20"}, {}),
        ([{"items": 19}], {"items": "bucket:5,20"}, {f"{KIND}.items.<undeclared>": 1}),
        ([{"took": "<50"}, {"took": ">=200"}], {"took": "bucket:200"}, {f"{KIND}.took.<undeclared>": 1}),
        ([{"at": "2026-11-21T14:01:00Z"}], {"at": "coarser:hour"}, {f"{KIND}.at.<undeclared>": 1}),
        ([{"way": "card"}] * 3, {"way": "suppress:3"}, {}),
        ([{"way": "card"}] * 3 + [{"way": "cash"}] * 2, {"way": "suppress:3"}, {f"{KIND}.way.<undeclared>": 2}),
        ([{"way": "card"}] * 2, {"way": "drop-rare:3"}, {f"{KIND}.way.<undeclared>": 2}),
        ([{}], {"items": "round:11"}, {"home/header.transforms.<undeclared>": 1}),
        ([{}], {"rose": "round:10"}, {"home/header.transforms.<undeclared>": 1}),
        ([{}], {"seen.at": "coarser:day"}, {"home/header.transforms.<undeclared>": 1}),
    ],
)
def test_corporate_refuses_values_that_contradict_the_transform_that_is_told(messages, words, found):
    body = claiming(messages, **words)
    if not found:
        gate.declared(body, FOUND, samples.INDEX, CODEC)
        return
    with pytest.raises(Undeclared) as refused:
        gate.declared(body, FOUND, samples.INDEX, CODEC)
    assert refused.value.findings == found


@pytest.mark.parametrize(
    "value", [{}, [], "round:10", {"shop.items": 10}, {"shop.way": "suppress:3", "shop.items": "round:10"}]
)
def test_what_is_told_has_one_form(value):
    body = claiming([{"items": 10}], items="round:10")
    changed = body.replace(b'{"shop.items":"round:10"}', CODEC.encode(value))
    assert changed != body
    with pytest.raises(Undeclared):
        gate.declared(changed, FOUND, samples.INDEX, CODEC)


def test_a_void_tells_no_transform():
    body = gate.void(header(void="mode"), rules(), CODEC).body
    changed = body.replace(b'"messages":0,', b'"messages":0,"transforms":{"shop.items":"round:10"},')
    with pytest.raises(Refused, match="contradicts"):
        gate.declared(changed, FOUND, samples.INDEX, CODEC)


# ---------------------------------------------------------------------------------------------------------------------
# Never wider: for every type and every transform that a field of it could permit

EVERY_WORD = [
    *("round:2", "round:3", "round:10", "round:50", "bucket:5,20", "bucket:1", "bucket:200", "bucket:20,200"),
    *("coarser:minute", "coarser:hour", "coarser:day", "suppress:2", "suppress:5", "drop-rare:2", "drop-rare:5"),
]
PARAMS: dict[str, list[dict[str, Any]]] = {
    **{name: [{"maximum": 99}, {"minimum": 1, "maximum": 99}] for name in ("count", "size_bytes", "duration_ms")},
    "id": [{"maximum": 99}],
    "bucket": [{"bounds": [5, 20, 200]}],
    "instant": [{"precision": name} for name in ("second", "minute", "hour", "day")],
    "choice": [{"choices": ["card", "cash"]}],
    "flag": [{}],
    "version": [{}],
    "digest": [{"hex_chars": 16}],
}
TIMES = st.integers(0, 10_000_000).map(lambda seconds: NOW - timedelta(seconds=seconds))


def one_value(type_name: str, params: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a type allows."""
    if type_name in WHOLE:
        low, high = WHOLE[type_name](params)
        return st.integers(low, high) if type_name == "id" else st.integers(low, high) | st.sampled_from([-1, -2])
    return {
        "bucket": st.sampled_from(["<5", "<20", "<200", ">=200"]),
        "instant": TIMES.map(lambda at: instant_text(at, params.get("precision", "second"))),
        "choice": st.sampled_from(["card", "cash", "other"]),
        "flag": st.booleans(),
        "version": st.sampled_from(["1", "1.2", "1.2.3"]),
        "digest": st.sampled_from(["ab" * 8, "cd" * 8]),
    }[type_name]


PERMITTED = [
    (type_name, params, word)
    for type_name, several in PARAMS.items()
    for params in several
    for word in EVERY_WORD
    if transforms.refusal(transforms.read(word), type_name, params) is None
]


def test_every_form_is_permitted_by_some_type_in_these_properties():
    assert {transforms.read(word).form for _, _, word in PERMITTED} == set(transforms.FORMS)


@st.composite
def batches(draw):
    type_name, params, word = draw(st.sampled_from(PERMITTED))
    return type_name, params, word, draw(st.lists(one_value(type_name, params), max_size=30))


def transformed(type_name, params, word, before):
    """What the transform leaves of the values of one batch, None where nothing is left."""
    chosen = transforms.choose("shop.x", word, type_name, params)
    left = iter(transforms.done(chosen, [value for value in before if value is not None]))
    return [None if value is None else next(left) for value in before]


@given(batches())
def test_a_transform_never_widens_what_leaves(batch):
    type_name, params, word, before = batch
    after = transformed(type_name, params, word, before)
    holds = TYPES[type_name].make(params, samples.INDEX)
    assert all(map(holds, before))
    assert all(value is None or holds(value) for value in after)  # still declared
    images = defaultdict(set)
    for old, new in zip(before, after, strict=True):
        images[old].add(new)
    assert all(len(found) == 1 for found in images.values())  # a function of the values: nothing finer than they were
    assert len(set(after) - {None}) <= len(set(before))
    assert transformed(type_name, params, word, after) == after  # idempotent
    for old, new in zip(before, after, strict=True):
        assert new == old if type_name in WHOLE and type_name != "id" and old in (-1, -2) else True
    chosen = transforms.choose("shop.x", word, type_name, params)
    assert transforms.strangers(chosen, [value for value in after if value is not None]) == 0  # corporate agrees


@given(batches(), st.randoms(use_true_random=False))
def test_what_leaves_does_not_depend_on_the_order_of_the_messages(batch, random):
    type_name, params, word, before = batch
    order = list(range(len(before)))
    random.shuffle(order)
    after = transformed(type_name, params, word, before)
    shuffled = transformed(type_name, params, word, [before[place] for place in order])
    assert shuffled == [after[place] for place in order]


@given(batches(), st.sampled_from(EVERY_WORD))
def test_a_coarser_transform_tells_nothing_that_the_chosen_one_does_not(batch, chosen):
    """Where `as_coarse` lets values pass, they are a function of what the chosen transform would have left."""
    type_name, params, word, before = batch
    read = transforms.read(chosen)
    if transforms.refusal(read, type_name, params) or read.looks_over or not transforms.as_coarse(word, read):
        return
    finer = transformed(type_name, params, chosen, before)
    assert transformed(type_name, params, word, finer) == transformed(type_name, params, word, before)


@given(
    st.lists(st.builds(collected, items=st.integers(-2, 99), way=st.sampled_from(["card", "cash", "other", ...]),
                       order_id=st.integers(1, 4), took=st.sampled_from(["<50", "<200", ">=200"])), max_size=14),
    st.fixed_dictionaries({}, optional={"items": st.sampled_from(["round:10", "bucket:5,20", "suppress:3"]),
                          "way": st.sampled_from(["suppress:3", "drop-rare:3"]), "took": st.just("bucket:200"),
                          "order_id": st.sampled_from(["suppress:2", "drop-rare:3"]), "at": st.just("coarser:hour")}),
)  # fmt: skip
def test_what_is_sealed_under_transforms_passes_the_door_and_corporate(messages, words):
    made = choose(**words)
    sealed = seal(messages, made)
    assert seal(messages, made, CODEC_OF_LINES) == sealed
    assert len(sealed.kept) == len(messages)
    if not sealed.taken:
        return
    gate.check(sealed.body, made, 1, CODEC, now=NOW)
    again = [gate.Collected(1, CODEC.decode(line)) for line in sealed.body.splitlines()[1:]]
    assert seal(again, made).body == sealed.body


@given(st.lists(st.builds(collected, items=st.integers(-2, 120), took=st.sampled_from(["<50", "<51"])), max_size=9))
def test_sealing_together_is_sealing_one_by_one_with_transforms_too(messages):
    made = choose(items="round:10", took="bucket:200", at="coarser:hour")
    sealed = seal(messages, made)
    sieve = _leaving.Sieve("event", made.plans(NOW.date()), made.modes, _batch.window(NOW), CODEC)
    lines = [_leaving.alone(sieve, message) for message in messages]
    assert sealed.body.split(b"\n")[1:-1] == [line for line in lines if line is not None]
    assert sealed.withheld == dict(sieve.withheld)
