"""The calls of other SDKs, with their default settings; each is measured where it is installed.

`pip install -r install/requirements-benchmark.txt` installs them. What they send goes nowhere: the caller's thread is
what is measured, and no queue of theirs may fill up meanwhile.
"""

import logging
from collections.abc import Callable, Mapping
from importlib.util import find_spec

PACKAGES = tuple(
    package
    for package, module in (("sentry-sdk", "sentry_sdk"), ("opentelemetry-sdk", "opentelemetry"))
    if find_spec(module)
)

if "sentry-sdk" in PACKAGES:
    import sentry_sdk
    from sentry_sdk.transport import Transport

    class _Nowhere(Transport):
        """Takes envelopes and keeps nothing."""

        def capture_envelope(self, envelope: object) -> None:
            del envelope

    sentry_sdk.init(dsn="http://key@127.0.0.1:9/1", transport=_Nowhere())

if "opentelemetry-sdk" in PACKAGES:
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, InMemoryLogRecordExporter

    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)


def of_new(values: Mapping[str, int]) -> dict[str, Callable[[], object]]:
    """What each SDK calls an event."""
    calls: dict[str, Callable[[], object]] = {}
    if "opentelemetry-sdk" in PACKAGES:
        provider = LoggerProvider()
        provider.add_log_record_processor(BatchLogRecordProcessor(InMemoryLogRecordExporter()))
        logger = provider.get_logger("benchmark")
        calls["OpenTelemetry log emit"] = lambda: logger.emit(body="task completed", attributes=values)
    if "sentry-sdk" in PACKAGES:
        calls["Sentry capture_message"] = lambda: sentry_sdk.capture_message("task completed")
    return calls


def of_error(fault: BaseException) -> dict[str, Callable[[], object]]:
    """What each SDK does with an exception."""
    if "sentry-sdk" not in PACKAGES:
        return {}
    return {"Sentry capture_exception": lambda: sentry_sdk.capture_exception(fault)}
