"""A product that logs by the unmodified OpenTelemetry SDK and OTLP exporter: `python with_otel.py BASE KEY HOW`.

The secret is in the arguments, in an exception, in attributes of records and of the resource, and in a logger's name.
`HOW` is `none`, `gzip` or `deflate`.
"""

import logging
import os
import sys
import warnings

import depot
import shop
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource

secret = os.environ["SHOP_SECRET"]
base, key, how = sys.argv[1:]
warnings.simplefilter("ignore")
provider = LoggerProvider(resource=Resource.create({"service.version": "1.4.2", "service.name": secret}))
exporter = OTLPLogExporter(
    endpoint=f"{base}/v1/logs", headers={"authorization": f"Bearer {key}"}, compression=Compression(how)
)
provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
root = logging.getLogger()
root.setLevel(logging.INFO)
root.addHandler(LoggingHandler(logger_provider=provider))

depot.stocktake(secret, 3)
try:
    shop.sell(secret)
except LookupError:
    logging.getLogger(f"shop.{secret}").exception("the sale to %s failed", secret, extra={"patient": secret})
provider.shutdown()
print(secret)
