"""The wire beside its own description: whatever is made from /v1/openapi.json gets only answers that stand there."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import DataObject, data
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from corporate import migrating
from corporate import settings as corporate_settings
from corporate.app import create_app
from corporate.server import open_corporate
from tests.corporate.running import found

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@schemathesis.serializer("application/x-ndjson")
def lines(_context: object, value: object) -> bytes:
    """Whatever was thought of, as bytes."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """What the wire says about itself."""
    config, _ = found(tmp_path_factory.mktemp("described"), "")
    opened = open_corporate(corporate_settings.read(config, {}))
    migrating.upgrade(opened.store)
    yield schemathesis.openapi.from_wsgi("/v1/openapi.json", create_app(opened.settings, "wire", opened))
    opened.store.close()


@pytest.mark.parametrize(
    ("path", "method"), [("/v1/manifest", "GET"), ("/v1/enrolment", "POST"), ("/v1/batches", "POST")]
)
def test_every_answer_is_one_that_is_described(described: Any, path: str, method: str) -> None:
    cases = described[path][method].as_strategy()

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(data())
    def ask(drawn: DataObject) -> None:
        drawn.draw(cases).call_and_validate(checks=CHECKS)

    ask()
