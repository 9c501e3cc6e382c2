"""Real calls into the libraries a product stands on, with customers' values as arguments, so that they raise.

Two kinds. `written`: mistakes that products make, by hand, so that deep raises are reached: templates with faults in
them, queries, mappings, URLs, servers that are not there. `tried`: every public function and class of modules without
effects outside the process, called with customers' values, and every method of what could be made so. Nothing is
written, and only the closed port 9 of this machine is connected to.
"""

# ruff: noqa: ARG005, PIE804, RUF015, S701
# (a mistake need not mention the value; no template here is ever shown)

import contextlib
import importlib
import inspect
import signal
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import flask
import jinja2
import jinja2.sandbox
import psycopg
import psycopg.sql
import sqlalchemy as sa
import sqlalchemy.orm as orm
import urllib3
import werkzeug.routing
import werkzeug.test

LIBRARIES = ("flask", "werkzeug", "jinja2", "sqlalchemy", "urllib3", "psycopg")
TRIED = (
    *("flask.helpers", "flask.json", "flask.json.tag", "flask.config", "flask.views", "flask.sessions"),
    *("flask.blueprints", "flask.templating", "flask.sansio.app", "flask.sansio.blueprints", "flask.sansio.scaffold"),
    *("werkzeug.http", "werkzeug.urls", "werkzeug.utils", "werkzeug.security", "werkzeug.datastructures"),
    *("werkzeug.routing", "werkzeug.routing.converters", "werkzeug.routing.map", "werkzeug.routing.rules"),
    *("werkzeug.exceptions", "werkzeug.wsgi", "werkzeug.formparser", "werkzeug.sansio.utils", "werkzeug.test"),
    *("werkzeug.sansio.multipart", "werkzeug.sansio.request", "werkzeug.sansio.response", "werkzeug.local"),
    *("jinja2.environment", "jinja2.lexer", "jinja2.filters", "jinja2.utils", "jinja2.loaders", "jinja2.nodes"),
    *("jinja2.runtime", "jinja2.sandbox", "jinja2.compiler", "jinja2.meta", "jinja2.tests", "jinja2.visitor"),
    *("sqlalchemy.engine.url", "sqlalchemy.sql.elements", "sqlalchemy.sql.selectable", "sqlalchemy.sql.schema"),
    *("sqlalchemy.sql.dml", "sqlalchemy.sql.functions", "sqlalchemy.sql.sqltypes", "sqlalchemy.sql.coercions"),
    *("sqlalchemy.sql.ddl", "sqlalchemy.sql.expression", "sqlalchemy.sql.operators", "sqlalchemy.types"),
    *("sqlalchemy.orm", "sqlalchemy.orm.util", "sqlalchemy.orm.strategy_options", "sqlalchemy.orm.relationships"),
    *("sqlalchemy.orm.base", "sqlalchemy.orm.query", "sqlalchemy.orm.session", "sqlalchemy.orm.attributes"),
    *("sqlalchemy.ext.hybrid", "sqlalchemy.ext.associationproxy", "sqlalchemy.ext.mutable", "sqlalchemy.inspection"),
    *("sqlalchemy.dialects.postgresql", "sqlalchemy.dialects.sqlite", "sqlalchemy.dialects.mysql"),
    *("urllib3.util.url", "urllib3.util.retry", "urllib3.util.timeout", "urllib3.util.request", "urllib3.util.util"),
    *("urllib3.util.ssl_match_hostname", "urllib3.fields", "urllib3.filepost", "urllib3._collections"),
    *("urllib3.response", "urllib3.util.response", "urllib3.exceptions"),
    *("psycopg.sql", "psycopg.conninfo", "psycopg.adapt", "psycopg.rows", "psycopg._encodings", "psycopg._tz"),
    *("psycopg.types", "psycopg.types.array", "psycopg.types.composite", "psycopg.types.range"),
    *("psycopg.types.multirange", "psycopg.types.json", "psycopg.types.numeric", "psycopg.types.datetime"),
    *("psycopg.types.string", "psycopg.types.net", "psycopg.types.uuid", "psycopg.types.enum", "psycopg._queries"),
)
_NEVER = frozenset(
    {"run", "open_resource", "send_file", "send_from_directory", "run_simple", "test_client", "close_all_sessions"}
    | {
        "save",
        "dump",
        "compile_templates",
        "module_loader",
        "open_instance_resource",
        "configure_mappers",
        "clear_mappers",
    }
)
"""These write files, listen, or end what others still use."""
_CALL_S = 1.0
_MOST_METHODS = 40
Call = tuple[str, Callable[[str], object]]


def written() -> Iterator[Call]:
    """Yield library and call, one for each mistake; the call takes a customer's value."""
    for name, calls in (("jinja2", _jinja2()), ("flask", _flask()), ("werkzeug", _werkzeug())):
        yield from ((name, call) for call in calls)
    for name, calls in (("sqlalchemy", _sqlalchemy()), ("urllib3", _urllib3()), ("psycopg", _psycopg())):
        yield from ((name, call) for call in calls)


def tried() -> Iterator[Call]:
    """Yield library and call for whatever can be called in the modules that have no effects outside."""
    seen: set[int] = set()
    for name in TRIED:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = importlib.import_module(name)
        found = [thing for key, thing in sorted(vars(module).items()) if not key.startswith("_") and key not in _NEVER]
        for thing in found:
            is_its = str(getattr(thing, "__module__", "")).startswith(name.partition(".")[0])
            if callable(thing) and is_its and id(thing) not in seen:
                seen.add(id(thing))
                yield from ((name.partition(".")[0], call) for call in _calls(thing))


def _calls(thing: Callable[..., Any]) -> Iterator[Callable[[str], object]]:
    for count in range(4):
        yield lambda value, count=count: _within(lambda: thing(*[value] * count))
    yield lambda value: _within(lambda: thing(value, 7))
    yield lambda value: _within(lambda: thing(value, [value], {value: value}))
    if not inspect.isclass(thing):
        return
    names = [n for n in dir(thing) if n not in _NEVER and (not n.startswith("_") or n in _OPERATORS)][:_MOST_METHODS]
    for name in names:
        for count in range(3):
            yield lambda value, name=name, count=count: _within(lambda: _method(thing, name, value, count))


