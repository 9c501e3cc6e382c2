"""Words of a command line become values by the declared type of their field."""

from datetime import UTC, datetime

import click
import pytest

from audit import catalogue
from diffgram_home.cli import values

TEXT = """
[catalogue]
namespace = "shop"
[kind."shop/thing-done"]
case = "event"
brief = "somebody did a thing"
since = "1.0.0"
"""
FIELD = """
[field."shop.{key}"]
kinds = ["shop/thing-done"]
type = "{type}"
{more}
purpose = ["improve"]
brief = "one of the things that was done"
sensitivity = "technical"
identifies = "nobody"
retention_days = 90
owner = "shop@example.com"
since = "1.0.0"
expires = "never"
if_off = "nobody sees that things are done"
"""


@pytest.fixture(scope="module")
def fields():
    listed = [
        FIELD.format(key="total", type="count", more='unit = "things"\nmaximum = 9\nexample = 3'),
        FIELD.format(key="big", type="flag", more="example = true"),
        FIELD.format(key="when", type="instant", more='precision = "second"\nexample = "2026-11-21T14:01:05Z"'),
        FIELD.format(key="size", type="choice", more='choices = ["small", "large"]\nexample = "small"'),
    ]
    return catalogue.load(catalogue.core(), catalogue.Source("shop.toml", TEXT + "".join(listed))).of_kind(
        "shop/thing-done"
    )


def test_it_reads_each_word_by_the_type_of_its_field(fields):
    read = values.parse(["total=3", "big=yes", "when=2026-11-21T14:01:05Z", "size=a=b"], fields)
    assert read == {"total": 3, "big": True, "when": datetime(2026, 11, 21, 14, 1, 5, tzinfo=UTC), "size": "a=b"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["total"], "is not field=value"),
        (["=3"], "is not field=value"),
        (["price=3"], "no field"),
        (["at=2026-11-21"], "no field"),
        (["total=three"], "a whole number"),
        (["big=perhaps"], "true or false"),
        (["when=2026-11-21T14:01:05"], "time zone"),
        (["total=1", "total=2"], "twice"),
    ],
)
def test_it_refuses_what_it_cannot_read_and_says_how_to_write_it(fields, words, says):
    with pytest.raises(click.BadParameter, match=says):
        values.parse(words, fields)
