// A product on Node with the unmodified OpenTelemetry exporter: `node with_otel.mjs MODULES URL KEY`.
import { createRequire } from "node:module";

const [modules, url, key] = process.argv.slice(2);
const require = createRequire(`${modules}/`);
const { OTLPLogExporter } = require("@opentelemetry/exporter-logs-otlp-proto");
const { BatchLogRecordProcessor, LoggerProvider } = require("@opentelemetry/sdk-logs");
const { defaultResource, resourceFromAttributes } = require("@opentelemetry/resources");
const secret = process.env.SHOP_SECRET;

const resource = defaultResource().merge(
  resourceFromAttributes({ "service.version": "1.4.2", "service.name": secret, patient: secret }),
);
const exporter = new OTLPLogExporter({ url, headers: { Authorization: `Bearer ${key}` }, compression: "gzip" });
const provider = new LoggerProvider({ resource, processors: [new BatchLogRecordProcessor({ exporter })] });
const logger = provider.getLogger("depot");

logger.emit({ severityNumber: 13, body: `shelf ${secret} lacks 3`, attributes: { patient: secret, list: [secret] } });
const fault = new TypeError(`the cart of ${secret} is full: 3 of 3`);
fault.name = process.env.SHOP_TYPE ?? fault.name;
logger.emit({
  severityNumber: 17,
  body: { patient: secret },
  attributes: { "exception.type": fault.name, "exception.message": fault.message, "exception.stacktrace": fault.stack },
});
await provider.shutdown();
console.log(secret);
