"""`event.Handler`: a call of logging leaves as level, logger, place and words of its source, and as nothing else."""

import json
import logging
import logging.handlers
import queue
import threading
from typing import Any

import pytest

import event
from audit import catalogue
from audit.types import TYPES
from tests.event import hostile, samples
from tests.event.samples import SECRET
from tests.event.shipped import Shipped

SHOP = """
import logging

logger = logging.getLogger("shop")
TEXT = "sold out"

def plain(name):
    logger.warning("a member was late")

def percent(name):
    logger.error("member %s has %d of %s", name, 3, [name])

def named(name):
    logger.warning("member %(who)s is late", {"who": name})

def formatted(name):
    logger.warning(f"member {name} is late")

def bound(name):
    text = "member %s is gone" if name else "nobody is gone"
    logger.info(text, name)

def constant(name):
    logger.warning(TEXT)

def levelled(name):
    logger.log(logging.CRITICAL, "member %s is lost", name)

def keyword(name):
    logger.warning(msg="a member was early")

def lines(name):
    (logger
        .warning("member %s on several lines",
            name))

def unpacked(name):
    logger.warning("member %s of %s", *(name, 2))

def adapted(name):
    logging.LoggerAdapter(logger, {}).warning("adapted %s", name)

def two(name):
    logger.warning("the first %s", name); logger.warning("the second %s", name)

def own(name):
    logger.warning(name)

def mixed(name):
    logger.warning(name or "no name was given")

def grown(name):
    logger.warning("a name: " + name, 7)

def failed(name):
    try:
        raise ValueError(f"no member {name}")
    except ValueError:
        logger.exception("it failed for %s", name)

def helper(name):
    help_(f"helped {name}")

def help_(text):
    logger.warning(text)

def handed(call, text):
    call(text)

def other(name):
    logging.getLogger(f"shop.{name}").warning("another logger")
"""


@pytest.fixture
def shop(tmp_path):
    (tmp_path / "source").mkdir()
    return Shipped(tmp_path / "source", SHOP)


@pytest.fixture
def told(shop, folder, start):
    """Return what calls `function` of the shop with a value, and the messages that this told."""
    event.start(folder, index=shop.index)
    logger = logging.getLogger("shop")
    handler = event.Handler(logging.DEBUG, release="1.2.3")
    logger.handlers[:], before = [handler], list(logger.handlers)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False

    def tell(function: Any, *values: Any) -> list[dict[str, Any]]:
        logger.handlers[:] = [one for one in logger.handlers if not type(one).__module__.startswith("_pytest")]
        first = len(samples.messages_in(folder))
        (shop.names[function] if isinstance(function, str) else function)(*values)
        found = samples.messages_in(folder)[first:]
        checks = catalogue.read().of_kind("home/log")
        for message in found:
            if message["kind"] == "home/log":
                for key, value in message.items():
                    field = checks.get(key)
                    assert field is None or TYPES[field.type].make(field.params, shop.index)(value), (key, value)
        return found

    yield tell
    logger.handlers[:] = before


def ours():
    """Return the handler that tells."""
    return next(one for one in logging.getLogger("shop").handlers if isinstance(one, event.Handler))


def words(messages):
    (message,) = (m for m in messages if m["kind"] == "home/log")
    return message["words"]["arguments"][0] if "words" in message else None


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("plain", ["a member was late"]),
        ("percent", ["member ", ["email"], " has ", ["integer(1)"], " of ", ["list(1)"]]),
        ("named", ["member ", ["email"], " is late"]),
        ("formatted", ["member ", ["email"], " is late"]),
        ("bound", ["member ", ["email"], " is gone"]),
        ("constant", ["sold out"]),
        ("levelled", ["member ", ["email"], " is lost"]),
        ("keyword", ["a member was early"]),
        ("lines", ["member ", ["email"], " on several lines"]),
        ("unpacked", ["member ", ["email"], " of ", ["integer(1)"]]),
        ("adapted", ["adapted ", ["email"]]),
        ("grown", ["a name: ", ["email"]]),
    ],
)
def test_literals_leave_and_arguments_leave_as_shapes(told, function, said):
    messages = told(function, SECRET)
    assert words(messages) == said
    assert SECRET not in json.dumps(messages)


def test_level_logger_place_and_release_are_told(told):
    (message,) = told("levelled", SECRET)
    del message["at"], message["words"]
    assert message == {
        "kind": "home/log",
        "level": "critical",
        "logger": "shop",
        "place": "shop:levelled:27",
        "release": "1.2.3",
    }


def test_two_calls_in_a_line_are_told_apart(told):
    first, second = told("two", SECRET)
    assert first["words"]["arguments"] == [["the first ", ["email"]]]
    assert second["words"]["arguments"] == [["the second ", ["email"]]]


@pytest.mark.parametrize("function", ["own", "mixed", "helper"])
@pytest.mark.parametrize("text", [SECRET, "a member was late", "member x is late", "no name was given", "%s", "%("])
def test_a_message_that_the_source_does_not_spell_out_has_no_words(told, function, text):
    messages = told(function, text)
    assert words(messages) is None
    assert text not in json.dumps(messages)


