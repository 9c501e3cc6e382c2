"""What the products of these tests share: sentry-sdk, set up as a vendor would who never heard of Diffgram Home.

`python with_flask.py transport SPOOL INDEX` or `… dsn DSN`. A customer's secret, from the environment, is put wherever
Sentry looks: the user, tags, breadcrumbs, contexts, attachments and the server's name.
"""

import os
import sys
from pathlib import Path

import sentry_sdk

import event

SECRET = os.environ.get("SHOP_SECRET", "")


def begin(*integrations):
    """Start sentry-sdk with everything on that could tell of a customer."""
    way, *where = sys.argv[1:]
    if way == "dsn":
        to = {"dsn": where[0]}
    else:
        event.start(Path(where[0]), [], Path(where[1]), strict=True)
        to = {"transport": event.SentryTransport()}
    sentry_sdk.init(
        release="shop@1.4.2",
        server_name=SECRET,
        send_default_pii=True,
        max_request_body_size="always",
        traces_sample_rate=1.0,
        enable_logs=True,
        integrations=integrations,
        **to,
    )


def surround():
    """Tell Sentry everything about the customer."""
    scope = sentry_sdk.get_current_scope()
    scope.set_user({"id": SECRET, "email": f"{SECRET}@example.org", "ip_address": "203.0.113.77"})
    scope.set_tag("patient", SECRET)
    scope.set_extra("letter", {"from": SECRET, SECRET: [SECRET]})
    scope.set_context("hospital", {"name": SECRET})
    scope.add_attachment(bytes=SECRET.encode(), filename=f"{SECRET}.txt")
    sentry_sdk.add_breadcrumb(category=SECRET, message=SECRET, data={"q": SECRET})


def end():
    """Wait until everything was sent, and say that the secret was there."""
    sentry_sdk.flush(20)
    print(SECRET)
