// A page with the unmodified @sentry/browser, bundled by esbuild: its DSN stands in `globalThis.dsn`, the secret in its user.
import * as Sentry from "@sentry/browser";

Sentry.init({ dsn: globalThis.dsn, release: "shop@1.0.0", sendDefaultPii: true, tracesSampleRate: 1, enableLogs: true });
Sentry.setUser({ id: globalThis.secret, email: `${globalThis.secret}@example.org` });
Sentry.setTag("patient", globalThis.secret);
Sentry.logger.warn(`logged for ${globalThis.secret}`);
globalThis.tell = (text) => Sentry.captureException(new RangeError(text));
