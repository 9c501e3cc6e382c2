"""Declaring on the page: the exact bytes are shown first, and nothing is asked or opened before somebody confirms."""

import html
import json
import re

from diffgram_home import incidents
from tests.web.world import World


def test_what_is_shown_is_what_is_kept_and_looking_changes_nothing(world: World) -> None:
    token = world.token("security")
    before = incidents.listed(world.home)
    where = f"/incidents/declare?attempt={world.attempts['accepted']}&why=mistake"
    page = world.ask(where, token=token)
    assert page.status == 200
    assert incidents.listed(world.home) == before
    body = html.unescape(re.search(r'name="body" value="(.*?)"', page.text)[1])  # type: ignore[index]
    assert json.loads(body)["kind"] == "home/deletion-asked"
    form = {"csrf": world.form_value(token), "body": body, "why": "mistake"}
    assert world.ask("/incidents/declare", method="POST", token=token, form={**form, "why": "because"}).status == 400
    assert world.ask("/incidents/declare", method="POST", token=token, form={**form, "body": "{}"}).status == 400
    assert world.ask("/incidents/declare", method="POST", token=token, form=form).status == 303
    (new,) = [one for one in incidents.listed(world.home) if one not in before]
    assert (new.source, [step.what for step in new.steps if step.at]) == ("customer", ["noticed"])
    assert new.token in world.ask("/incidents", token=token).text


def test_a_viewer_cannot_declare_and_what_is_not_there_is_said_so(world: World) -> None:
    assert world.ask("/incidents/declare?attempt=1&why=mistake", token=world.token("viewer")).status == 403
    token = world.token("admin")
    for asked, status in (("attempt=999999&why=mistake", 404), ("field=no.field&why=other", 404), ("attempt=1", 400)):
        assert world.ask(f"/incidents/declare?{asked}", token=token).status == status
