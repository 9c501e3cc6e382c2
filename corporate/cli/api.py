"""docs/corporate_api.md, made from the applications themselves: `python -m corporate.cli.api --check|--write`.

The wire as its OpenAPI document describes it, and the routes of the pages. Leaves to others: what they do. Rules: it
builds the applications without a server behind them; nothing is opened or contacted.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from flask import Flask

from audit import generated
from corporate.pages import PAGES
from corporate.pages.guarding import OPEN
from corporate.pages.programs import describe as for_programs
from corporate.wire import describe

DEFAULT_FILE = Path("docs/corporate_api.md")
RENEWAL = "python -m corporate.cli.api --write"
_QUIET_METHODS = {"HEAD", "OPTIONS"}
_HEAD = f"""# What corporate answers on

<!-- generated from corporate/wire.py and corporate/pages; do not edit. Renew with: {RENEWAL} -->

Two listeners: the wire for installations, the pages for the vendor's staff. What goes over the wire stands in
[batch](formats/batch.md), [receipt](formats/receipt.md) and [enrolment](formats/enrolment.md).

## The wire

Machines read the same at `/v1/openapi.json` (OpenAPI 3.1). Every error has the form `ErrorOut`.
"""
_PROGRAMS = """
## Issues, for programs of the staff

On the listener of the pages; machines read the same at `/api/v1/openapi.json` (OpenAPI 3.1). Who has an account may, as
on the pages: a session's token goes with every request as `Authorization: Bearer TOKEN`; a cookie does not count. What
is done stands in the issue's history with the account. Every error has the form `ErrorOut`.
"""
_PAGES = """
## The pages

Every change is a POST with a token that only our own pages hold.

| route | methods | who | what |
| --- | --- | --- | --- |
"""


def render() -> str:
    """The page as Markdown."""
    wire, programs = _described(describe()), _described(for_programs())
    return _HEAD + wire + _PROGRAMS + programs + _PAGES + "".join(sorted(_routes()))


def _described(found: Mapping[str, Any]) -> str:
    """Operations and forms of one OpenAPI document."""
    operations = [
        part
        for path, methods in found["paths"].items()
        for method, operation in methods.items()
        if isinstance(operation, Mapping) and "responses" in operation
        for part in _operation(method.upper(), path, operation)
    ]
    parts = found["components"]
    used = set(re.findall(r"schemas/(\w+)", json.dumps([found["paths"], parts["responses"]])))
    forms = [line for name in sorted(used) for line in _form(name, parts["schemas"][name])]
    return "".join(f"{line}\n" for line in operations + forms)


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield from ("", f"### `{method} {path}`", "", operation["summary"], "", "| | |", "| --- | --- |")
    for parameter in operation.get("parameters", []):
        about = parameter.get("description") or ", ".join(f"`{value}`" for value in parameter["schema"].get("enum", []))
        yield f"| {parameter['in']} `{parameter['name']}` | {_cell(about)} |"
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"| takes `{media_type}` | {_kind(content['schema'])} |"
    errors = []
    for status, response in operation["responses"].items():
        forms = {_kind(content["schema"]) for content in response.get("content", {}).values()}
        if forms == {"`ErrorOut`"}:
            errors.append(status)
        elif "$ref" in response:
            errors.append("any other")
        else:
            yield f"| {status} | {', '.join(sorted(forms))} |"
    if errors:
        yield f"| {', '.join(sorted(errors))} | `ErrorOut` |"


def _form(name: str, form: Mapping[str, Any]) -> Iterator[str]:
    yield from ("", f"### `{name}`", "", "| key | type | required | what |", "| --- | --- | --- | --- |")
    required = form.get("required", [])
    for key, stated in form.get("properties", {}).items():
        needed = "yes" if key in required else "no"
        yield f"| `{key}` | {_kind(stated)} | {needed} | {_cell(stated.get('description') or _bounds(stated))} |"


def _kind(stated: Mapping[str, Any]) -> str:
    if "$ref" in stated:
        return f"`{stated['$ref'].rpartition('/')[2]}`"
    kind = stated.get("type", "")
    return kind if isinstance(kind, str) else " or ".join(kind)


def _bounds(stated: Mapping[str, Any]) -> str:
    if "pattern" in stated:
        return f"`{stated['pattern']}`"
    if "maxLength" in stated:
        return f"{stated.get('minLength', 0)} to {stated['maxLength']} characters"
    return ""


def _routes() -> Iterator[str]:
    app = Flask("corporate", static_folder="static")
    for module in PAGES:
        app.register_blueprint(module.blueprint)
    for rule in app.url_map.iter_rules():
        who = "anybody" if rule.endpoint in OPEN else "who is signed in"
        methods = ", ".join(sorted((rule.methods or set()) - _QUIET_METHODS))
        view = app.view_functions[rule.endpoint]
        about = "The style sheet." if rule.endpoint == "static" else (view.__doc__ or "").partition("\n")[0]
        yield f"| `{rule.rule}` | {methods} | {who} | {_cell(about)} |\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(generated.main(DEFAULT_FILE, render, RENEWAL))