_OPERATORS = frozenset(
    {"__getitem__", "__setitem__", "__delitem__", "__add__", "__or__", "__bool__", "__eq__", "__iter__"}
)


def _method(thing: Callable[..., Any], name: str, value: str, count: int) -> object:
    """Make one of the class with as few values as it takes, and call a method of it."""
    made = None
    for number in range(4):
        with contextlib.suppress(Exception):
            made = thing(*[value] * number)
            break
    found = getattr(made, name) if made is not None else None
    done = found(*[value] * count) if callable(found) else None
    if inspect.isgenerator(done):
        next(done)
    return done


def _within(call: Callable[[], object]) -> object:
    """Call, but no longer than a second."""

    def stop(_number: int, _frame: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, _CALL_S)
    try:
        return call()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _jinja2() -> Iterator[Callable[[str], object]]:
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, extensions=["jinja2.ext.do", "jinja2.ext.i18n"])
    sandbox = jinja2.sandbox.SandboxedEnvironment()
    faults = (
        *(
            "{{ @ }}",
            "{{ name @ }}",
            "{% @ %}",
            "{% for %}",
            "{% for x @ %}{% endfor %}",
            "{% if %}x{% endif %}",
            "{% endfor %}",
        ),
        *(
            "{% block @ %}",
            "{% block a %}{% block a %}{% endblock %}{% endblock %}",
            "{% extends %}",
            "{{ (@ }}",
            "{{ [1, @ }}",
        ),
        *(
            "{% set @ = 1 %}",
            "{% macro @() %}{% endmacro %}",
            "{% call @ %}",
            "{% filter @ %}x{% endfilter %}",
            "{% raw %}@",
        ),
        *(
            "{# @",
            "{{ '@",
            "{% import @ %}",
            "{% from '@' import _x %}",
            "{% include @ %}",
            "{{ x|no_such_filter('@') }}",
        ),
        *(
            "{{ x is no_such_test }}",
            "{% unknown_@ %}",
            "{% trans %}@{% endtrans",
            "{% trans a=1, a=2 %}{% endtrans %}",
        ),
        *(
            "{% with @ %}{% endwith %}",
            "{% autoescape %}",
            "{{ 1 if }}",
            "{{ {1: @ }}",
            "{{ x.@.. }}",
            "{{ x[ }}",
            "{{ loop(@) }}",
        ),
        *("{% for a in b recursive %}{% if @ %}{% endfor %}", "{{ a ? '@' }}", "{% print @ %", "{{ '\\ud800' ~ @ }}"),
        *(
            "{% do %}",
            "{% if x %}{% else %}{% else %}{% endif %}",
            "{% set x %}",
            "{% block a-b %}{% endblock %}",
            "{{ ) }}",
        ),
    )
    for fault in faults:
        yield lambda value, fault=fault: environment.from_string(fault.replace("@", value))
        yield lambda value, fault=fault: environment.from_string(fault.replace("@", f"'{value}'")).render()
    renders = ("{{ x }}", "{{ x.y }}", "{{ v.none }}", "{{ v['no'] }}", "{{ x + v }}", "{{ v|min(1) }}", "{{ v() }}")
    for render in renders:
        yield lambda value, render=render: environment.from_string(render).render(v=value)
    yield lambda value: environment.get_template(value)
    yield lambda value: jinja2.Environment(loader=jinja2.DictLoader({})).get_template(value)
    yield lambda value: jinja2.Environment(loader=jinja2.ChoiceLoader([])).select_template([value, value])
    yield lambda value: jinja2.Environment(loader=jinja2.FunctionLoader(lambda _: None)).get_template(value)
    yield lambda value: jinja2.Environment(loader=jinja2.PackageLoader("flask", value))
    yield lambda value: sandbox.from_string("{{ v.__class__.__mro__ }}").render(v=value)
    yield lambda value: sandbox.from_string("{{ v.format_map(1) }}").render(v=value)
    yield lambda value: sandbox.from_string("{% for i in range(9999999) %}{% endfor %}").render(v=value)
    yield lambda value: environment.compile_expression(value)(x=1)
    yield lambda value: environment.from_string("{{ v|round(1, 'x') }}").render(v=value)
    yield lambda value: environment.from_string("{{ [1]|groupby }}").render(v=value)
    yield lambda value: environment.from_string("{{ v|dictsort(by='x') }}").render(v={value: 1})
    yield lambda value: environment.from_string("{{ v|indent(1,2,3,4,5) }}").render(v=value)
    yield lambda value: environment.from_string("{{ v|xmlattr }}").render(v={value: value})
    yield lambda value: environment.from_string("{{ v|items }}").render(v=value)
    yield lambda value: environment.from_string("{{ [1]|map(v=v)|list }}").render(v=value)
    yield lambda value: environment.from_string("{{ [1]|selectattr|list }}").render(v=value)
    yield lambda value: environment.from_string("{% macro m(a) %}{% endmacro %}{{ m(1, 2, v) }}").render(v=value)
    yield lambda value: environment.from_string("{% macro m(a) %}{% endmacro %}{{ m(b=v) }}").render(v=value)
    yield lambda value: environment.from_string("{{ self.none() }}{{ v }}").render(v=value)
    yield lambda value: environment.from_string("{% extends v %}").render(v=None)
    yield lambda value: environment.from_string("{% set a, b = v %}").render(v=value)
    yield lambda value: environment.from_string("{% for a in v recursive %}{{ loop.cycle() }}{% endfor %}").render(
        v=[value]
    )


