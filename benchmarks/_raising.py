"""The raises of an invented product, one function for each form in which a message comes about; never imported by name.

`FORMS` says for each form which functions raise in it; each takes a customer's value and raises. `HARD` are the forms
whose words cannot be known at the place of the raise: there the words may be lost, but nothing may leave. Run and
judged by `python -m benchmarks.words`.
"""

# ruff: noqa: ARG001, B018, B904, E701, E702, E731, RET506, SIM108, UP030, UP031, UP032
# (every form in which people write a message, the old and the clumsy ones too)

import asyncio
import contextlib
import functools
import threading
from collections.abc import Callable
from typing import Any, NoReturn

LIMIT = 40
FULL = "the quota of the project is used up"
GONE = "input %s was deleted by %s"
HINTS = {"size": "the picture is too large for the model"}


def _(text: str) -> str:
    return text


def ngettext(one: str, many: str, count: int) -> str:
    return one if count == 1 else many


class PlainError(Exception):
    """Keeps what it is handed."""


class QuotaError(Exception):
    """Builds its message in `__init__`."""

    def __init__(self, project: str, used: int, limit: int = LIMIT) -> None:
        super().__init__(f"project {project} is full: {used} of {limit} inputs are used")
        self.project = project


class LabelError(ValueError):
    """Builds it with `self`, from another base, by name."""

    def __init__(self, name: str, *, colour: str = "black") -> None:
        self.message = "label %s has no colour besides %s" % (name, colour)
        ValueError.__init__(self, self.message)


class PermissionMissing(QuotaError):
    """Hands up through two classes."""

    def __init__(self, member: str) -> None:
        super().__init__(member, used=3)


class DefaultError(Exception):
    """Has a message of its own when none is given."""

    def __init__(self, message: str = "the worker was stopped before its turn") -> None:
        super().__init__(message)


class OptionalError(Exception):
    """Makes a message when none is given."""

    def __init__(self, subject: object, message: str | None = None) -> None:
        if message is None:
            message = f"nothing can be done with {subject} in this state"
        super().__init__(message)


class AttributeMessage(Exception):
    """Takes the message from an attribute of its class."""

    message = "the export could not be written"

    def __init__(self) -> None:
        super().__init__(self.message)


class NearerMessage(AttributeMessage):
    """Says it differently."""

    message = "the export to the shared folder was refused"


class FormatMessage(Exception):
    """A format as an attribute of the class."""

    template = "the {kind} of {name} cannot be read"

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(self.template.format(kind=kind, name=name))


class CodedError(Exception):
    """Takes options and hands everything else on."""

    def __init__(self, *arguments: object, **options: object) -> None:
        self.code = options.pop("code", None)
        super().__init__(*arguments, **options)


