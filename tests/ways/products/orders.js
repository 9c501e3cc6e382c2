// A product on Node whose build declares its names: `node orders.js MODULES DSN`, the secret in SHOP_SECRET.
const [modules, dsn] = process.argv.slice(2);
const { createRequire } = require("node:module");
const Sentry = createRequire(`${modules}/`)("@sentry/node");
const secret = process.env.SHOP_SECRET;

Sentry.init({ dsn, release: "shop@1.4.2", sendDefaultPii: true, serverName: secret });
Sentry.setUser({ id: secret });

class QuotaError extends Error {
  name = "QuotaError";
}

class Cart {
  fill(buyer) {
    throw new QuotaError(`the cart of ${buyer} is full: 3 of 3`);
  }
}

class SecretError extends Error {
  name = "SecretError";
}

for (const fail of [() => new Cart().fill(secret), () => { throw new SecretError(`the cart of ${secret} is full`); }]) {
  try {
    fail();
  } catch (fault) {
    Sentry.captureException(fault);
  }
}
Sentry.flush(20000).then(() => console.log(secret));
