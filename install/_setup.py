"""The steps of `install/run` that make an installation: what each needs, and how it is seen to be done already.

What it leaves to others: environments (`_environment.py`), starting and stopping (`_run.py`). All that is made is made
by the ordinary commands of `diffgram-home` and `diffgram-corporate`, as an administrator would by hand.

Rules: standard library only. A step is done when what it makes is there; it is marked in `<data>/steps` where nothing
else shows it. A password is written to a 0600 file before its account is made, so that no cut loses it; the file goes
away once a terminal has shown it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from _files import replace, set_port, write_private, write_whole
from _locks import ROOT
from _say import Stop, step

PRODUCT = ROOT / "examples/annotator"
CATALOGUE = PRODUCT / "annotator/outbound_fields.toml"
INDEX = PRODUCT / "annotator/index.json"
REPORTERS = PRODUCT / "annotator/reporters.json"
RELEASE = (CATALOGUE, INDEX, ROOT / "audit/outbound_fields.toml")
"""What a batch's catalogue and index are made of: the product's files, and the core's, which an update changes too."""
SIGNATURE = "release.json"
"""Corporate's signature over the product's files, which a vendor would ship with them; in the data folder."""
VENDOR = "Example Vendor"
ACCOUNT = "administrator"


@dataclass(frozen=True)
class Places:
    """Where everything of one run lies, and its options."""

    options: argparse.Namespace
    data: Path
    environment: Path
    product_environment: Path

    @property
    def logs(self) -> Path:
        """Return the folder of the programs' output."""
        return self.data / "logs"

    @property
    def home_settings(self) -> Path:
        """Return the settings file of the installation."""
        return self.data / "home/diffgram-home.toml"

    @property
    def corporate_settings(self) -> Path:
        """Return the settings file of corporate."""
        return self.data / "corporate/corporate.toml"

    @property
    def spool(self) -> Path:
        """Return the folder where the annotator leaves what happened and the installation takes it."""
        return self.data / "home/data/spool"

    def home_command(self, *arguments: str | Path) -> list[str]:
        """Return a command line of diffgram-home for this installation."""
        return _command(self.environment / "bin/diffgram-home", self.home_settings, arguments)

    def corporate_command(self, *arguments: str | Path) -> list[str]:
        """Return a command line of diffgram-corporate for this corporate server."""
        return _command(self.environment / "bin/diffgram-corporate", self.corporate_settings, arguments)

    def annotator_command(self, host: str) -> list[str]:
        """Return the command line that serves the annotator."""
        address = f"{host}:{self.options.annotator_port}"
        flags = ["--workers=2", "--threads=4", "--no-control-socket", f"--pythonpath={PRODUCT}", f"--bind={address}"]
        return [str(self.product_environment / "bin/gunicorn"), *flags, "annotator.app:create_app()"]

    def annotator_environ(self) -> dict[str, str]:
        """Return the environment of the annotator: where its data lies, and where the spool is."""
        tells = f"http://127.0.0.1:{self.options.port}/browser/annotator/"
        here = {"ANNOTATOR_DATA": str(self.data / "annotator"), "ANNOTATOR_SPOOL": str(self.spool)}
        return {**os.environ, **here, "ANNOTATOR_TELLS": tells}


def make_places(options: argparse.Namespace, environment: Path, product_environment: Path) -> Places:
    """Make the data folder, readable by its owner only, and return where everything lies."""
    places = Places(options, options.data, environment, product_environment)
    try:
        places.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (places.logs, places.data / "steps"):
            folder.mkdir(exist_ok=True)
    except OSError as refused:
        raise Stop(
            f"the data folder {str(places.data)!r} cannot be made: {refused.strerror}",
            "choose a folder that this user may write, with --data FOLDER",
        ) from refused
    return places


def make_corporate(places: Places) -> None:
    """Make corporate's settings, keys, database and administrator."""
    step("corporate: settings, keys, database and an administrator")
    settings, options = places.corporate_settings, places.options
    if not settings.exists():
        folder = settings.parent
        shutil.rmtree(folder, ignore_errors=True)  # of a set-up that was cut off; nobody can have used it yet
        folder.mkdir()
        ports = ["--pages-port", str(options.corporate_port), "--wire-port", str(options.wire_port)]
        first = ["--account", ACCOUNT, "--password-file", str(_password_file(places, "corporate"))]
        _said(places.corporate_command("init", "--name", VENDOR, "--folder", folder / "data", *ports, *first))
    set_port(settings, "pages", options.corporate_port)
    set_port(settings, "wire", options.wire_port)


