"""An identity provider that runs: `python -m tests.identity.provider FOLDER`, a process of its own, over HTTPS.

It holds the client to the rules (secret, redirect address, PKCE S256, codes of one use), says that its person
authenticated an hour ago unless it is to ask again, and misbehaves on request: `knobs.json` in the folder is read at
each request. What it was asked stands in `seen.jsonl`. It prints its port. Knobs:

- `person`: subject, name, groups, email; `claims` and `without` change the ID token afterwards.
- `alg`: `none`, or `HS256` with the client's secret; `key`: by which of its keys it signs, `kid` what it calls it;
  `published`: which keys it publishes.
- `again`: the ID token of the sign-in before; `forget_login`: it does not ask again, whatever `prompt` says.
- `discovery`: replaces members of the discovery document; `fails`: answers 500 at these places; `declines`: an error.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import ssl
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, jsonify, redirect, request
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from werkzeug.serving import make_server

CLIENT, SECRET = "diffgram-home", "a secret of the client's"
app = Flask(__name__)
app.config["folder"] = Path()
KEYS = [RSAKey.generate_key(2048, {"kid": f"key-{number}"}) for number in range(2)]
codes: dict[str, dict[str, Any]] = {}
state = {"token": ""}


def knobs() -> dict[str, Any]:
    """What the test wants just now."""
    found: dict[str, Any] = json.loads((app.config["folder"] / "knobs.json").read_text())
    return found


@app.before_request
def see() -> Response | None:
    """Write down what was asked; fail where that is wanted."""
    seen = {
        "path": request.path,
        "query": dict(request.args),
        "form": dict(request.form),
        "headers": dict(request.headers),
    }
    with (app.config["folder"] / "seen.jsonl").open("a") as file:
        file.write(json.dumps(seen) + "\n")
    return Response("no", 500) if request.path in knobs().get("fails", ()) else None


@app.get("/.well-known/openid-configuration")
def discovery() -> Response:
    """The addresses."""
    own = request.host_url.rstrip("/")
    found = {
        "issuer": own,
        "authorization_endpoint": f"{own}/authorize",
        "token_endpoint": f"{own}/token",
        "jwks_uri": f"{own}/keys",
        "end_session_endpoint": f"{own}/end",
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
    }
    return jsonify({**found, **knobs().get("discovery", {})})


@app.get("/keys")
def keys() -> Response:
    """The public keys."""
    return jsonify({"keys": [KEYS[number].as_dict(private=False) for number in knobs().get("published", [0])]})


@app.get("/authorize")
def authorize() -> Response:
    """The person is known here; asked to authenticate again, they do it at once."""
    asked = request.args
    back = asked["redirect_uri"]
    if knobs().get("declines"):
        return redirect(f"{back}?{urlencode({'error': 'access_denied', 'state': asked['state']})}")  # type: ignore[return-value]
    again = asked.get("prompt") == "login" and not knobs().get("forget_login")
    code = secrets.token_urlsafe(16)
    codes[code] = {**asked, "auth_time": int(time.time()) - (0 if again else 3600)}
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    return redirect(f"{back}?{urlencode({'code': code, 'state': asked['state'], 'iss': own()})}")  # type: ignore[return-value]


@app.post("/token")
def token() -> tuple[Response, int] | Response:
    """Redeem a code, once, for whoever made it."""
    form = request.form
    basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
    if not hmac.compare_digest(request.headers.get("Authorization", ""), f"Basic {basic}"):
        return jsonify({"error": "invalid_client"}), 401
    asked = codes.pop(form.get("code", ""), None)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=")
    if asked is None or asked["redirect_uri"] != form["redirect_uri"] or asked["code_challenge"] != challenge.decode():
        return jsonify({"error": "invalid_grant"}), 400
    access = secrets.token_urlsafe(16)
    made = state["token"] if knobs().get("again") else _id_token(asked, access)
    state["token"] = made
    return jsonify({"access_token": access, "token_type": "Bearer", "expires_in": 60, "id_token": made})


@app.get("/end")
def end() -> str:
    """The end of the session here."""
    return "signed out at the provider"


def own() -> str:
    """The issuer."""
    return request.host_url.rstrip("/")


def _id_token(asked: dict[str, Any], access: str) -> str:
    wanted, now = knobs(), int(time.time())
    half = hashlib.sha256(access.encode()).digest()[:16]
    claims = {
        "iss": own(),
        "aud": asked["client_id"],
        "iat": now,
        "exp": now + 300,
        "nonce": asked.get("nonce"),
        "auth_time": asked["auth_time"],
        "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode(),
        **wanted["person"],
        **{
            key: (now + value["now"] if isinstance(value, dict) else value)
            for key, value in wanted.get("claims", {}).items()
        },
    }
    claims = {key: value for key, value in claims.items() if key not in wanted.get("without", ())}
    alg = wanted.get("alg", "RS256")
    if alg == "none":
        parts = (json.dumps({"alg": "none"}), json.dumps(claims))
        return ".".join(base64.urlsafe_b64encode(p.encode()).rstrip(b"=").decode() for p in parts) + "."
    key = KEYS[wanted.get("key", 0)]
    if alg == "HS256":
        return jwt.encode({"alg": alg}, claims, OctKey.import_key(SECRET), algorithms=[alg])
    return jwt.encode({"alg": alg, "kid": wanted.get("kid", key.kid)}, claims, key)


def _moment(value: Any, now: int) -> Any:
    """`{"now": -61}` is 61 seconds ago."""
    return now + value["now"] if isinstance(value, dict) else value


def main(folder: Path) -> None:
    """Serve until the process is ended."""
    app.config["folder"] = folder
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    server = make_server("127.0.0.1", 0, app, threaded=True, ssl_context=context)
    sys.stdout.write(f"{server.port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