def _flask() -> Iterator[Callable[[str], object]]:
    def app(**options: Any) -> flask.Flask:
        return flask.Flask("invented", static_folder=None, **options)

    def requested(value: str, work: Callable[[], object]) -> object:
        with app().test_request_context("/" + value.encode("ascii", "ignore").decode().replace("\n", "")):
            return work()

    yield lambda value: flask.current_app.name + value
    yield lambda value: flask.request.args[value]
    yield lambda value: flask.session[value]
    yield lambda value: flask.g.pop(value)
    yield lambda value: flask.url_for(value)
    yield lambda value: requested(value, lambda: flask.url_for(value))
    yield lambda value: requested(value, lambda: flask.url_for("." + value))
    yield lambda value: requested(value, lambda: flask.session.update({value: value}))
    yield lambda value: requested(value, lambda: flask.request.form[value])
    yield lambda value: requested(value, lambda: flask.request.get_json())
    yield lambda value: requested(value, lambda: flask.abort(404, value))
    yield lambda value: requested(value, lambda: flask.abort(299))
    yield lambda value: requested(value, lambda: flask.render_template(value))
    yield lambda value: requested(value, lambda: flask.jsonify(value, **{"x": value}))
    yield lambda value: requested(value, lambda: flask.json.dumps({value: object()}))
    yield lambda value: requested(value, lambda: flask.make_response((value, value, value, value)))
    yield lambda value: requested(value, lambda: flask.stream_with_context(value))
    yield lambda value: requested(
        value, lambda: flask.after_this_request(value) or flask.copy_current_request_context(value)()
    )
    yield lambda value: app().make_response(None)
    yield lambda value: app().add_url_rule(value, value, lambda: value)
    yield lambda value: app().add_url_rule("/" + value, value, lambda: value, methods=value)
    yield lambda value: app().add_url_rule("/", None, None, methods="POST", defaults={value: 1})
    yield lambda value: app().register_blueprint(value)
    yield lambda value: app().register_error_handler(value, lambda: value)
    yield lambda value: app().register_error_handler(999, lambda: value)
    yield lambda value: app().register_error_handler(KeyError(value), lambda: value)
    yield lambda value: app().config.from_envvar(value.replace("\x00", "").replace("\udce9", "") or "NONE")
    yield lambda value: app().config.from_object(value)
    yield lambda value: app().config.from_mapping(value, value)
    yield lambda value: app(instance_path=value)
    yield lambda value: app().template_folder + app().open_instance_resource(value, "w").name
    yield lambda value: app().open_resource(value, "w")
    yield lambda value: flask.Blueprint(value + ".x", "invented")
    yield lambda value: flask.Blueprint("", value)
    yield lambda value: flask.Blueprint(None, value)  # type: ignore[arg-type]
    yield lambda value: flask.Blueprint("a", value).add_url_rule("/", value + ".b", lambda: 1)
    yield lambda value: flask.Blueprint("a", "x").send_static_file(value)
    yield lambda value: app().send_static_file(value)
    yield lambda value: app().test_client().get(value, base_url=value)
    yield lambda value: app().test_client().open(value, value, value)
    yield lambda value: _twice(app(), value)
    yield lambda value: _returning(app(), value, None)
    yield lambda value: _returning(app(), value, 7)
    yield lambda value: _returning(app(), value, (value,))
    yield lambda value: _returning(app(), value, ({}, value))
    yield lambda value: _late(app(), value)
    yield lambda value: app().session_interface.get_signing_serializer(app()).loads(value)  # type: ignore[attr-defined]
    yield lambda value: _no_key(app(), value)
    yield lambda value: flask.json.tag.TaggedJSONSerializer().register(flask.json.tag.TagDict)
    yield lambda value: flask.views.View().dispatch_request()
    yield lambda value: requested(value, lambda: flask.views.MethodView.as_view(value)(x=value))


def _twice(app: flask.Flask, value: str) -> None:
    app.add_url_rule("/a", value, lambda: value)
    app.add_url_rule("/b", value, lambda: value)


def _returning(app: flask.Flask, value: str, answer: Any) -> None:
    app.testing = True
    app.add_url_rule("/", value, lambda: answer)
    app.test_client().get("/")


def _late(app: flask.Flask, value: str) -> None:
    app.add_url_rule("/", "x", lambda: "x")
    app.test_client().get("/")
    app.add_url_rule("/late", value, lambda: value)


def _no_key(app: flask.Flask, value: str) -> None:
    with app.test_client().session_transaction() as session:
        session[value] = value