def give_release(places: Places) -> None:
    """Hand the running corporate server the release, which it signs; its start upgraded its database."""
    signature = places.data / SIGNATURE
    if _is_new(places, "release", *RELEASE) or not signature.exists():
        shipped = ["--catalogue", CATALOGUE, "--index", INDEX]
        _said(places.corporate_command("release", "add", *shipped, "--signature", signature))
        _mark(places, "release", *RELEASE)
    named = f"[product]\nsignature = {json.dumps(str(signature))}\n"
    replace(places.home_settings, r"(?m)^(?=\[\[product\.catalogue\]\])", named)


def make_home(places: Places) -> None:
    """Make the installation's settings, keys, database and administrator."""
    _make_installation(places)
    _make_administrator(places)


def enrol(places: Places) -> None:
    """Make the installation known to the running corporate server, with a single-use token, once."""
    if (places.data / "home/data/keys/certificate.pem").exists():
        return
    step("enrolling the installation at corporate with a single-use token")
    token = places.data / "enrolment-token"
    if not token.exists():
        write_private(token, _said(places.corporate_command("enrolment-token", "--customer", _name())))
    _said(places.home_command("enrol", "--token-file", token))
    token.unlink()


def say_what_next(places: Places) -> None:
    """Print the addresses, the passwords that were not shown yet, and what to do."""
    options = places.options
    shown = sys.stdout.isatty()
    print(
        f"""
  Installation   http://127.0.0.1:{options.port}/   {_password(places, "home", shown)}
  Corporate      http://127.0.0.1:{options.corporate_port}/   {_password(places, "corporate", shown)}
  Annotator      http://127.0.0.1:{options.annotator_port}/   the product whose events the installation governs

  What to do next:
  1. At the installation, read under "Fields" what may ever leave, and approve it.
  2. Under "Cases", turn "event" on.
  3. In the annotator, create a project, upload, annotate, export: then see "Pending" and "Sent".

  The same from a terminal: {places.environment}/bin/diffgram-home --config {places.home_settings} --help
  Logs: {places.logs}. Ctrl-C stops everything; run this again to start it again.
""",
        flush=True,
    )


def _make_installation(places: Places) -> None:
    step("installation: settings, keys and database")
    settings, options = places.home_settings, places.options
    url = f"https://127.0.0.1:{options.wire_port}"
    if not settings.exists():
        corporate = ["--corporate-url", url, "--root", _root(places)]
        product = ["--product-catalogue", CATALOGUE, "--product-index", INDEX]
        _said(places.home_command("init", "--name", _name(), "--port", str(options.port), *corporate, *product))
        _let_pages_tell(places)
        _let_reports_count(places)
        return
    set_port(settings, "web", options.port)
    replace(settings, r'(?m)^url = "https://127\.0\.0\.1:\d+"$', f'url = "{url}"')
    replace(settings, r"(?m)^\[product\]\nsignature = .*\n", "")  # `give_release` names it
    _pin_again(settings, (CATALOGUE, INDEX, REPORTERS))
    _let_pages_tell(places)
    _let_reports_count(places)
    _said(places.home_command("init"))


def _let_pages_tell(places: Places) -> None:
    """Let the annotator's pages, which are of another port and so of another origin, tell the installation."""
    origin = f"http://127.0.0.1:{places.options.annotator_port}"
    text = places.home_settings.read_text(encoding="utf-8")
    if not re.search(r"(?m)^\[browser\]", text):
        text += f'\n[browser]\nprojects = ["annotator"]\norigins = ["{origin}"]\n'
    write_whole(places.home_settings, re.sub(r"http://127\.0\.0\.1:\d+(?=\"\]\n)", origin, text))


