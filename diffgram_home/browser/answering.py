"""How a way in for pages reads its request and answers it: statuses, the body within its limit, and waiting."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from flask import Response, g, request
from werkzeug.exceptions import RequestEntityTooLarge

from diffgram_home.browser import limiting, origins
from diffgram_home.sessions import here
from event.ways import Way

STATUS: Final[Mapping[str, int]] = {
    "origin": 403,
    "project": 404,
    "form": 400,
    "size": 413,
    "encoding": 415,
    "rate": 429,
}
"""The word under which a request is refused as a whole → the status that tells so."""


def body(most_bytes: int) -> bytes | None:
    """The body, or None where it is too large."""
    request.max_content_length = most_bytes
    try:
        return request.get_data(cache=False)
    except RequestEntityTooLarge:
        return None


def has_to_wait(limit_name: str) -> bool:
    """Whether too many came just now; each way in has a limit of its own, by its name."""
    limit: limiting.Limit = here().cache.setdefault(limit_name, limiting.Limit())
    g.wait_s = limit.wait_s(time.monotonic())
    return bool(g.wait_s)


def no(way: Way, kind: str, word: str) -> Response:
    """Count what is refused by `word`, and tell so; to a page of an origin that may not ask, as little as can be."""
    way.refuse(kind, word)
    answer = Response("", status=STATUS[word])
    if word == "rate":
        answer.headers["Retry-After"] = str(g.wait_s)
    return answer if word in ("origin", "project") else opened(answer)


def opened(answer: Response) -> Response:
    """Let the page see the answer; its origin, where the browser names one, was found to be allowed."""
    origin = request.headers.get("Origin", "")
    return origins.opened(answer, origin) if origin and origin != "null" else answer