def _werkzeug() -> Iterator[Callable[[str], object]]:
    rule, routes = werkzeug.routing.Rule, werkzeug.routing.Map
    environ = werkzeug.test.create_environ

    def bound(*rules: werkzeug.routing.Rule) -> Any:
        return routes(rules).bind("localhost")

    yield lambda value: routes([rule(value)])
    yield lambda value: routes([rule("/<nothing:x>", endpoint=value)])
    yield lambda value: routes([rule(f"/<int(a={value!r}):x>", endpoint=value)])
    yield lambda value: routes([rule("/<x>/<x>", endpoint=value)])
    yield lambda value: routes([rule("/<int:x", endpoint=value)])
    yield lambda value: routes([rule("/", methods=value)])
    yield lambda value: routes([rule("/", endpoint=value)]).add(rule("/", map=None), value)  # type: ignore[arg-type]
    yield lambda value: bound(rule("/a", endpoint="a")).match("/" + value)
    yield lambda value: bound(rule("/a", endpoint="a", methods=["GET"])).match("/a", value)
    yield lambda value: bound(rule("/a/", endpoint="a")).match("/a", query_args=value)
    yield lambda value: bound(rule("/<int:x>", endpoint="a")).build(value, {"x": value})
    yield lambda value: bound(rule("/<int:x>", endpoint="a")).build("a", {value: value})
    yield lambda value: bound(rule("/<any(a,b):x>", endpoint="a")).build("a", {"x": value})
    yield lambda value: routes().bind(value + "..x")
    yield lambda value: routes(host_matching=True).bind("a", subdomain=value)
    yield lambda value: routes().bind_to_environ({"HTTP_HOST": value})
    yield lambda value: werkzeug.test.Client(lambda *_: []).get(value).status  # type: ignore[arg-type]
    yield lambda value: werkzeug.test.EnvironBuilder(base_url=value + "?x=1")
    yield lambda value: werkzeug.test.EnvironBuilder(json=value, data=value)
    yield lambda value: werkzeug.test.EnvironBuilder(query_string=7, path=value)  # type: ignore[arg-type]
    yield lambda value: werkzeug.Request(environ(headers={"x": value})).headers["none-" + value]
    yield lambda value: werkzeug.Request(environ(method="POST", data=value)).json
    yield lambda value: werkzeug.Request(environ(method="POST", data=value, content_type="application/json")).json
    yield lambda value: werkzeug.Request({}).get_data()
    yield lambda value: werkzeug.Response(value).set_cookie(value, value)
    yield lambda value: werkzeug.Response(value, status="")
    yield lambda value: werkzeug.Response(value, headers=[("x", value + "\r\n")])
    yield (
        lambda value: (
            werkzeug.Response([value]).make_sequence()
            or werkzeug.Response(iter([value]), direct_passthrough=True).get_data()
        )
    )
    yield lambda value: werkzeug.Response(value, content_type="application/json").get_json()
    yield lambda value: werkzeug.Response(value).make_conditional(environ(), accept_ranges=True, complete_length=None)
    yield lambda value: werkzeug.security.generate_password_hash(value, method=value)
    yield lambda value: werkzeug.security.generate_password_hash(value, method="pbkdf2:a:b:c")
    yield lambda value: werkzeug.security.generate_password_hash(value, method="scrypt:1")
    yield lambda value: werkzeug.security.generate_password_hash(value, salt_length=0)
    yield lambda value: werkzeug.utils.import_string(value)
    yield lambda value: werkzeug.utils.import_string("werkzeug." + value)
    yield lambda value: werkzeug.utils.import_string("werkzeug:" + value)
    yield lambda value: werkzeug.exceptions.abort(404, value)
    yield lambda value: werkzeug.exceptions.abort(999)
    yield lambda value: werkzeug.exceptions.abort(werkzeug.Response(value))
    yield lambda value: werkzeug.datastructures.MultiDict({"a": value})[value]
    yield lambda value: werkzeug.datastructures.ImmutableMultiDict({"a": value}).add(value, value)
    yield lambda value: werkzeug.datastructures.ImmutableList([value]).append(value)
    yield lambda value: werkzeug.datastructures.Headers({"a": value}).add("x", value + "\n")
    yield lambda value: werkzeug.datastructures.Headers([(value, 1, 2)])  # type: ignore[list-item]
    yield lambda value: werkzeug.datastructures.Headers()[value]
    yield lambda value: werkzeug.datastructures.EnvironHeaders({}).set(value, value)  # type: ignore[arg-type]
    yield lambda value: werkzeug.datastructures.Range("bytes", [(1, 0)])
    yield lambda value: werkzeug.datastructures.ContentRange(value, 5, 2, 1)
    yield lambda value: werkzeug.datastructures.CombinedMultiDict([]).update({value: value})
    yield lambda value: werkzeug.datastructures.WWWAuthenticate(value, {}, value).to_header()
    yield lambda value: werkzeug.datastructures.HeaderSet([value]).remove("none" + value)
    yield lambda value: werkzeug.datastructures.HeaderSet([value])["none" + value]
    yield lambda value: werkzeug.datastructures.MultiDict().popitem()
    yield lambda value: werkzeug.datastructures.MultiDict().pop(value)
    yield lambda value: werkzeug.http.dump_cookie(value + "=", value)
    yield lambda value: werkzeug.http.dump_cookie("a", value, samesite=value)
    yield lambda value: werkzeug.http.dump_options_header(value, {"*" + value: value})
    yield lambda value: werkzeug.wsgi.get_input_stream({})
    yield lambda value: werkzeug.wsgi.LimitedStream(None, 1).read(2)  # type: ignore[arg-type]
    yield lambda value: werkzeug.local.Local().__getattr__(value)
    yield lambda value: werkzeug.local.LocalProxy(werkzeug.local.Local(), value)._get_current_object()


class _Base(orm.DeclarativeBase):
    pass


class _Member(_Base):
    __tablename__ = "member"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(unique=True)
    tasks: orm.Mapped[list["_Task"]] = orm.relationship(back_populates="member", lazy="raise")


class _Task(_Base):
    __tablename__ = "task"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    member_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("member.id"))
    member: orm.Mapped[_Member] = orm.relationship(back_populates="tasks")


