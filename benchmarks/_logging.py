"""The calls of `logging` of an invented product, one function for each form; indexed like benchmarks/_raising.py.

`SAID` are those whose words are known at the place of the call; `UNSAID` those that hand on a text of the run's.
"""

# ruff: noqa: ARG001, UP032

import logging
import warnings
from collections.abc import Callable, Mapping
from typing import Any

logger = logging.getLogger("benchmarks.logging")
LATE = "member %s was late by %d minutes"


def plain(text: str, person: Any) -> None:
    logger.warning("the export was stopped before its end")


def percent(text: str, person: Any) -> None:
    logger.error("member %s opened project %r", text, person.mail)


def named(text: str, person: Any) -> None:
    logger.warning("card %(card)s of %(who)s was refused", {"card": person.card, "who": text, person.given: 1})


def f_string(text: str, person: Any) -> None:
    logger.warning(f"picture of {text} cannot be read: {person.token!r}")


def formatted(text: str, person: Any) -> None:
    logger.warning("folder {} of {} is gone".format(text, person.family))


def concatenated(text: str, person: Any) -> None:
    logger.warning("called back: " + person.phone)


def constant(text: str, person: Any) -> None:
    logger.warning(LATE, person.given, 7)


def unpacked(text: str, person: Any) -> None:
    logger.error("shared with %s of %s", *(text, person.town))


def levelled(text: str, person: Any) -> None:
    logger.log(logging.CRITICAL, "storage lost for %s", {text: person})


def with_extra(text: str, person: Any) -> None:
    logger.warning("the session has ended", extra={"patient": text, "Kartennummer": person.card, "mail": person.mail})


def with_stack(text: str, person: Any) -> None:
    logger.warning("labels of %s are missing", text, stack_info=True)


def failed(text: str, person: Any) -> None:
    try:
        raise ValueError(f"no worker for {text}")
    except ValueError:
        logger.exception("nothing was done for %s", person.family)


def failed_as_argument(text: str, person: Any) -> None:
    try:
        raise KeyError(person.mail)
    except KeyError as fault:
        logger.error("import refused: %s", fault, exc_info=fault)


def adapted(text: str, person: Any) -> None:
    logging.LoggerAdapter(logger, {text: person.number}).warning("quota of %s is used up", text)


def own_text(text: str, person: Any) -> None:
    logger.warning(text)


def own_format(text: str, person: Any) -> None:
    logger.warning(text + " %s", person.street)


def own_object(text: str, person: Any) -> None:
    logger.warning(person, text)


def own_fault(text: str, person: Any) -> None:
    logger.warning(ValueError(text, person.born))


def own_logger(text: str, person: Any) -> None:
    own = logging.getLogger(f"benchmarks.logging.{person.family}.{text}")
    own.warning("member %s was added", person.mail)


def own_record(text: str, person: Any) -> None:
    fields = {"msg": text, "name": person.given, "funcName": person.family, "pathname": f"/home/{person.given}/x.py"}
    logger.handle(logging.makeLogRecord({**fields, "levelno": 40, "args": (person.card,), "module": person.family}))


def own_level(text: str, person: Any) -> None:
    number = int("".join(filter(str.isdigit, person.phone))[-7:])
    logging.addLevelName(number, person.given)
    logger.log(number, "picture %s was replaced", text)


def warned(text: str, person: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"{text} {person.number}", stacklevel=1)


SAID: Mapping[str, Callable[[str, Any], None]] = {
    function.__name__: function
    for function in (
        *(plain, percent, named, f_string, formatted, concatenated, constant, unpacked, levelled, with_extra),
        *(with_stack, failed, failed_as_argument, adapted),
    )
}
UNSAID: Mapping[str, Callable[[str, Any], None]] = {
    function.__name__: function
    for function in (own_text, own_format, own_object, own_fault, own_logger, own_record, own_level, warned)
}
