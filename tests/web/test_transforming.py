"""Choosing a transform on the page: its effect on real values first, the definition that was shown, who may."""

import html

from diffgram_home import reading, views
from tests.web.world import World

CHANGED, SIZES = "annotator.annotations_made", "annotator.input_size_bytes"


def _field(world: World, name: str) -> views.Field:
    return next(field for field in reading.fields(world.home) if field.name == name)


def _form(world: World, token: str, word: str, name: str = CHANGED) -> dict[str, str]:
    return {"csrf": world.form_value(token), "definition": f"{name}@{_field(world, name).hash}", "word": word}


def test_the_page_shows_each_choice_with_its_effect_on_what_waits(world: World) -> None:
    page = html.unescape(world.ask(f"/fields/transform/{SIZES}", token=world.token("viewer")).text)
    effect = ("<code>5120</code>", "<code>0</code>", "different values</b> would leave", "a multiple of 1,024")
    for words in ("round:1024", "bucket:65536,1048576", *effect):
        assert words in page
    assert "Choosing takes the role" in page
    assert '<button class="main">' not in page
    few = html.unescape(world.ask("/fields/transform/home.member_id", token=world.token("operator")).text)
    assert '<code>77</code></td><td data-label="leaves"><span class="quiet">nothing' in few
    assert '<button class="main">Choose</button>' in few


def test_a_choice_is_made_told_and_taken_back(world: World) -> None:
    token = world.token("operator")
    address = f"/fields/transform/{CHANGED}"
    done = world.ask(address, method="POST", token=token, form=_form(world, token, "bucket:5,100"))
    assert (done.status, done.headers["Location"]) == (303, "/fields?done=transformed")
    assert _field(world, CHANGED).transform == "bucket:5,100"
    assert '<span class="tag">bucket:5,100</span>' in world.ask("/fields?q=annotations_made", token=token).text
    history = world.ask("/history", token=token).text
    assert "operator.person" in history
    assert "bucket:5,100" in history
    again = world.ask(address, method="POST", token=token, form=_form(world, token, "bucket:5,100"))
    assert again.headers["Location"] == "/fields?done=same"
    assert world.ask(address, method="POST", token=token, form=_form(world, token, "none")).status == 303
    assert _field(world, CHANGED).transform is None


def test_only_what_was_shown_and_is_permitted_is_chosen(world: World) -> None:
    token = world.token("admin")
    address = f"/fields/transform/{CHANGED}"
    good = _form(world, token, "bucket:5,100")
    for wrong in (
        {"word": "bucket:1,100"},
        {"word": ""},
        {"definition": f"{CHANGED}@{'0' * 64}"},
        {"definition": _form(world, token, "x", SIZES)["definition"]},
    ):
        assert world.ask(address, method="POST", token=token, form={**good, **wrong}).status == 400
    for name, status in (("home.error_log", 404), ("no.field", 404), ("home.request.at", 404)):
        assert world.ask(f"/fields/transform/{name}", token=token).status == status
    viewer = world.token("viewer")
    form = {**good, "csrf": world.form_value(viewer)}
    assert world.ask(address, method="POST", token=viewer, form=form).status == 403
    assert _field(world, CHANGED).transform is None