def _let_reports_count(places: Places) -> None:
    """Name the annotator's reporters and its database; nothing is counted before the case `support` is on."""
    text = places.home_settings.read_text(encoding="utf-8")
    if re.search(r"(?m)^\[reports\]", text):
        return
    pinned = hashlib.sha256(REPORTERS.read_bytes()).hexdigest()
    url = f"sqlite:///{(places.data / 'annotator/annotator.db').absolute()}"
    text += f'\n[reports]\nreporters = {{ file = {json.dumps(str(REPORTERS))}, sha256 = "{pinned}" }}\n'
    write_whole(places.home_settings, text + f"url = {json.dumps(url)}\n")


def _make_administrator(places: Places) -> None:
    """Make the installation's first account, with the roles to change settings and to approve fields."""
    if not _is_new(places, "administrator"):
        return
    step("installation: an administrator")
    accounts = json.loads(_said(places.home_command("account", "list", "--json")))
    if ACCOUNT not in {account["name"] for account in accounts}:
        roles = ["--role", "admin", "--role", "security"]
        file = _password_file(places, "home")
        _said(places.home_command("account", "add", ACCOUNT, *roles, "--password-file", file))
    _mark(places, "administrator")


def _root(places: Places) -> str:
    """Return the fingerprint of corporate's root, which its vendor would hand over out of band."""
    program = "import sys, pathlib; from corporate import manifest; "
    program += "print(manifest.root_fingerprint(pathlib.Path(sys.argv[1])))"
    folder = places.corporate_settings.parent / "data"
    return _said([str(places.environment / "bin/python"), "-P", "-c", program, str(folder)]).strip()


def _password_file(places: Places, whose: str) -> Path:
    """Return a 0600 file with a password that is made before the account, so that no cut loses it."""
    file = places.data / f"{whose}-password"
    if not file.exists():
        write_private(file, secrets.token_urlsafe(15) + "\n")
    return file


def _password(places: Places, whose: str, shown: bool) -> str:
    file = places.data / f"{whose}-password"
    if not file.exists():
        return f"sign in as {ACCOUNT} with the password of the first start; for a new one: {_renewal(places, whose)}"
    if not shown:
        return f"sign in as {ACCOUNT}; read the password in {file}, then delete that file"
    password = file.read_text(encoding="ascii").strip()
    file.unlink()
    return f"sign in as {ACCOUNT} with the password {password} (shown this once)"


def _renewal(places: Places, whose: str) -> str:
    command = places.home_command if whose == "home" else places.corporate_command
    return shlex.join(command("account", "password", ACCOUNT))


def _pin_again(settings: Path, files: Iterable[Path]) -> None:
    """After an update of the product: pin its new files, and say so. Consent is per field, so none is widened."""
    text = settings.read_text(encoding="utf-8")
    for file in files:
        now = hashlib.sha256(file.read_bytes()).hexdigest()
        pinned = re.search(re.escape(str(file)) + r'"[^}\n]*?\n?[^}\n]*?([0-9a-f]{64})', text)
        if pinned and pinned[1] != now:
            step(f"the product's {file.name} changed: pinning the new one")
            text = text.replace(pinned[1], now)
    write_whole(settings, text)


def _is_new(places: Places, name: str, *files: Path) -> bool:
    mark = places.data / "steps" / name
    return not mark.exists() or mark.read_text(encoding="ascii") != _hash(files)


def _mark(places: Places, name: str, *files: Path) -> None:
    (places.data / "steps" / name).write_text(_hash(files), encoding="ascii")


def _hash(files: Iterable[Path]) -> str:
    return "".join(hashlib.sha256(file.read_bytes()).hexdigest() + "\n" for file in files)


def _name() -> str:
    """Return a name for the installation: this machine's, in the letters that a name may have."""
    return re.sub(r"[^a-z0-9-]+", "-", socket.gethostname().lower()).strip("-") or "installation"


def _command(program: Path, settings: Path, arguments: Iterable[str | Path]) -> list[str]:
    return [str(program), "--config", str(settings), *map(str, arguments)]


def _said(command: list[str]) -> str:
    """Run a command to its end and return what it printed; raise Stop with its words when it fails."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd="/")
    if done.returncode:
        words = (done.stderr or done.stdout).strip().replace("\n", "\n    ")
        shown = " ".join(command[:1] + command[3:5])
        raise Stop(
            f"{shown} failed (exit status {done.returncode}):\n    {words}", "do what it says, then run this again"
        )
    return done.stdout
