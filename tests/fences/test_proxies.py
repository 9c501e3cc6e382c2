"""nginx and Caddy before the real pages, configured by `diffgram-home fence`: they serve, and log no address."""

from __future__ import annotations

import os
import re
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from tests.door.places import found
from tests.install.places import ROOT, free_ports, until
from tests.whole.hosts import CABLE

ADDRESS = re.compile(r"127\.0\.0\.1|::1|\b\d{1,3}(\.\d{1,3}){3}\b|forwarded|user.agent", re.IGNORECASE)
NGINX = "daemon off; master_process off; pid {folder}/pid; error_log {folder}/start.log warn; events {{ }}\n"
NGINX_HTTP = "http {{ {paths} include {folder}/site.conf; }}\n"
PATHS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


@dataclass(frozen=True)
class Site:
    """The pages behind a proxy to be, and what the proxy needs."""

    folder: Path
    config: Path
    port: int
    pages_port: int
    authority: Path

    @property
    def log(self) -> Path:
        """The proxy's access log."""
        return self.folder / "access.log"

    def fence(self, kind: str) -> str:
        """The proxy's configuration."""
        files = {"certificate": self.folder / "site.crt", "key": self.folder / "site.key", "log": self.log}
        options = [part for name, file in files.items() for part in (f"--{name}", str(file))]
        program = [sys.executable, "-m", "diffgram_home.cli", "--config", str(self.config), "fence", kind, *options]
        command = [*program, "--port", str(self.port)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def ask(self, path: str) -> tuple[int, str]:
        """Status and address in the end of a request through the proxy."""
        trust = ssl.create_default_context(cafile=str(self.authority))
        request = urllib.request.Request(f"https://localhost:{self.port}{path}", headers={"X-Forwarded-For": CABLE[0]})
        try:
            with urllib.request.urlopen(request, context=trust, timeout=30) as answer:  # noqa: S310 - our own address
                return answer.status, answer.url
        except urllib.error.HTTPError as error:
            return error.code, path
        except OSError:
            return 0, path


@contextmanager
def running(command: list[str], folder: Path, **environ: str) -> Iterator[None]:
    """A program until the block ends; what it says goes to `said` in the folder."""
    with (folder / "said").open("ab") as said:
        process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environ}, stdout=said, stderr=said)
        try:
            yield
        finally:
            process.terminate()
            process.wait(60)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The real pages, without the scheduler."""
    folder = tmp_path_factory.mktemp("proxies")
    port, pages_port = free_ports(2)
    place = found(folder / "home", "https://127.0.0.1:9", "sha256:" + "0" * 64)
    place.home.close()
    place.config.write_text(place.config.read_text() + f"[web]\nport = {pages_port}\nbehind_proxy = true\n")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    issued = authority.issue_cert("localhost")
    issued.private_key_pem.write_to_path(str(folder / "site.key"))
    issued.cert_chain_pems[0].write_to_path(str(folder / "site.crt"))
    made = Site(folder, place.config, port, pages_port, folder / "authority.pem")
    run = [sys.executable, "-m", "diffgram_home.cli", "--config", str(place.config), "run", "--only", "pages"]
    with running(run, folder):
        until(lambda: "pages on" in (folder / "said").read_text(), 90, "the pages")
        yield made


def use(site: Site) -> None:
    """Be asked for what is there and what is not, and log it."""
    until(lambda: site.ask("/sign-in")[0] == 200, 30, "an answer through the proxy")
    status, url = site.ask("/")
    assert (status, url.split("?")[0]) == (200, f"https://localhost:{site.port}/sign-in")
    assert site.ask("/no-such-page")[0] in (403, 404)
    until(lambda: site.log.exists() and site.log.read_text().count("\n") >= 3, 10, "the log")


def with_nginx(site: Site, text: str) -> list[str]:
    """Check nginx's configuration, and return the command to run it."""
    paths = " ".join(f"{name}_temp_path {site.folder}/{name};" for name in PATHS)
    (site.folder / "site.conf").write_text(text)
    whole = NGINX.format(folder=site.folder) + NGINX_HTTP.format(folder=site.folder, paths=paths)
    (site.folder / "nginx.conf").write_text(whole)
    command = ["nginx", "-p", str(site.folder), "-e", f"{site.folder}/start.log", "-c", f"{site.folder}/nginx.conf"]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    return command


def test_nginx_serves_the_pages_and_logs_no_address(site: Site) -> None:
    site.log.unlink(missing_ok=True)
    with running(with_nginx(site, site.fence("nginx")), site.folder):
        use(site)
    lines = site.log.read_text().splitlines()
    assert all(re.fullmatch(r"\S+ GET [0-9]{3} [0-9]+ [0-9.]+", line) for line in lines), lines
    assert not ADDRESS.search((site.folder / "start.log").read_text())
    assert not ADDRESS.search(site.log.read_text())


def test_nginxs_usual_log_would_hold_addresses(site: Site) -> None:
    """The control: the same configuration with nginx's usual format is caught by the same look."""
    site.log.unlink(missing_ok=True)
    with running(with_nginx(site, site.fence("nginx").replace("access.log diffgram_home", "access.log")), site.folder):
        use(site)
    assert ADDRESS.search(site.log.read_text())


def test_caddy_serves_the_pages_and_logs_no_address(site: Site) -> None:
    site.log.unlink(missing_ok=True)
    file = site.folder / "Caddyfile"
    environ = {"HOME": str(site.folder), "XDG_DATA_HOME": str(site.folder), "XDG_CONFIG_HOME": str(site.folder)}
    before = len((site.folder / "said").read_bytes())
    file.write_text(site.fence("caddy"))
    options = ["--config", str(file), "--adapter", "caddyfile"]
    command = ["caddy", "validate", *options]
    checked = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environ})
    assert checked.returncode == 0, checked.stderr
    with running(["caddy", "run", *options], site.folder, **environ):
        use(site)
        file.unlink()
    assert "status" in site.log.read_text()
    assert not ADDRESS.search(site.log.read_text()), site.log.read_text()
    assert "remote" not in (site.folder / "said").read_bytes()[before:].decode()
