"""A product with FastAPI: a request that fails, with the secret in its address, query, body, headers and cookie."""

import asyncio
import contextlib
import json
from urllib.parse import quote

import shop
import telling
from fastapi import FastAPI, Request
from sentry_sdk.integrations.fastapi import FastApiIntegration
from sentry_sdk.integrations.starlette import StarletteIntegration

telling.begin(StarletteIntegration(), FastApiIntegration())
app = FastAPI()


@app.post("/buy/{name}")
async def buy(name: str, request: Request) -> None:
    telling.surround()
    assert (await request.json())["name"] == name
    shop.sell(name)


async def ask(body: bytes) -> int:
    """Send one request as a server would, without a network; return the status."""
    sent: list[dict[str, object]] = []
    head = {"content-type": "application/json", "authorization": f"Bearer {telling.SECRET}", "cookie": telling.SECRET}

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": f"/buy/{telling.SECRET}",
        "raw_path": quote(f"/buy/{telling.SECRET}").encode(),
        "query_string": quote(f"card={telling.SECRET}").encode(),
        "headers": [(key.encode(), value.encode()) for key, value in head.items()],
        "client": ("203.0.113.77", 1),
        "server": ("127.0.0.1", 80),
        "scheme": "http",
    }
    with contextlib.suppress(LookupError):  # raised again, for the server to log
        await app(scope, receive, send)
    return int(str(sent[0]["status"]))


assert asyncio.run(ask(json.dumps({"name": telling.SECRET}).encode())) == 500
telling.end()