def _sqlalchemy() -> Iterator[Callable[[str], object]]:
    engine = sa.create_engine("sqlite://", poolclass=sa.pool.StaticPool)
    _Base.metadata.create_all(engine)
    table: Any = _Member.__table__

    def on(work: Callable[[orm.Session], object]) -> object:
        with orm.Session(engine) as session:
            return work(session)

    def run(statement: Any, values: Any = None) -> object:
        with engine.connect() as connection:
            return connection.execute(statement, values).all()

    def stale(session: orm.Session, value: str) -> None:
        member = _Member(id=abs(hash(value)) % 10**6, name=value)
        session.add(member)
        session.flush()
        session.execute(sa.delete(_Member))
        member.name = value + "x"
        session.flush()

    def detached(value: str) -> object:
        member = _Member(id=1, name=value)
        orm.make_transient_to_detached(member)
        return member.tasks

    def twice(session: orm.Session, value: str) -> None:
        session.add_all([_Member(id=5, name=value), _Member(id=5, name=value + "x")])
        session.flush()

    def lost(session: orm.Session, value: str) -> object:
        with contextlib.suppress(Exception):
            twice(session, value)
        return session.execute(sa.select(_Member)).all()

    def removed(session: orm.Session, value: str) -> object:
        member = _Member(name=value)
        session.add(member)
        session.flush()
        session.execute(sa.text("DELETE FROM member"))
        session.expire(member)
        return member.name

    yield lambda value: sa.create_engine(value)
    yield lambda value: sa.create_engine(f"{value}://x")
    yield lambda value: sa.create_engine("sqlite+nothing://")
    yield lambda value: sa.create_engine("sqlite://", **{"nothing": value})
    yield lambda value: sa.create_engine("sqlite://", isolation_level=value).connect()
    yield lambda value: sa.create_engine("sqlite://", pool_size=value, poolclass=sa.pool.NullPool)
    yield lambda value: sa.make_url(value)
    yield lambda value: sa.make_url(7)  # type: ignore[arg-type]
    yield lambda value: sa.URL.create(7, value)  # type: ignore[arg-type]
    yield lambda value: sa.URL.create("sqlite", port=value)  # type: ignore[arg-type]
    yield lambda value: sa.URL.create("sqlite", query={"a": 7, value: 7})  # type: ignore[dict-item]
    yield lambda value: run(value)
    yield lambda value: run(sa.text(value.replace(":", "")))
    yield lambda value: run(sa.text("SELECT :a"), {value: value})
    yield lambda value: run(sa.text("SELECT 1"), [value])
    yield lambda value: run(sa.text("SELECT 1"), value)
    yield lambda value: run(sa.insert(_Member), {value: value, "name": value})
    yield lambda value: run(sa.insert(_Member), {"name": object()})
    yield lambda value: run(sa.insert(_Member).values(**{"none": value}))
    yield lambda value: run(sa.update(_Member).values({value: value}))
    yield lambda value: run(sa.select(_Member).where(value))  # type: ignore[arg-type]
    yield lambda value: run(sa.select(value))
    yield lambda value: run(sa.select(_Member).order_by(value).limit(value))
    yield lambda value: run(sa.select(_Member).limit(value))  # type: ignore[arg-type]
    yield lambda value: run(sa.select(_Member).join(value))  # type: ignore[arg-type]
    yield lambda value: run(sa.select(_Member).join(_Member.id))  # type: ignore[arg-type]
    yield lambda value: run(
        sa.select(_Member, sa.Table("t", sa.MetaData(), sa.Column(value or "c"))).join(sa.table("u"))
    )
    yield lambda value: run(sa.select(_Member).filter_by(**{value: value}))
    yield lambda value: run(sa.select(_Member).options(value))  # type: ignore[arg-type]
    yield lambda value: run(sa.select(_Member).options(orm.joinedload(value)))  # type: ignore[arg-type]
    yield lambda value: run(sa.select(_Member).options(orm.joinedload(_Member.name)))
    yield lambda value: run(sa.select(_Member).options(orm.joinedload(_Task.member)))
    yield lambda value: run(sa.func.no_such_function(value).select())
    yield lambda value: run(sa.select(_Member.id).union(sa.select(_Member.id, _Member.name)))
    yield lambda value: run(sa.select(sa.bindparam(value or "b", required=True)))
    yield lambda value: _Member.name.no_such(value)  # type: ignore[attr-defined]
    yield lambda value: _Member.tasks == value
    yield lambda value: _Member.tasks.any(value)  # type: ignore[arg-type]
    yield lambda value: _Member.name.in_(value)  # type: ignore[arg-type]
    yield lambda value: _Member.name.like(sa.select(_Member))
    yield lambda value: bool(_Member.name == value)
    yield lambda value: _Member.name.op(value)(object())
    yield lambda value: _Member(**{value: value})
    yield lambda value: _Member(nothing=value)
    yield lambda value: _Member(tasks=[value])
    yield lambda value: _Member(tasks=value)
    yield lambda value: setattr(_Member(), "tasks", {value: value})
    yield lambda value: setattr(_Task(), "member", value)
    yield lambda value: _Member().tasks.append(value)  # type: ignore[arg-type]
    yield lambda value: detached(value)
    yield lambda value: on(lambda s: stale(s, value))
    yield lambda value: on(lambda s: twice(s, value))
    yield lambda value: on(lambda s: lost(s, value))
    yield lambda value: on(lambda s: removed(s, value))
    yield lambda value: on(lambda s: s.add(value))
    yield lambda value: on(lambda s: s.add_all([_Member(name=value), value]))
    yield lambda value: on(lambda s: s.delete(_Member(name=value)))
    yield lambda value: on(lambda s: s.refresh(_Member(name=value)))
    yield lambda value: on(lambda s: s.expunge(_Member(name=value)))
    yield lambda value: on(lambda s: s.merge(value))
    yield lambda value: on(lambda s: s.get(value, 1))  # type: ignore[arg-type]
    yield lambda value: on(lambda s: s.get(_Member, (1, value)))
    yield lambda value: on(lambda s: s.get(_Member, {value: value}))
    yield lambda value: on(lambda s: s.get_one(_Member, 987654321))
    yield lambda value: on(lambda s: s.query(value))  # type: ignore[call-overload]
    yield lambda value: on(lambda s: s.query(_Member).filter_by(**{value: value}).all())
    yield lambda value: on(lambda s: s.query(_Member).filter(_Member.name == value).one())
    yield lambda value: on(lambda s: s.query(_Member).limit(1).filter(_Member.name == value))
    yield lambda value: on(lambda s: s.query(_Member).join(value).all())  # type: ignore[arg-type]
    yield lambda value: on(lambda s: s.query(_Member).with_for_update(of=value).update({value: 1}))
    yield lambda value: on(lambda s: s.query(_Member).from_statement(value))  # type: ignore[arg-type]
    yield lambda value: on(lambda s: s.execute(value))  # type: ignore[call-overload]
    yield lambda value: on(lambda s: s.execute(sa.select(_Member).where(_Member.name == value)).scalar_one())
    yield lambda value: on(lambda s: s.execute(sa.select(_Member)).one())
    yield lambda value: on(lambda s: s.scalars(sa.select(_Member)).columns(value))  # type: ignore[attr-defined]
    yield lambda value: on(lambda s: s.execute(sa.text("SELECT 1 AS a")).mappings().one()[value])
    yield lambda value: on(lambda s: getattr(s.execute(sa.text("SELECT 1 AS a")).one(), value))
    yield lambda value: on(lambda s: s.execute(sa.text("SELECT 1 AS a")).columns(value).all())
    yield lambda value: on(lambda s: [s.close(), s.bind_mapper(value, engine)])  # type: ignore[arg-type]
    yield lambda value: on(lambda s: s.bulk_insert_mappings(_Member, [{value: value}]))
    yield lambda value: on(lambda s: s.begin() and s.begin())
    yield lambda value: on(lambda s: s.in_nested_transaction() or s.get_bind(value))  # type: ignore[arg-type]
    yield lambda value: orm.Session(engine, autocommit=value)  # type: ignore[call-overload]
    yield lambda value: orm.sessionmaker()().execute(sa.text(value.replace(":", "")))
    yield lambda value: orm.class_mapper(value)  # type: ignore[type-var]
    yield lambda value: orm.object_session(value)
    yield lambda value: orm.aliased(value)  # type: ignore[type-var]
    yield lambda value: orm.configure_mappers() or sa.inspect(value)
    yield lambda value: orm.with_polymorphic(_Member, value)  # type: ignore[call-overload]
    yield lambda value: orm.synonym(value)._set_parent  # type: ignore[attr-defined]
    yield lambda value: orm.relationship(cascade=value)
    yield lambda value: orm.relationship(lazy=value).strategy_for  # type: ignore[arg-type]
    yield lambda value: orm.relationship("x", back_populates=value, backref=value)
    yield lambda value: orm.relationship("x", viewonly=True, cascade="all", info={value: 1})
    yield lambda value: orm.validates(value)(7)
    yield lambda value: type("Nameless", (_Base,), {"__module__": __name__, "x": sa.Column(sa.String)})
    yield lambda value: type(
        "Keyless", (_Base,), {"__module__": __name__, "__tablename__": "k" + value, "x": sa.Column(sa.String)}
    )
    yield lambda value: table.c[value]
    yield lambda value: table.append_column(value)
    yield lambda value: sa.Table("member", _Base.metadata, sa.Column("y"), schema=None)
    yield lambda value: sa.Table(value, sa.MetaData(), value)
    yield lambda value: sa.Table(value, sa.MetaData(), sa.Column("a"), nothing=value)
    yield lambda value: sa.Table(value, value)  # type: ignore[call-overload]
    yield lambda value: sa.Table(value, sa.MetaData(), must_exist=True)
    yield lambda value: sa.Table(value, sa.MetaData(), autoload_with=engine)
    yield lambda value: sa.Column(value, value)  # type: ignore[call-overload]
    yield lambda value: sa.Column(value, sa.String, value)
    yield lambda value: sa.Column(value, sa.String, nothing=value)
    yield lambda value: sa.Column(sa.String, name=value, server_default=7)  # type: ignore[arg-type]
    yield lambda value: sa.ForeignKey(value).column
    yield lambda value: sa.ForeignKeyConstraint([value], [value, value])
    yield lambda value: sa.Table("a", sa.MetaData(), sa.Column("b", sa.ForeignKey(value + ".x"))).c.b.references(value)
    yield (
        lambda value: (
            list(sa.Table("a", sa.MetaData(), sa.Column("b", sa.ForeignKey("none.x", name=value))).foreign_keys)[
                0
            ].column
        )
    )
    yield lambda value: sa.UniqueConstraint(value).columns[value]
    yield lambda value: sa.Index(value, value).create(engine)
    yield lambda value: sa.Enum(value, length=1)
    yield lambda value: run(sa.select(sa.cast(value, sa.Enum("a", "b"))))
    yield lambda value: run(sa.select(sa.literal(value, sa.Enum("a", "b"))))
    yield lambda value: run(sa.select(sa.literal(value, sa.DateTime())))
    yield lambda value: run(sa.select(sa.literal(value, sa.LargeBinary())))
    yield lambda value: run(sa.select(sa.literal(value, sa.Uuid())))
    yield lambda value: str(sa.select(sa.literal(object())).compile(compile_kwargs={"literal_binds": True}))
    yield lambda value: str(sa.select(sa.literal(value, sa.DateTime())).compile(compile_kwargs={"literal_binds": True}))
    yield lambda value: sa.text(value).bindparams(**{"none": value})
    yield lambda value: sa.text(value).columns(value)  # type: ignore[arg-type]
    yield lambda value: sa.and_(value)  # type: ignore[arg-type]
    yield lambda value: sa.case(value, else_=value)  # type: ignore[arg-type]
    yield lambda value: sa.case()
    yield lambda value: sa.func.count().over(range_=value)
    yield lambda value: sa.func.count().over(rows=(value, 1))  # type: ignore[arg-type]
    yield lambda value: sa.select(_Member).with_hint(value, value)  # type: ignore[arg-type]
    yield lambda value: sa.select(_Member).subquery().c[value]
    yield lambda value: sa.select(_Member).cte(value).c[value]
    yield lambda value: sa.values(value).data([value]).compile()  # type: ignore[arg-type]
    yield lambda value: sa.extract(value, sa.func.now()).compile(engine)
    yield lambda value: sa.inspect(engine).get_columns(value)
    yield lambda value: sa.inspect(engine).get_pk_constraint(value)
    yield lambda value: sa.event.listen(engine, value, lambda: None)
    yield lambda value: sa.event.listen(value, "connect", lambda: None)
    yield lambda value: sa.event.remove(engine, "connect", lambda: None)
    yield lambda value: engine.connect().execution_options(isolation_level=value)
    yield lambda value: engine.execution_options(isolation_level=value).connect()
    yield lambda value: _closed(engine).execute(sa.text(value))


