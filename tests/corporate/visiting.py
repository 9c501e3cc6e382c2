"""A visitor of corporate's pages."""

import re
from http.cookies import SimpleCookie
from urllib.parse import urlencode

import urllib3

from tests.corporate.running import PASSWORD, Server


class Visitor:
    """A browser without a screen: keeps its cookie, and sends the token of the last form."""

    def __init__(self, server: Server) -> None:
        self.url = server.pages
        self.http = urllib3.PoolManager(retries=False)
        self.cookie = ""
        self.form = ""

    def ask(
        self, method: str, path: str, fields: dict[str, str] | None = None, **headers: str
    ) -> urllib3.BaseHTTPResponse:
        """Send a request; a POST carries the form's token unless `fields` says otherwise."""
        sent = {"Cookie": f"corporate={self.cookie}", **headers}
        body = None
        if method == "POST":
            body = urlencode({"form": self.form, **(fields or {})})
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        answer = self.http.request(method, self.url + path, body=body, headers=sent, redirect=False)
        cookies = SimpleCookie(answer.headers.get("Set-Cookie", ""))
        self.cookie = cookies["corporate"].value if "corporate" in cookies else self.cookie
        token = re.search(rb'name="form" value="([0-9a-f]{64})"', answer.data)
        self.form = token[1].decode() if token else self.form
        return answer

    def sign_in(self, name: str = "administrator", password: str = PASSWORD) -> int:
        """Sign in; the status."""
        self.ask("GET", "/sign-in")
        status = self.ask("POST", "/sign-in", {"name": name, "password": password}).status
        self.ask("GET", "/")
        return status