class Prefixed(CodedError):
    """Puts words before what it is handed."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(f"storage refused: {message}", code=code)


class Loud(Exception):
    """Shows in `__str__` what `args` does not hold."""

    def __str__(self) -> str:
        raise AssertionError("code of the exception was called")

    __repr__ = __str__

    @property
    def message(self) -> str:
        raise AssertionError("code of the exception was called")


# --- forms in which the words are known


def literal(value: Any) -> NoReturn:
    raise PlainError("the session has ended and must be started again")


def f_string(value: Any) -> NoReturn:
    raise PlainError(f"project {value} has no labels, add at least one")


def f_string_many(value: Any) -> NoReturn:
    raise ValueError(f"field {value!r} of row {len(str(value)):>4} must be one of {LIMIT} words, not {value}")


def f_string_nested(value: Any) -> NoReturn:
    raise ValueError(f"{f'import of {value}'} stopped at line {17}")


def percent(value: Any) -> NoReturn:
    raise PlainError("member %s may not open %r before %d %%" % (value, value, 50))


def percent_named(value: Any) -> NoReturn:
    raise PlainError("the file %(name)s is larger than %(limit)d bytes" % {"name": value, "limit": LIMIT})


def percent_one(value: Any) -> NoReturn:
    raise PlainError("no such colour: %s" % (value,))


def percent_constant(value: Any) -> NoReturn:
    raise PlainError(GONE % (value, value))


def brace_format(value: Any) -> NoReturn:
    raise PlainError("task {} was given to {name}".format(3, name=value))


def brace_numbered(value: Any) -> NoReturn:
    raise KeyError("column {1!r} stands twice in table {0}".format(value, value))


def concatenation(value: Any) -> NoReturn:
    raise PlainError("cannot move the input " + str(value) + " while it is locked")


def concatenation_lines(value: Any) -> NoReturn:
    raise PlainError(f"the answer for {value} came too late; ask again, or raise the limit of {LIMIT} seconds")


def joined(value: Any) -> NoReturn:
    raise PlainError(", ".join(["no labels were found", f"the file was {value}"]))


def bound_before(value: Any) -> NoReturn:
    message = f"the model {value} is not trained yet"
    raise PlainError(message)


def bound_anew(value: Any) -> NoReturn:
    message = f"the first guess about {value} was wrong"
    message = f"the second look at {value} failed as well"
    raise PlainError(message)


def bound_from_customer(value: Any) -> NoReturn:
    message = str(value)
    message = "the upload was refused by the scanner"
    raise PlainError(message)


def bound_in_branches(value: Any) -> NoReturn:
    if isinstance(value, str):
        message = f"text {value} is not a number"
    else:
        message = "nothing was handed in at all"
    raise PlainError(message)


def bound_with_addition(value: Any) -> NoReturn:
    message = f"the import of {value} failed"
    if value:
        message += ", and so did the repair of its index"
    raise PlainError(message)


def bound_in_try(value: Any) -> NoReturn:
    try:
        message = f"{int('x')} of {value}"
    except ValueError:
        message = f"the number of inputs in {value} is unknown"
    raise PlainError(message)


def bound_in_loop(value: Any) -> NoReturn:
    for number in range(3):
        if number == 2:
            message = f"step {number} of the chain for {value} broke"
            break
    raise PlainError(message)


def bound_walrus(value: Any) -> NoReturn:
    if message := f"the queue of {value} is closed":
        raise PlainError(message)
    raise PlainError("never")


def bound_exception(value: Any) -> NoReturn:
    fault = PlainError(f"the certificate of {value} has expired")
    raise fault


def bound_with_traceback(value: Any) -> NoReturn:
    fault = PlainError(f"the key of {value} was revoked")
    raise fault.with_traceback(None)


def constant_of_module(value: Any) -> NoReturn:
    raise PlainError(FULL)


def conditional(value: Any) -> NoReturn:
    raise PlainError(f"label {value} is unknown" if value else "no label was given")


def conditional_class(value: Any) -> NoReturn:
    raise (KeyError if isinstance(value, int) else PlainError)(f"nothing is stored under {value}, look elsewhere")


def conditional_exception(value: Any) -> NoReturn:
    raise PlainError(f"the door for {value} is shut") if value else ValueError("the door has no name")


def factory(value: Any) -> NoReturn:
    raise _refused(value)


def factory_two_ways(value: Any) -> NoReturn:
    raise _either(value, len(str(value)))


def factory_text(value: Any) -> NoReturn:
    raise PlainError(_describe(value))


def factory_async(value: Any) -> NoReturn:
    async def run() -> NoReturn:
        raise await _later(value)

    asyncio.run(run())
    raise AssertionError


def factory_method(value: Any) -> NoReturn:
    Store().refuse(value)


class Store:
    """A class with a factory and a message of its own."""

    closed = "the store was closed at the end of the day"

    def _fault(self, name: Any) -> PlainError:
        return PlainError(f"shelf {name} is not part of this store")

    @staticmethod
    def _static(name: Any) -> PlainError:
        return PlainError("crate %s has been opened before" % (name,))

    def refuse(self, name: Any) -> NoReturn:
        raise self._fault(name)

    def refuse_static(self, name: Any) -> NoReturn:
        raise self._static(name)

    def refuse_closed(self) -> NoReturn:
        raise PlainError(self.closed)

    @property
    def contents(self) -> str:
        raise PlainError("the contents are counted only at night")

    def __getitem__(self, key: Any) -> NoReturn:
        raise KeyError(f"no crate carries the number {key}")


def factory_static(value: Any) -> NoReturn:
    Store().refuse_static(value)


def attribute_of_class(value: Any) -> NoReturn:
    Store().refuse_closed()


def _refused(name: Any) -> PlainError:
    return PlainError(f"access to {name} was refused by the owner")


def _either(name: Any, count: int) -> PlainError:
    if count > 5:
        return PlainError(f"{count} copies of {name} are too many")
    return PlainError(f"the copy of {name} is too short")


def _describe(name: Any) -> str:
    return "the description of %s holds no text" % (name,)


async def _later(name: Any) -> PlainError:
    return PlainError(f"the reply to {name} was lost on its way")


def built_in_init(value: Any) -> NoReturn:
    raise QuotaError(value, 40)


def built_by_keyword(value: Any) -> NoReturn:
    raise QuotaError(project=value, used=12, limit=13)


def built_by_named_base(value: Any) -> NoReturn:
    raise LabelError(value, colour="green")


def built_through_two(value: Any) -> NoReturn:
    raise PermissionMissing(value)


def built_by_default(value: Any) -> NoReturn:
    raise DefaultError


def built_by_default_call(value: Any) -> NoReturn:
    raise DefaultError()


def built_over_default(value: Any) -> NoReturn:
    raise DefaultError(f"the worker for {value} was replaced by a newer one")


def built_optional(value: Any) -> NoReturn:
    raise OptionalError(value)


def built_optional_given(value: Any) -> NoReturn:
    raise OptionalError(value, f"the state of {value} does not allow this")


def built_from_attribute(value: Any) -> NoReturn:
    raise AttributeMessage


def built_from_nearer_attribute(value: Any) -> NoReturn:
    raise NearerMessage()


def built_from_format(value: Any) -> NoReturn:
    raise FormatMessage("manifest", value)


def built_handing_on(value: Any) -> NoReturn:
    raise CodedError(f"the bucket of {value} is read only", code="x9")


def built_with_prefix(value: Any) -> NoReturn:
    raise Prefixed(f"there is no room left for {value}")


def translated(value: Any) -> NoReturn:
    raise PlainError(_("the page for %s cannot be shown") % (value,))


def translated_plural(value: Any) -> NoReturn:
    raise PlainError(ngettext("{0} input is waiting", "{0} inputs are waiting", 4).format(4))


# fmt: off
def two_on_a_line(value: Any) -> NoReturn:
    if value is None: raise PlainError("no value was sent"); raise PlainError("never")
    elif isinstance(value, bytes): raise PlainError(f"bytes {value!r} are not text")
    if not value: raise PlainError("an empty value was sent")
    (lambda: None)(); raise PlainError(f"the value {value} was sent twice")
# fmt: on


def several_arguments(value: Any) -> NoReturn:
    raise PlainError("the upload of a member was interrupted", value, 17, f"after {LIMIT} parts of {value}")


def os_error(value: Any) -> NoReturn:
    raise OSError(28, "no room is left in the folder of uploads", value)


def exit_with_words(value: Any) -> NoReturn:
    raise SystemExit(f"annotator cannot start with {value}, look at the settings")


def asserted(value: Any) -> NoReturn:
    assert value is ..., f"the order of {value} was not kept"
    raise AssertionError


def with_cause(value: Any) -> NoReturn:
    try:
        literal(value)
    except PlainError as fault:
        raise KeyError(f"the account of {value} cannot be opened") from fault


def with_cause_from_none(value: Any) -> NoReturn:
    try:
        int(str(value) + "x")
    except ValueError:
        raise PlainError(f"{value} is not a number of inputs") from None


def during_another(value: Any) -> NoReturn:
    try:
        f_string(value)
    except PlainError:
        raise PlainError(f"the labels of {value} could not be repaired")


def raised_again(value: Any) -> NoReturn:
    try:
        f_string(value)
    except PlainError:
        raise


def raised_again_by_name(value: Any) -> NoReturn:
    try:
        percent_one(value)
    except PlainError as fault:
        raise fault


def raised_from_a_thread(value: Any) -> NoReturn:
    kept: list[BaseException] = []

    def work() -> None:
        try:
            f_string(value)
        except PlainError as fault:
            kept.append(fault)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    raise kept[0]


def in_a_group(value: Any) -> NoReturn:
    faults = []
    for function in (literal, f_string, built_in_init):
        try:
            function(value)
        except Exception as fault:
            faults.append(fault)
    raise ExceptionGroup(f"three parts of the import of {value} failed", faults)


def in_a_generator(value: Any) -> NoReturn:
    def numbers() -> Any:
        yield 1
        raise PlainError(f"the stream of {value} ended too early")

    list(numbers())
    raise AssertionError


def in_async(value: Any) -> NoReturn:
    async def work() -> None:
        await asyncio.sleep(0)
        raise PlainError(f"the job of {value} was cancelled by its owner")

    asyncio.run(work())
    raise AssertionError


def in_async_generator(value: Any) -> NoReturn:
    async def rows() -> Any:
        yield 1
        raise PlainError(f"row two of {value} cannot be read")

    async def work() -> None:
        async for _row in rows():
            pass

    asyncio.run(work())
    raise AssertionError


def in_a_lambda(value: Any) -> NoReturn:
    run = lambda: _throw(value)
    run()
    raise AssertionError


def _throw(value: Any) -> NoReturn:
    raise PlainError(f"the callback of {value} is gone")


def in_a_comprehension(value: Any) -> NoReturn:
    [_throw(item) for item in (value,)]
    raise AssertionError


def in_a_finally(value: Any) -> NoReturn:
    try:
        value = str(value)
    finally:
        raise PlainError(f"the lock on {value} was never given back")


def in_a_decorator(value: Any) -> NoReturn:
    _guarded(value)
    raise AssertionError


def _guard(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*arguments: Any, **options: Any) -> Any:
        raise PermissionError(f"{arguments[0]} may not do this before noon")

    return wrapper


@_guard
def _guarded(value: Any) -> None:
    return None


def in_a_property(value: Any) -> NoReturn:
    Store().contents
    raise AssertionError


def in_an_operator(value: Any) -> NoReturn:
    Store()[value]
    raise AssertionError


def in_a_context(value: Any) -> NoReturn:
    @contextlib.contextmanager
    def opened() -> Any:
        yield
        raise PlainError(f"the file of {value} was changed meanwhile")

    with opened():
        pass
    raise AssertionError


def in_deep_recursion(value: Any) -> NoReturn:
    _deeper(value, 300)


def _deeper(value: Any, depth: int) -> NoReturn:
    if depth:
        _deeper(value, depth - 1)
    raise PlainError(f"the tree under {value} is too deep")


def in_a_match(value: Any) -> NoReturn:
    match value:
        case str():
            message = f"text {value} was not expected here"
        case _:
            message = "only texts were expected here"
    raise PlainError(message)


def in_a_nested_class(value: Any) -> NoReturn:
    class Inner:
        def work(self, name: Any) -> NoReturn:
            raise PlainError(f"the inner part of {name} is missing")

    Inner().work(value)


def loud_exception(value: Any) -> NoReturn:
    raise Loud(f"the volume of {value} was turned down")


def dictionary_word(value: Any) -> NoReturn:
    raise PlainError(f"rose and lily are colours, {value} is none")


# --- forms in which they cannot be known, or are another's


def from_elsewhere(value: Any) -> NoReturn:
    raise _kept(value)[0]


def _kept(value: Any) -> list[PlainError]:
    return [PlainError(f"the parcel for {value} was kept back")]


def from_a_parameter(value: Any) -> NoReturn:
    _fail(f"the request for {value} cannot be met")


def _fail(message: str) -> NoReturn:
    raise PlainError(message)


def from_an_attribute(value: Any) -> NoReturn:
    holder = Store()
    holder.fault = PlainError(f"the attribute of {value} is broken")  # type: ignore[attr-defined]
    _again(holder)


def _again(holder: Any) -> NoReturn:
    raise holder.fault


def from_a_table(value: Any) -> NoReturn:
    raise PlainError(HINTS["size"])


def from_the_customer(value: Any) -> NoReturn:
    raise PlainError(value)


def from_the_customer_or_default(value: Any) -> NoReturn:
    raise PlainError(value or "no reason was given")


def grown_in_a_loop(value: Any) -> NoReturn:
    message = "these are wrong:"
    for item in (value, value):
        message += f" {item}"
    raise PlainError(message)


def ambiguous(value: Any) -> NoReturn:
    if isinstance(value, str):
        message = f"the part {value} is missing in {value}"
    else:
        message = f"the part {value} is missing"
    raise PlainError(message)


def changed_afterwards(value: Any) -> NoReturn:
    fault = PlainError(f"the plan of {value} was dropped")
    fault.args = (str(value),)
    raise fault


def thrown_into_a_generator(value: Any) -> NoReturn:
    def numbers() -> Any:
        yield 1

    running = numbers()
    next(running)
    running.throw(PlainError(f"the pipe of {value} was cut"))
    raise AssertionError


KNOWN: dict[str, tuple[Callable[[Any], NoReturn], ...]] = {
    "literal": (literal,),
    "f-string": (f_string, f_string_many, f_string_nested, dictionary_word),
    "%": (percent, percent_named, percent_one, percent_constant),
    ".format": (brace_format, brace_numbered),
    "concatenation, join": (concatenation, concatenation_lines, joined),
    "name bound before": (bound_before, bound_exception, bound_with_traceback, bound_walrus, constant_of_module),
    "name bound anew, in a branch, loop, try": (
        *(
            bound_anew,
            bound_from_customer,
            bound_in_branches,
            bound_with_addition,
            bound_in_try,
            bound_in_loop,
            in_a_match,
        ),
    ),
    "conditional": (conditional, conditional_class, conditional_exception),
    "factory": (factory, factory_two_ways, factory_text, factory_async, factory_method, factory_static),
    "built in __init__": (
        *(built_in_init, built_by_keyword, built_by_named_base, built_through_two, built_by_default),
        *(built_by_default_call, built_over_default, built_optional, built_optional_given),
        *(built_handing_on, built_with_prefix),
    ),
    "attribute of a class": (
        *(attribute_of_class, built_from_attribute, built_from_nearer_attribute, built_from_format),
    ),
    "gettext": (translated, translated_plural),
    "two raises on a line": (two_on_a_line,),
    "several arguments, OSError, exit, assert": (several_arguments, os_error, exit_with_words, asserted),
    "causes, groups": (with_cause, with_cause_from_none, during_another, in_a_group),
    "raised again": (raised_again, raised_again_by_name, raised_from_a_thread),
    "generator, async, lambda, comprehension, finally": (
        *(in_a_generator, in_async, in_async_generator, in_a_lambda, in_a_comprehension, in_a_finally, in_a_context),
    ),
    "decorator, property, operator, nested class": (in_a_decorator, in_a_property, in_an_operator, in_a_nested_class),
    "deep recursion": (in_deep_recursion,),
    "__str__ and properties that raise": (loud_exception,),
}
HARD: dict[str, tuple[Callable[[Any], NoReturn], ...]] = {
    "`raise err` from elsewhere": (from_elsewhere, from_an_attribute, thrown_into_a_generator),
    "message is a parameter": (from_a_parameter,),
    "message from a table": (from_a_table,),
    "message is the customer's": (from_the_customer, from_the_customer_or_default, changed_afterwards),
    "message grown in a loop": (grown_in_a_loop,),
    "two templates fit": (ambiguous,),
}