def test_a_logger_that_shipped_code_does_not_ask_for_is_not_named(told):
    (message,) = told("other", SECRET)
    assert message["logger"] == "<logger>"
    assert words([message]) == ["another logger"]


def test_an_exception_goes_along_as_an_error(told):
    messages = told("failed", SECRET)
    assert [m["kind"] for m in messages] == ["home/log", "home/error"]
    assert messages[1]["error_log"]["chain"][0]["code_text"]["arguments"] == [["no member ", ["email"]]]
    assert messages[1]["release"] == "1.2.3"
    assert SECRET not in json.dumps(messages)


def test_code_that_is_not_the_releases_has_no_words_and_no_place(told):
    source = 'import logging\ndef run(name):\n    logging.getLogger("shop").warning("member %s is late", name)\n'
    for module in ("plugin", "shop"):
        names: dict[str, Any] = {"__name__": module}
        exec(compile(source, "shop.py", "exec"), names)  # noqa: S102 - code of somebody else
        (message,) = told(names["run"], SECRET)
        assert "words" not in message
        assert message["place"] == "<place>"


def test_a_record_that_was_made_up_has_no_words(told):
    logger = logging.getLogger("shop")
    record = logging.LogRecord("shop", logging.ERROR, "shop.py", 8, "a member was late", (), None, "plain")
    (message,) = told(logger.handle, record)
    assert "words" not in message


def test_a_record_from_a_queue_has_no_words_and_no_place(told, shop):
    waiting: queue.Queue[logging.LogRecord] = queue.Queue()
    logger = logging.getLogger("shop")
    handler = ours()
    logger.removeHandler(handler)
    first = logging.handlers.QueueHandler(waiting)
    logger.addHandler(first)

    def late() -> None:
        shop.names["plain"](SECRET)
        listener = logging.handlers.QueueListener(waiting, handler)
        listener.start()
        listener.stop()

    try:
        (message,) = told(late)
    finally:
        logger.removeHandler(first)
        logger.addHandler(handler)
    assert "words" not in message
    assert message["place"] == "<place>"


@pytest.mark.parametrize("function", ["own", "percent", "named", "failed", "grown"])
@pytest.mark.parametrize("name", hostile.BAD)
def test_nothing_of_a_caller_is_run_and_nothing_is_raised(told, function, name):
    value = hostile.BAD[name]()
    fails_itself = function == "failed" and name in ("an object that raises", "a str that lies")
    if fails_itself or (function == "grown" and type(value) is not str):
        return  # the product's own line fails, before anything is handled
    assert told(function, value)


def test_members_of_a_record_that_are_none_are_passed_by(told):
    class Odd(logging.LogRecord):
        def getMessage(self) -> str:
            raise AssertionError("the record was asked")

    record = Odd("shop", logging.ERROR, "x", 1, "x", (), None)
    for broken in (
        {"levelno": hostile.Nosy, "name": hostile.Liar("shop"), "msg": hostile.Liar("a"), "args": hostile.Nosy()},
        {"exc_info": (ValueError, SECRET, None)},
        {"exc_info": True, "args": {hostile.Liar("who"): 1}},
        {"levelno": 10**400},
    ):
        record.__dict__.update(broken)
        (message,) = told(ours().handle, record)
        assert SECRET not in json.dumps(message)


def test_a_filter_that_raises_and_a_record_of_nothing_are_counted_and_not_raised(told):
    handler = ours()

    def fails(_record: logging.LogRecord) -> bool:
        raise ValueError(SECRET)

    handler.addFilter(fails)
    assert told("plain", SECRET) == []
    handler.removeFilter(fails)
    assert handler.handle(None) is False  # type: ignore[arg-type]
    assert event.counts() == {"internal||": 2}


def test_what_is_logged_while_a_record_is_handled_is_passed_by(told):
    handler = ours()
    handler.addFilter(lambda _record: logging.getLogger("shop").error("again") is None)
    assert len(told("plain", SECRET)) == 1


def test_a_handler_that_another_thread_holds_up_holds_up_nobody(told):
    handler = ours()
    entered, leave = threading.Event(), threading.Event()

    def slow(_record: logging.LogRecord) -> bool:
        if threading.current_thread() is not threading.main_thread():
            entered.set()
            leave.wait(20)
        return True

    handler.addFilter(slow)
    thread = threading.Thread(target=logging.getLogger("shop").error, args=("held up",))
    thread.start()
    assert entered.wait(20)
    assert len(told("plain", SECRET)) == 1
    leave.set()
    thread.join()


def test_before_start_and_while_it_is_off_nothing_is_opened(shop, folder, start):
    logger = logging.getLogger("shop.off")
    logger.addHandler(event.Handler())
    logger.propagate = False
    logger.error("nothing")
    samples.set_modes(folder, "off")
    event.start(folder, index=shop.index)
    logger.error("nothing", exc_info=ValueError(SECRET))
    assert [path.name for path in folder.iterdir()] == ["modes"]


def test_it_has_a_switch_of_its_own(told, folder):
    samples.set_modes(folder, generation=4, home__log="off")
    assert [message["kind"] for message in told("failed", SECRET)] == ["home/error"]