def _closed(engine: sa.Engine) -> sa.Connection:
    connection = engine.connect()
    connection.close()
    return connection


def _urllib3() -> Iterator[Callable[[str], object]]:
    once = urllib3.Retry(total=0)
    pool = urllib3.PoolManager(retries=once, timeout=0.5)
    here = "http://127.0.0.1:9/"

    def ascii_only(value: str) -> str:
        return value.encode("ascii", "ignore").decode()

    yield lambda value: pool.request("GET", here + ascii_only(value))
    yield lambda value: pool.request("GET", here, headers={"x": value}, retries=False)
    yield lambda value: pool.request("GET", value)
    yield lambda value: pool.request("GET", "ftp://127.0.0.1/" + ascii_only(value))
    yield lambda value: pool.request("GET", f"http://[{value}]/")
    yield lambda value: pool.request("GET", f"http://127.0.0.1:{value}/")
    yield lambda value: pool.request("GET", "http:///" + value)
    yield lambda value: pool.request(value, here, fields={value: value}, body=b"x")
    yield lambda value: pool.request("POST", here, json={value: 1}, body=b"x")
    yield lambda value: pool.request("GET", here, retries=urllib3.Retry(2, backoff_factor=0))
    yield lambda value: pool.connection_from_host("")
    yield lambda value: pool.connection_from_host(value, scheme=value)
    yield lambda value: urllib3.PoolManager(nothing=value).connection_from_url(here)
    yield lambda value: urllib3.ProxyManager(value)
    yield lambda value: urllib3.ProxyManager("ftp://x/" + value)
    yield lambda value: urllib3.ProxyManager(here, retries=once).request("GET", "http://x/" + ascii_only(value))
    yield lambda value: urllib3.HTTPConnectionPool("127.0.0.1", 9, retries=once).urlopen(
        "GET", "http://other/" + value, assert_same_host=True
    )
    yield lambda value: urllib3.HTTPConnectionPool("127.0.0.1", 9).urlopen(
        "GET", "/" + ascii_only(value), retries=1, timeout=value
    )
    yield lambda value: urllib3.HTTPConnectionPool(value).urlopen("GET", "/")
    yield lambda value: urllib3.HTTPConnectionPool("127.0.0.1", 9, timeout=-1)
    yield lambda value: urllib3.HTTPConnectionPool("127.0.0.1", 9, block=True, maxsize=0).urlopen(
        "GET", "/" + value, pool_timeout=0.01
    )
    yield lambda value: _emptied(value)
    yield lambda value: urllib3.connection_from_url(value)
    yield lambda value: urllib3.HTTPSConnectionPool(
        "127.0.0.1", 9, cert_reqs="CERT_REQUIRED", ca_certs="/none/" + ascii_only(value), retries=once
    ).request("GET", "/")
    yield lambda value: urllib3.connection.HTTPConnection(value).putrequest(value, value)
    yield lambda value: urllib3.connection.HTTPConnection("127.0.0.1", 9).request(value + "\n", "/")
    yield lambda value: urllib3.connection.HTTPConnection("127.0.0.1", 9).request(
        "GET", "/", headers={value + "\n": value}
    )
    yield lambda value: urllib3.connection.HTTPConnection("127.0.0.1", 9).set_tunnel(value, scheme=value)
    yield lambda value: urllib3.connection.HTTPConnection("127.0.0.1", 9).getresponse()
    yield lambda value: urllib3.Timeout(value)  # type: ignore[arg-type]
    yield lambda value: urllib3.Timeout(True)
    yield lambda value: urllib3.Timeout(0)
    yield lambda value: urllib3.Timeout(1).get_connect_duration()
    yield lambda value: _started_twice()
    yield lambda value: urllib3.Retry(1).parse_retry_after(value)
    yield lambda value: urllib3.Retry(0).increment("GET", "/" + value, error=OSError(value))
    yield lambda value: urllib3.Retry(False).increment("GET", value, error=ValueError(value))
    yield lambda value: urllib3.Retry(0).increment(value, value, error=urllib3.exceptions.ProtocolError(value))
    yield lambda value: urllib3.HTTPResponse(
        value.encode("utf-8", "replace"), headers={"content-encoding": "gzip"}
    ).read()
    yield (
        lambda value: (
            urllib3.HTTPResponse(value.encode("utf-8", "replace"), headers={"content-encoding": "deflate"}).data
        )
    )
    yield lambda value: urllib3.HTTPResponse(value, preload_content=False).read_chunked()
    yield lambda value: next(
        urllib3.HTTPResponse(b"", preload_content=False, headers={"transfer-encoding": "chunked"}).read_chunked()
    )
    yield lambda value: urllib3.HTTPResponse(b"", headers={"content-length": f"1, 2, {value}"})
    yield (
        lambda value: (
            urllib3.HTTPResponse(b"", headers={"content-length": "5,6"}, preload_content=False).length_remaining
        )
    )
    yield lambda value: urllib3.HTTPResponse(b"").fileno()
    yield lambda value: urllib3.HTTPResponse(value.encode("utf-8", "replace")).json()
    yield lambda value: urllib3.HTTPHeaderDict({"a": value})[value]
    yield lambda value: urllib3.HTTPHeaderDict().extend(value, value)  # type: ignore[call-arg]
    yield lambda value: urllib3.util.parse_url("http://[" + value)
    yield lambda value: urllib3.util.parse_url("http://xn--\u00fc" + value + ".example:99999999/")
    yield lambda value: urllib3.util.parse_url(f"http://a:{value}b/")
    yield lambda value: urllib3.util.ssl_.resolve_cert_reqs(value)
    yield lambda value: urllib3.util.ssl_.resolve_ssl_version(value)
    yield lambda value: urllib3.util.ssl_.create_urllib3_context(ssl_minimum_version=value)  # type: ignore[arg-type]
    yield lambda value: urllib3.util.ssl_.assert_fingerprint(b"x", value)
    yield lambda value: urllib3.util.ssl_.assert_fingerprint(b"x", "00" * 32)
    yield lambda value: urllib3.util.ssl_match_hostname.match_hostname(
        {"subject": ((("commonName", value),),)}, "a", True
    )  # type: ignore[arg-type]
    yield lambda value: urllib3.util.ssl_match_hostname.match_hostname(
        {"subjectAltName": (("DNS", value), ("DNS", "b"))}, "a"
    )  # type: ignore[arg-type]
    yield lambda value: urllib3.util.ssl_match_hostname.match_hostname({}, value)
    yield lambda value: urllib3.util.make_headers(basic_auth=value)
    yield lambda value: urllib3.util.connection.create_connection(("127.0.0.1", 9), socket_options=value)  # type: ignore[arg-type]
    yield lambda value: urllib3.util.connection.create_connection((value, 9))
    yield lambda value: urllib3.util.connection.create_connection(("a" * 70 + ".example", 9))


