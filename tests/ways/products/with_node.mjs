// A product on Node with the unmodified @sentry/node: `node with_node.mjs MODULES DSN`, the secret in SHOP_SECRET.
import { createRequire } from "node:module";

const [modules, dsn] = process.argv.slice(2);
const Sentry = createRequire(`${modules}/`)("@sentry/node");
const secret = process.env.SHOP_SECRET;

Sentry.init({ dsn, release: "shop@1.4.2", sendDefaultPii: true, tracesSampleRate: 1, serverName: secret });
Sentry.setUser({ id: secret, email: `${secret}@example.org` });
Sentry.setTag("patient", secret);
Sentry.addBreadcrumb({ message: secret });

function sell(buyer) {
  const note = `reserved for ${buyer}`;
  throw new TypeError(`nothing was sold to ${buyer}: ${note}`, { cause: new RangeError(buyer) });
}

try {
  sell(secret);
} catch (fault) {
  Sentry.captureException(fault);
}
Sentry.captureMessage(secret);
await Sentry.flush(20000);
console.log(secret);
