"""`event.wsgi` and `event.flask`: what a product does not catch is reported once, and nothing else changes."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.util import FileWrapper, setup_testing_defaults
from wsgiref.validate import validator

import pytest
from flask import Flask, Response

import event
from event import _wsgi
from event import event as face
from tests.event import samples
from tests.ways.spelled import SECRET, found_under


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "spool"
    place.mkdir()
    samples.set_modes(place)
    event.start(place, samples.read_catalogue(), samples.INDEX, strict=True)
    yield place
    face._collector = None


def call(application: Any) -> list[bytes]:
    """Call it as a strict server does: take all, then close."""
    environ: dict[str, Any] = {"QUERY_STRING": ""}
    setup_testing_defaults(environ)
    answer = application(environ, lambda *_: None)
    try:
        return list(answer)
    finally:
        if hasattr(answer, "close"):
            answer.close()


class Stream:
    """An answer that notes what was done with it."""

    def __init__(self, fails_at: str = "") -> None:
        self.done: list[str] = []
        self.fails_at = fails_at

    def __iter__(self) -> Iterator[bytes]:
        for number in range(3):
            self._do(f"part {number}")
            yield b"%d" % number

    def close(self) -> None:
        self._do("close")

    def _do(self, what: str) -> None:
        self.done.append(what)
        if what == self.fails_at:
            raise ValueError(SECRET)


def types(spool: Path) -> list[str]:
    return [message["error_log"]["chain"][0]["type"] for message in samples.messages_in(spool)]


def test_an_exception_before_the_answer_is_reported_and_raised_untouched(spool: Path):
    fault = KeyError(SECRET)

    def application(_environ: Any, _start: Any) -> Any:
        raise fault

    with pytest.raises(KeyError) as raised:
        call(event.wsgi(application))
    assert raised.value is fault
    assert not hasattr(fault, "__notes__")
    assert types(spool) == ["KeyError"]
    assert found_under(spool) == {}


@pytest.mark.parametrize("place", ["part 0", "part 2", "close"])
def test_an_exception_while_streaming_is_reported_once_and_the_answer_is_closed(spool: Path, place: str):
    stream = Stream(place)
    with pytest.raises(ValueError, match="Zuzanna"):
        call(event.wsgi(lambda _environ, _start: stream))
    assert stream.done[-1] == "close"
    assert types(spool) == ["ValueError"]


def test_streaming_goes_on_part_by_part_and_ends_with_close(spool: Path):
    stream = Stream()
    answer = iter(event.wsgi(lambda _environ, _start: stream)({}, lambda *_: None))
    assert stream.done == []
    assert next(answer) == b"0"
    assert stream.done == ["part 0"]
    answer.close()  # type: ignore[attr-defined]
    assert stream.done == ["part 0", "close"]
    assert types(spool) == []


def test_whole_answers_and_files_pass_as_they_are(tmp_path: Path):
    whole = [b"all of it"]
    assert event.wsgi(lambda _environ, _start: whole)({}, lambda *_: None) is whole
    with (tmp_path / "file").open("w+b") as file:
        sent = FileWrapper(file)
        assert event.wsgi(lambda _environ, _start: sent)({"wsgi.file_wrapper": FileWrapper}, lambda *_: None) is sent


@pytest.mark.parametrize("ending", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_an_end_is_no_error(spool: Path, ending: type[BaseException]):
    def application(_environ: Any, _start: Any) -> Any:
        raise ending(SECRET)

    with pytest.raises(ending):
        call(event.wsgi(application))
    assert types(spool) == []


def test_it_keeps_to_the_rules_of_wsgi(spool: Path):
    def application(_environ: Any, start: Callable[..., Any]) -> Any:
        start("200 OK", [("Content-Type", "text/plain")])
        return iter([b"a", b"b"])

    assert call(validator(event.wsgi(validator(application)))) == [b"a", b"b"]


def shop() -> Flask:
    app = Flask("shop")

    @app.get("/fails")
    def fails() -> str:
        raise ValueError(SECRET)

    @app.get("/streams")
    def streams() -> Response:
        def parts() -> Iterator[bytes]:
            yield b"0"
            raise KeyError(SECRET)

        return Response(parts())

    @app.get("/works")
    def works() -> str:
        return "all is well"

    return app


def test_flask_tells_of_its_views_which_it_answers_itself(spool: Path):
    app = shop()
    event.flask(app)
    assert app.test_client().get("/fails").status_code == 500
    assert app.test_client().get("/nowhere").status_code == 404
    assert app.test_client().get("/works").text == "all is well"
    assert types(spool) == ["ValueError"]
    assert found_under(spool) == {}


def test_flask_tells_of_streams(spool: Path):
    app = shop()
    event.flask(app)
    with pytest.raises(KeyError):
        _ = app.test_client().get("/streams").data
    assert types(spool) == ["KeyError"]


def test_where_flask_raises_too_it_is_told_once(spool: Path):
    app = shop()
    app.config["PROPAGATE_EXCEPTIONS"] = True
    event.flask(app)
    with pytest.raises(ValueError, match="Zuzanna"):
        app.test_client().get("/fails")
    assert types(spool) == ["ValueError"]


def test_nothing_of_a_request_is_held_after_it(spool: Path):
    app = shop()
    event.flask(app)
    app.test_client().get("/fails").close()
    assert _wsgi._reported.get() is None