def _emptied(value: str) -> object:
    pool = urllib3.HTTPConnectionPool("127.0.0.1", 9)
    pool.close()
    return pool.urlopen("GET", "/" + value.encode("ascii", "ignore").decode())


def _started_twice() -> None:
    timeout = urllib3.Timeout(1)
    timeout.start_connect()
    timeout.start_connect()


def _psycopg() -> Iterator[Callable[[str], object]]:
    sql = psycopg.sql
    here = "host=127.0.0.1 port=9 connect_timeout=1 "

    def dumped(value: Any) -> object:
        return psycopg.adapt.Transformer().as_literal(value)

    def loaded(oid: int, data: bytes, form: int = 0) -> object:
        transformer = psycopg.adapt.Transformer()
        return transformer.get_loader(oid, psycopg.pq.Format(form)).load(data)

    yield lambda value: psycopg.connect(value)
    yield lambda value: psycopg.connect(here)
    yield lambda value: psycopg.connect(here, nothing=value)
    yield lambda value: psycopg.connect(here, connect_timeout=value)
    yield lambda value: psycopg.connect(host=value, port=value)
    yield lambda value: psycopg.connect(here, cursor_factory=value)  # type: ignore[arg-type]
    yield lambda value: psycopg.connect(host="127.0.0.1,127.0.0.1", port="9,8,7", dbname=value)
    yield lambda value: psycopg.connect(7)  # type: ignore[arg-type]
    yield lambda value: psycopg.conninfo.make_conninfo(value, nothing=value)
    yield lambda value: psycopg.conninfo.conninfo_to_dict(f"host={value}")
    yield lambda value: sql.SQL(value).format(value)
    yield lambda value: sql.SQL("{} {}").format(sql.SQL(value))  # type: ignore[arg-type]
    yield lambda value: sql.SQL("{a!r}").format(a=value)
    yield lambda value: sql.SQL("{a:>3}").format(a=value)
    yield lambda value: sql.SQL("{0} {}").format(value, value)
    yield lambda value: sql.SQL("{none}").format(some=value)
    yield lambda value: sql.SQL(7)  # type: ignore[arg-type]
    yield lambda value: sql.Identifier(7, value)  # type: ignore[arg-type]
    yield lambda value: sql.Identifier()
    yield lambda value: sql.Placeholder(value + ")")
    yield lambda value: sql.Placeholder(7)  # type: ignore[arg-type]
    yield lambda value: sql.Composed([sql.SQL("a")]) + value  # type: ignore[operator]
    yield lambda value: sql.Composed([sql.SQL("a")]).join(7)  # type: ignore[arg-type]
    yield lambda value: sql.SQL("a").join([7]) + value  # type: ignore[operator]
    yield lambda value: sql.Literal(object()).as_string()
    yield lambda value: sql.Literal([value, object()]).as_string()
    yield lambda value: sql.Identifier(value + "\x00").as_string()
    yield lambda value: sql.quote(object())
    yield lambda value: dumped(object())
    yield lambda value: dumped([value, [1], 7])
    yield lambda value: dumped([[value], value])
    yield lambda value: dumped([value, 7, object()])
    yield lambda value: dumped(value + "\x00")
    yield lambda value: dumped(psycopg.types.range.Range(value, 7))
    yield lambda value: psycopg.types.range.Range(value, value, "<>")
    yield lambda value: psycopg.types.multirange.Multirange([value])  # type: ignore[list-item]
    yield lambda value: psycopg.types.multirange.Multirange().append(value)  # type: ignore[arg-type]
    yield lambda value: psycopg.types.range.Range(1, 2) < value  # type: ignore[operator]
    for oid in (
        16,
        17,
        20,
        23,
        25,
        114,
        600,
        700,
        869,
        1007,
        1009,
        1082,
        1083,
        1114,
        1184,
        1186,
        1266,
        1700,
        2950,
        3802,
        3904,
    ):
        for form in (0, 1):
            yield lambda value, oid=oid, form=form: loaded(oid, value.encode("utf-8", "replace"), form)
            yield lambda value, oid=oid, form=form: loaded(oid, b"{1,2" + value.encode("utf-8", "replace"), form)
    yield lambda value: psycopg.types.TypeInfo(value, 1, 2).register(value)  # type: ignore[arg-type]
    yield lambda value: psycopg.types.TypeInfo.fetch(value, value)  # type: ignore[call-overload]
    yield lambda value: psycopg.types.composite.register_composite(value, None)  # type: ignore[arg-type]
    yield lambda value: psycopg.types.composite.register_composite(None)  # type: ignore[arg-type]
    yield lambda value: psycopg.types.enum.register_enum(None, None)  # type: ignore[arg-type]
    yield lambda value: psycopg.types.range.register_range(None)  # type: ignore[arg-type]
    yield lambda value: psycopg.types.multirange.register_multirange(None)  # type: ignore[arg-type]
    yield lambda value: psycopg.types.shapely if value else psycopg.types.hstore.register_hstore(None)  # type: ignore[attr-defined]
    yield lambda value: psycopg.adapters.get_dumper(object, psycopg.adapt.PyFormat.AUTO)
    yield lambda value: psycopg.adapters.register_dumper(7, value)  # type: ignore[arg-type]
    yield lambda value: psycopg.adapters.register_loader({value: 1}, value)  # type: ignore[arg-type]
    yield lambda value: psycopg.adapters.register_loader(value, psycopg.adapt.Loader)
    for query in ("%s %(a)s", "%s %x", "%", "%(a", "%s %s", "%(none)s", "%b %t %z"):
        yield lambda value, query=query: psycopg._queries.PostgresQuery(psycopg.adapt.Transformer()).convert(
            query + value, [value]
        )
        yield lambda value, query=query: psycopg._queries.PostgresQuery(psycopg.adapt.Transformer()).convert(
            query, {value: value}
        )
        yield lambda value, query=query: psycopg._queries.PostgresQuery(psycopg.adapt.Transformer()).convert(
            query, value
        )
    yield lambda value: psycopg.errors.lookup(value)
    yield lambda value: psycopg.rows.namedtuple_row(value)  # type: ignore[arg-type]
    yield lambda value: psycopg.rows.kwargs_row(value)(None)  # type: ignore[arg-type]
    yield lambda value: psycopg.pq.Escaping().escape_literal(value.encode("utf-8", "replace"))
    yield lambda value: psycopg.pq.Conninfo.parse(value.encode("utf-8", "replace"))
    yield lambda value: psycopg.Xid.from_parts(7, value, "\n" + value)
    yield lambda value: psycopg.Xid.from_parts(-1, value, value)
    yield lambda value: psycopg._encodings.pg2pyenc(value.encode("utf-8", "replace"))
    yield lambda value: psycopg._encodings.py2pgenc(value)
