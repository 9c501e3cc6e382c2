"""What every answer carries, and what every request must keep to.

The policy is strict because it can be: pages have no inline script or style, nothing from elsewhere, and scripts may
not turn text into markup at all (Trusted Types with no policy). Headers, limits and the rule about https are set once
here, around the whole application; no page sets its own.
"""

from typing import Final

from flask import Flask, Response, request
from werkzeug.middleware.proxy_fix import ProxyFix

from diffgram_home.settings import Web
from diffgram_home.trouble import NotHere, Trouble

POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
_NOT_USED = ("camera", "microphone", "geolocation", "payment", "usb", "serial", "hid", "display-capture")
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _NOT_USED),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}
ONE_YEAR_S: Final = 365 * 24 * 3600
_HSTS: Final = ("Strict-Transport-Security", f"max-age={ONE_YEAR_S}")
LARGEST_FORM_BYTES: Final = 256 * 1024
MOST_FORM_PARTS: Final = 2000
_LOOPBACK_NAMES: Final = ["localhost", "127.0.0.1", "[::1]"]


class HttpsNeeded(Exception):
    """Raised at start: pages would be reachable from elsewhere without https."""


class PlainRefused(Trouble):
    """A request reached us around the proxy that is to make it https."""

    status = 403
    named = "https-needed"


def require_https(web: Web) -> None:
    """Raises HttpsNeeded if the address is not loopback and the pages are not https by a certificate of their own.

    A proxy in front does not do there: whoever reaches the port past it could write its headers.
    """
    if web.loopback or (web.certificate and not web.behind_proxy):
        return
    raise HttpsNeeded(
        f'[web] address "{web.address}" can be reached from elsewhere, and pages would travel unencrypted: '
        "set certificate and key, or an address of this machine alone and behind_proxy = true behind a proxy on it"
    )


def protect(app: Flask, web: Web) -> None:
    """Put limits, headers and the rule about https around the application. Raises: HttpsNeeded."""
    require_https(web)
    secure = bool(web.certificate or web.behind_proxy)
    app.config.update(
        SESSION_COOKIE_SECURE=secure,
        MAX_CONTENT_LENGTH=LARGEST_FORM_BYTES,
        MAX_FORM_MEMORY_SIZE=LARGEST_FORM_BYTES,
        MAX_FORM_PARTS=MOST_FORM_PARTS,
        # On loopback a page elsewhere could point a name of its own at us (DNS rebinding): only our names are answered.
        TRUSTED_HOSTS=_LOOPBACK_NAMES if web.loopback and not secure else None,
    )
    app.before_request(_refuse_nul)
    if web.behind_proxy:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]
        app.before_request(_refuse_plain)

    @app.after_request
    def headers(response: Response) -> Response:
        return _with_headers(response, secure)


def fixed_headers(web: Web) -> tuple[tuple[str, str], ...]:
    """What every answer carries that says nothing of these headers itself, for what is answered before Flask."""
    secure = bool(web.certificate or web.behind_proxy)
    always = (("Cache-Control", "no-store"), ("Vary", "Cookie"))
    return (*HEADERS.items(), *((_HSTS,) if secure else ()), *always)


def _refuse_nul() -> None:
    """No name of ours has a NUL, and PostgreSQL takes none as text."""
    if "\0" in request.path:
        raise NotHere("there is nothing under this address", "begin at the overview")


def _refuse_plain() -> None:
    if not request.is_secure:
        raise PlainRefused("this request came without https", "use the https address of the proxy in front of this")


def _with_headers(response: Response, secure: bool) -> Response:
    for name, value in HEADERS.items():
        response.headers[name] = value
    if secure:
        response.headers.set(*_HSTS)
    response.headers.setdefault("Cache-Control", "no-store")
    response.vary.add("Cookie")
    return response
