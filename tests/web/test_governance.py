"""Every governance action works by keyboard, without JavaScript, and by command, and is in the history with its actor.

Issue 3, "It is done when". The list of actions is held against the application's own routes and the program's own
commands, so that neither gets one that the other lacks.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest
from flask import Flask
from playwright.sync_api import Browser

from diffgram_home import models, people, permissions, reading
from diffgram_home.cli import main
from diffgram_home.home import Home
from diffgram_home.pages import PAGES
from tests.browser import open_tab
from tests.cli.conftest import Shell
from tests.door.by_hand import island, product, vendor
from tests.web.governing import ACTIONS, NO_DECISION, Scene
from tests.web.keyboard import Keyboard
from tests.web.world import World, make_accounts, serving

AT_THE_TERMINAL = {
    ("init",): "makes the installation: there is no page yet",
    ("enrol",): "hands over a secret token and keys; the pages never reach the network",
    ("identity", "renew"): "makes another installation of this machine",
    ("run",): "starts the pages",
    ("send",): "does at once what the scheduler does; the pages never reach the network",
    ("new",): "is what a product does",
    ("account", "add"): "makes who may use the pages",
    ("account", "roles"): "makes who may do what on the pages",
    ("account", "remove"): "ends somebody's use of the pages",
    ("report",): "counts at once what the scheduler counts; the pages never reach the product's database",
    ("mail", "test"): "sends a letter at once; the pages never reach the network",
}
"""Commands that change something and have no page, and why."""
SAME_PAGE = {("on",), ("off",), ("offline",)}
"""Other positions of a switch that is in the list."""
LOOKING = """
account list, browser headers, browser tag, bundle, carry list, cases, check, consistency, coverage, deletions, diff,
dsn list, egress, explain, export, fence, fields, history, identity show, incidents, issues, mail list, mail show,
pending, privacy, promises, proof, prove, queue list, queue show, releases, routes, sent, sessions, show,
support history, support preview, support requests,
support show, unacknowledged, verify
"""
"""Commands that decide nothing."""


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """An installation that carries everything by hand, with one person for each role."""
    shop = product(tmp_path)
    corporate = vendor(tmp_path / "vendor", shop)
    place = island(tmp_path / "home", corporate.root, shop)
    place.enrol(corporate)
    make_accounts(place.home, datetime.now(UTC))
    yield Scene(place, corporate, place.stick)
    place.home.close()
    corporate.server.store.close()


def leaves(home: Home, after: int) -> list[tuple[str, str]]:
    """Type and actor of the leaves that came after so many."""
    with home.store.read() as session:
        found = session.query(models.Leaf).filter(models.Leaf.position >= after).order_by(models.Leaf.position)
        return [(leaf.type, json.loads(leaf.data).get("actor")) for leaf in found]


def size(home: Home) -> int:
    """How many leaves the ledger has."""
    with home.store.read() as session:
        return session.query(models.Leaf).count()


def test_whatever_a_page_decides_is_in_the_list_once() -> None:
    app = Flask("diffgram_home", static_folder=None)
    for page in PAGES:
        app.register_blueprint(page.routes)
    posts = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "POST" in (rule.methods or ()) and not permissions.is_way_in(app.view_functions, rule.endpoint)
    }
    assert sorted([action.route for action in ACTIONS] + list(NO_DECISION)) == sorted(posts)


def test_every_action_works_by_keyboard_without_scripts_and_is_in_the_history(scene: Scene, chromium: Browser) -> None:
    home = scene.place.home
    with serving(home.settings.path) as base:
        world = World(home, base, {})
        for action in ACTIONS:
            given, before = action.before(scene), size(home)
            tab = open_tab(chromium, java_script_enabled=False, viewport={"width": 1000, "height": 800})
            tab.context.add_cookies([{"name": "home-session", "value": world.token(action.role), "url": base}])
            keys = Keyboard(tab.page, base)
            action.page(keys, given)
            who = next(actor for actor, name in people.named(home).items() if name == f"{action.role}.person")
            assert (action.leaf, who) in leaves(home, before), (action.route, leaves(home, before), keys.told())
            newest = reading.history(home, limit=5)
            assert who in [change.actor for change in newest], (action.route, newest)
            if action.route != "account.change_password":  # that ends this session, as it says
                keys.go("/history")
                assert f"{action.role}.person" in keys.told()
            tab.context.close()


def test_every_action_works_by_command_and_is_in_the_history(scene: Scene) -> None:
    home, shell = scene.place.home, Shell(scene.place.home.settings.path.parent)
    for action in ACTIONS:
        given, before = action.before(scene), size(home)
        done = shell(*(word.replace("{}", given) for word in action.command), typed=action.typed)
        assert done.returncode in (0, 5), (action.command, done.stdout, done.stderr)
        who = f"os:{os.getuid()}"
        assert (action.leaf, who) in leaves(home, before), (action.command, leaves(home, before))
        newest = shell.lines("history", "--limit", "5")
        assert who in [change["actor"] for change in newest], (action.command, newest)


def test_whatever_a_command_decides_has_its_page() -> None:
    every = set(commands(main))
    acted = {path for path in every if any(action.command[: len(path)] == path for action in ACTIONS)}
    looking = {tuple(path.split()) for path in LOOKING.split(",")}
    assert every == acted | looking | SAME_PAGE | set(AT_THE_TERMINAL)


def commands(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    """The words that call each command of the program."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)
        else:
            yield (*path, name)
