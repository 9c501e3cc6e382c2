"""From where pages may tell something: this installation's own origin (behind a proxy), and those of the settings."""

from __future__ import annotations

from collections.abc import Collection

from flask import Response


def allowed(listed: Collection[str], origin: str, own: str) -> bool:
    """Whether a page of `origin` may tell: it is one of `listed`, or `own`, where the request itself went to."""
    return bool(origin) and (origin in listed or origin == own.rstrip("/"))


def opened(response: Response, origin: str) -> Response:
    """Let a page of `origin`, which is allowed, see the status, and for how long it has to wait."""
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Expose-Headers"] = "Retry-After"
    response.vary.add("Origin")
    return response
