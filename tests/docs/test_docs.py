"""Documentation is tested: every setting, command, field and route stands there, and what is generated is not stale."""

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from audit import catalogue
from corporate.cli import main as corporate_main
from diffgram_home import settings
from diffgram_home.cli import main as home_main
from diffgram_home.cli.exits import table
from diffgram_home.errors import SettingsFaults
from diffgram_home.pages import PAGES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SECTIONS = (
    *("web", "browser", "database", "ledger", "corporate", "product", "spool", "sending", "keep", "mail"),
    *("reports", "oidc", "cases", "policy", "approval", "support"),
)
CORPORATE = ("--program", "corporate.cli:main", "--name", "diffgram-corporate", "--file", "docs/corporate_commands.md")
GENERATED = {
    "commands": ("diffgram_home.cli.document",),
    "corporate_commands": ("diffgram_home.cli.document", *CORPORATE),
    "corporate_api": ("corporate.cli.api",),
    "routes": ("diffgram_home.cli.routes",),
}


def _run(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("page", GENERATED)
def test_a_generated_page_is_what_the_program_says(page: str):
    module, *arguments = GENERATED[page]
    done = _run(module, "--check", *arguments)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", GENERATED)
def test_a_stale_page_fails_the_check_and_says_how_to_renew_it(page: str, tmp_path: Path):
    module, *arguments = GENERATED[page]
    stale = tmp_path / "page.md"
    stale.write_text((DOCS / f"{page}.md").read_text().replace("the", "a", 1))
    done = _run(module, "--check", *arguments, "--file", str(stale))
    assert done.returncode == 1
    assert "--write" in done.stderr


def _known(section: str) -> set[str]:
    """The keys of a section, from what the reader says about an unknown one."""
    text = f"[{section}]\nno_such_key = 1\n" if section else "no_such_key = 1\n"
    with pytest.raises(SettingsFaults) as refused:
        settings.parse(text, Path("/nowhere/diffgram-home.toml"), {})
    dotted = f"{section}.no_such_key" if section else "no_such_key"
    (fault,) = [f for f in refused.value.faults if f.code == "setting-unknown" and f.key == dotted]
    return set(fault.hint.partition("known: ")[2].split(", "))


def _documented() -> set[str]:
    return set(re.findall(r"^\| `([a-z_.]+)` \|", (DOCS / "settings.md").read_text(), re.MULTILINE))


def test_every_setting_stands_in_the_docs_and_no_other():
    assert _known("") == {"name", "folder", "kinds", "fields", "transforms", *SECTIONS}
    keys = {f"{section}.{key}" for section in SECTIONS for key in _known(section)}
    assert _documented() == keys | {"name", "folder"}
    for section in ("kinds", "fields", "transforms"):
        assert f"## `[{section}]`" in (DOCS / "settings.md").read_text()


def test_every_default_stands_in_the_docs_as_it_is():
    required = '[corporate]\nurl = "https://dc.example"\nroot = "sha256:' + "0" * 64 + '"\n'
    read = settings.parse('name = "x"\n' + required, Path("/nowhere/diffgram-home.toml"), {})
    rows = dict(re.findall(r"^\| `([a-z_.]+)` \| (.*?) \|", (DOCS / "settings.md").read_text(), re.MULTILINE))
    checked = 0
    for key, shown in rows.items():
        section, _, name = key.rpartition(".")
        value = read.cases[name] if section == "cases" else getattr(getattr(read, section, read), name, None)
        if isinstance(value, str | int | bool) and shown.startswith("`") and "<" not in shown:
            written = {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
            assert shown.strip("`").strip('"') == written, key
            checked += 1
    assert checked >= 15


def test_every_secret_stands_in_the_docs():
    text = (DOCS / "settings.md").read_text()
    assert [name for name in settings.SECRETS if f"`{name}`" not in text] == []


def _commands(group: click.Group, path: str) -> list[str]:
    found = []
    for name, command in group.commands.items():
        found.append(f"{path} {name}")
        if isinstance(command, click.Group):
            found += _commands(command, f"{path} {name}")
    return found


@pytest.mark.parametrize(
    ("program", "name", "page"),
    [(home_main, "diffgram-home", "commands"), (corporate_main, "diffgram-corporate", "corporate_commands")],
)
def test_every_command_stands_in_the_docs_and_has_help(program: click.Group, name: str, page: str):
    headings = set(re.findall(r"^#+ (.*)$", (DOCS / f"{page}.md").read_text(), re.MULTILINE))
    expected = _commands(program, name)
    assert len(expected) > 5
    assert [command for command in expected if command not in headings] == []
    contents = (DOCS / f"{page}.md").read_text()
    for command in expected:
        prose = contents.partition(f" {command}\n")[2].partition("```\n\n")[2].partition("\n")[0]
        assert prose[:1].isupper(), f"{command} has no help"


def test_every_exit_code_stands_in_the_docs():
    text = (DOCS / "commands.md").read_text()
    assert [code for code, meaning in table() if f"{code:>5}  {meaning}" not in text] == []


def test_every_field_stands_in_the_docs():
    text = (DOCS / "outbound_fields.md").read_text()
    names = [name.removeprefix("home.") for name in catalogue.read().fields]
    assert len(names) > 20
    assert [name for name in names if name not in text] == []


def test_every_route_stands_in_the_docs_with_who_may_use_it():
    rows = re.findall(
        r"^\| `(.*?)` \| ([A-Z, ]+) \| (.+?) \| (.+?) \|$", (DOCS / "routes.md").read_text(), re.MULTILINE
    )
    assert len(rows) >= len(PAGES)
    assert {"anybody", "security"} <= {who for _, _, who, _ in rows}
    open_to_all = {route for route, _, who, _ in rows if who == "anybody"}
    assert open_to_all == {"/sign-in", "/oidc/start", "/oidc/back", "/static/<name>", "/favicon.ico"}


def test_every_address_of_corporate_stands_in_the_docs():
    text = (DOCS / "corporate_api.md").read_text()
    headings = set(re.findall(r"^### `([A-Z]+ /\S+)`$", text, re.MULTILINE))
    assert headings == {
        "GET /v1/catalogues/{first}",
        "GET /v1/manifest",
        "POST /v1/enrolment",
        "POST /v1/batches",
        "POST /v1/deletions",
        "POST /api/v1/session",
        "DELETE /api/v1/session",
        "GET /api/v1/issues",
        "GET /api/v1/issues/{number}",
        "PUT /api/v1/issues/{number}/state",
        "PUT /api/v1/issues/{number}/assigned",
        "POST /api/v1/issues/{number}/comments",
    }
    rows = dict(re.findall(r"^\| `(/.*?)` \| [A-Z, ]+ \| (.+?) \| .+? \|$", text, re.MULTILINE))
    assert len(rows) >= 10
    assert {route for route, who in rows.items() if who == "anybody"} == {"/sign-in", "/static/<path:filename>"}


LINK = re.compile(r"\[[^\]]*\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)")


def test_no_link_between_our_pages_is_broken():
    pages = [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]
    assert len(pages) > 5
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in LINK.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []
