"""Signing in by a provider that runs: what gets in, what never does, and what is kept of it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from diffgram_home import models, oidc, people
from diffgram_home.home import Home
from tests.identity.conftest import PERSON, Running, Visitor, make, oidc_section
from tests.web.world import PASSWORD


def leaves(home: Home) -> list[dict]:
    """What the ledger has of people, in order."""
    with home.store.read() as session:
        found = session.query(models.Leaf).filter(models.Leaf.type == "person").order_by(models.Leaf.position)
        return [json.loads(leaf.data) for leaf in found]


def by_provider(home: Home) -> list[people.Person]:
    """The accounts that the provider's people have."""
    return [one for one in people.accounts(home) if one.issuer]


def test_somebody_of_the_provider_gets_in_with_the_roles_of_their_groups(visitor: Visitor, home: Home) -> None:
    assert "Sign in with St Mary" in visitor.get("/sign-in").text
    visitor.sign_in("/history?x=1")
    assert visitor.lead() == "/history?x=1"
    page = visitor.get("/account").text
    assert "rose" in page
    assert "Change your password" not in page
    (rose,) = by_provider(home)
    assert (rose.name, rose.roles, rose.made_by) == ("rose", ("admin",), "home")
    told = [(leaf["change"], leaf["role"], leaf["actor"]) for leaf in leaves(home) if leaf["account"] == rose.actor]
    assert told == [("added", None, "home"), ("role-given", "admin", "home")]
    assert "rose" not in json.dumps([leaf for leaf in leaves(home) if leaf["account"] == rose.actor])


def test_the_provider_is_asked_with_state_nonce_and_pkce_and_told_nothing_else(visitor: Visitor, home: Home) -> None:
    asked = visitor.start("/fields?secret=1").asked()
    assert set(asked) == {
        *("response_type", "client_id", "redirect_uri", "scope", "state", "nonce"),
        *("code_challenge", "code_challenge_method"),
    }
    assert (asked["code_challenge_method"], asked["scope"]) == ("S256", "openid profile")
    assert min(len(asked["state"]), len(asked["nonce"])) >= 43
    again = visitor.start().asked()
    assert not {again[key] for key in ("state", "nonce", "code_challenge")} & set(asked.values())
    visitor.get(visitor.authorized())
    (redeemed,) = visitor.provider.seen("/token")[-1:]
    assert set(redeemed["form"]) == {"grant_type", "code", "redirect_uri", "code_verifier"}
    assert redeemed["headers"]["User-Agent"] == "diffgram-home"
    with home.store.read() as session:
        assert session.query(models.ProviderFlow).count() == 1, "the one that was left is there, the other is used up"


def test_the_same_person_is_known_again_by_subject_whatever_else_changed(visitor: Visitor, home: Home) -> None:
    visitor.sign_in()
    visitor.provider.turn(person={**PERSON, "preferred_username": "r.smith", "email": "other@x.example"})
    visitor.sign_in()
    assert [one.name for one in by_provider(home)] == ["rose"]


def test_a_name_or_an_e_mail_is_never_a_way_to_anothers_account(visitor: Visitor, home: Home) -> None:
    visitor.provider.turn(
        person={
            "sub": "mallory",
            "preferred_username": "admin.person",
            "email": "rose@hospital.example",
            "email_verified": True,
            "groups": ["staff"],
        }
    )
    visitor.sign_in()
    (mallory,) = by_provider(home)
    assert (mallory.name, mallory.roles) == ("admin.person.2", ("viewer",))
    assert visitor.get("/people").last.status_code == 403
    visitor.provider.turn()
    Visitor(home, visitor.provider).sign_in()
    assert sorted(one.name for one in by_provider(home)) == ["admin.person.2", "rose"]


def test_roles_follow_the_groups_of_each_sign_in_and_the_ledger_says_so(visitor: Visitor, home: Home) -> None:
    visitor.sign_in()
    visitor.provider.turn(person={**PERSON, "groups": ["officers", "staff", "canteen"]})
    visitor.sign_in()
    (rose,) = by_provider(home)
    assert rose.roles == ("security", "viewer")
    changes = [(leaf["change"], leaf["role"]) for leaf in leaves(home) if leaf["account"] == rose.actor]
    assert changes[2:] == [("role-given", "security"), ("role-given", "viewer"), ("role-taken", "admin")]


@pytest.mark.parametrize(
    ("groups", "word"),
    [
        ([], "None of your groups"),
        (["canteen"], "None of your groups"),
        ("staff-of-another", "None of your groups"),
        ({"a": 1}, "None of your groups"),
        (["vendor", "staff"], "the role 'support' and another"),
    ],
)
def test_whoever_has_no_group_of_ours_does_not_get_in(visitor: Visitor, home: Home, groups: object, word: str) -> None:
    visitor.provider.turn(person={**PERSON, "groups": groups})
    visitor.sign_in()
    assert visitor.last.status_code == 403
    assert word in visitor.text
    assert by_provider(home) == []
    assert visitor.get("/").last.status_code == 303


def test_somebody_of_the_vendor_gets_the_role_support_and_sees_their_account_alone(visitor: Visitor) -> None:
    visitor.provider.turn(person={**PERSON, "groups": ["vendor"]})
    visitor.sign_in()
    assert visitor.lead() == "/account"
    assert "support" in visitor.get("/account").text
    assert visitor.get("/sent").last.status_code == 403


FORGED = {
    "signed by a key that is not published": {"key": 1},
    "signed by such a key under the name of another": {"key": 1, "kid": "key-0"},
    "without a signature": {"alg": "none"},
    "signed with the client's secret": {"alg": "HS256"},
    "expired": {"claims": {"exp": {"now": -61}}},
    "made in the future": {"claims": {"iat": {"now": 120}}},
    "not to be used yet": {"claims": {"nbf": {"now": 120}}},
    "for another client": {"claims": {"aud": "another"}},
    "for several, and used by another": {"claims": {"aud": ["diffgram-home", "another"], "azp": "another"}},
    "for several, and nobody says by whom": {"claims": {"aud": ["diffgram-home", "another"]}},
    "of another issuer": {"claims": {"iss": "https://evil.example"}},
    "of an issuer that only begins so": {"claims": {"iss": "https://localhost"}},
    "with the nonce of another sign-in": {"claims": {"nonce": "x" * 43}},
    "without a nonce": {"without": ["nonce"]},
    "that says that nonces are not supported": {"without": ["nonce"], "claims": {"nonce_supported": False}},
    "without an end": {"without": ["exp"]},
    "without an audience": {"without": ["aud"]},
    "without an issuer": {"without": ["iss"]},
    "without a person": {"without": ["sub"]},
    "with a person that is no text": {"claims": {"sub": 7}},
    "with an empty person": {"claims": {"sub": ""}},
    "with a person of many letters": {"claims": {"sub": "x" * 256}},
    "with another access token's hash": {"claims": {"at_hash": "x" * 22}},
}


@pytest.mark.parametrize("knobs", FORGED.values(), ids=FORGED)
def test_a_token_does_not_count(visitor: Visitor, home: Home, knobs: dict) -> None:
    visitor.provider.turn(**knobs)
    visitor.sign_in()
    assert visitor.last.status_code == 403, visitor.text
    assert "does not count (token-" in visitor.text
    assert by_provider(home) == []
    assert visitor.get("/").last.status_code == 303


def test_a_clock_that_is_a_little_off_is_borne(visitor: Visitor, home: Home) -> None:
    visitor.provider.turn(claims={"exp": {"now": -50}, "iat": {"now": 50}})
    visitor.sign_in()
    assert len(by_provider(home)) == 1


def test_the_token_of_another_sign_in_does_not_count(visitor: Visitor, home: Home) -> None:
    visitor.sign_in()
    visitor.provider.turn(again=True)
    other = Visitor(home, visitor.provider)
    assert other.sign_in().last.status_code == 403
    assert "token-nonce" in other.text


def test_a_way_back_works_once_and_only_in_the_browser_that_began(visitor: Visitor, home: Home) -> None:
    back = visitor.start().authorized()
    stranger = Visitor(home, visitor.provider)
    assert stranger.get(back).last.status_code == 403
    assert "began in another browser" in stranger.text
    stranger.start()
    assert stranger.get(back).last.status_code == 403, "nor with a cookie of its own sign-in"
    assert visitor.get(back).last.status_code == 200
    assert visitor.get(back).last.status_code == 403
    assert len(visitor.provider.seen("/token")) == len({one["form"]["code"] for one in visitor.provider.seen("/token")})


@pytest.mark.parametrize("change", ["state", "code", "iss"])
def test_a_way_back_that_was_changed_leads_nowhere(visitor: Visitor, home: Home, change: str) -> None:
    back = visitor.start().authorized()
    values = {key: found[0] for key, found in parse_qs(urlsplit(back).query).items()}
    query = {**values, change: "https://evil.example" if change == "iss" else "x" * 43}
    visitor.last = visitor.client.get("/oidc/back", query_string=query)
    assert visitor.last.status_code == 403
    assert by_provider(home) == []


def test_a_code_of_somebody_elses_sign_in_is_worth_nothing_here(visitor: Visitor, home: Home) -> None:
    theirs = parse_qs(urlsplit(Visitor(home, visitor.provider).start().authorized()).query)
    mine = parse_qs(urlsplit(visitor.start().authorized()).query)
    visitor.last = visitor.client.get("/oidc/back", query_string={"state": mine["state"][0], "code": theirs["code"][0]})
    assert visitor.last.status_code == 403
    assert "code-refused" in visitor.text


def test_a_sign_in_that_takes_too_long_is_over(visitor: Visitor, home: Home) -> None:
    back = visitor.start().authorized()
    with home.store.write() as session:
        session.query(models.ProviderFlow).update({"expires_at": datetime.now(UTC) - timedelta(seconds=1)})
    assert visitor.get(back).last.status_code == 403


def test_strangers_who_begin_without_end_take_no_room_and_hold_nobody_out(visitor: Visitor, home: Home) -> None:
    now = datetime.now(UTC)
    with home.store.write() as session:
        session.add_all(
            models.ProviderFlow(
                digest=f"{number:064d}",
                browser="0" * 64,
                nonce="",
                verifier="",
                to="/",
                made_at=now - timedelta(minutes=5),
                expires_at=now + timedelta(minutes=5),
            )
            for number in range(oidc.MOST)
        )
    assert visitor.sign_in().last.status_code == 200
    with home.store.read() as session:
        assert session.query(models.ProviderFlow).count() < oidc.MOST


def test_a_person_whom_the_provider_declines_is_told_so(visitor: Visitor) -> None:
    visitor.provider.turn(declines=True)
    visitor.sign_in()
    assert visitor.last.status_code == 403
    assert "did not let you in (access_denied)" in visitor.text


def test_nothing_begins_without_a_form_of_ours(visitor: Visitor) -> None:
    visitor.get("/sign-in")
    assert visitor.client.post("/oidc/start", data={"next": "/"}).status_code == 403
    assert visitor.client.get("/oidc/start").status_code == 405


@pytest.mark.parametrize("next_", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_it_leads_nowhere_else_afterwards(visitor: Visitor, next_: str) -> None:
    assert visitor.sign_in(next_).lead() == "/"


def test_a_key_that_was_changed_is_found_at_once_and_forged_names_of_keys_are_not_looked_for_again(
    visitor: Visitor, home: Home
) -> None:
    visitor.sign_in()
    visitor.provider.turn(key=1, published=[0, 1])
    assert visitor.sign_in().last.status_code == 200
    asked = len(visitor.provider.seen("/keys"))
    visitor.provider.turn(key=1, kid="nobody's", published=[0, 1])
    for _ in range(3):
        assert visitor.sign_in().last.status_code == 403
    assert len(visitor.provider.seen("/keys")) == asked


@pytest.mark.parametrize("place", ["/.well-known/openid-configuration", "/keys", "/token"])
def test_a_provider_that_is_away_is_told_clearly_and_local_accounts_go_on(visitor: Visitor, place: str) -> None:
    visitor.provider.turn(fails=[place])
    visitor.start()
    if visitor.last.status_code == 200:
        visitor.get(visitor.authorized())
    assert visitor.last.status_code == 503, visitor.text
    assert "'St Mary' cannot be asked just now" in visitor.text
    assert "sign in with an account of this installation" in visitor.text
    assert visitor.post("/sign-in", name="viewer.person", password=PASSWORD).last.status_code == 303
    assert visitor.get("/history").last.status_code == 200


@pytest.mark.parametrize(
    ("discovery", "word"),
    [
        ({"issuer": "https://evil.example"}, "issuer-differs"),
        ({"token_endpoint": "http://localhost/token"}, "address-not-https"),
        ({"jwks_uri": None}, "address-missing"),
        ({"id_token_signing_alg_values_supported": ["none", "HS256"]}, "no-usable-signature"),
    ],
)
def test_a_discovery_document_that_cannot_be_meant_is_not_used(visitor: Visitor, discovery: dict, word: str) -> None:
    visitor.provider.turn(discovery=discovery)
    assert visitor.start().last.status_code == 503
    assert word in visitor.text


@pytest.mark.parametrize("member", ["token_endpoint", "jwks_uri"])
def test_the_provider_cannot_lead_the_door_to_a_host_that_is_not_listed(visitor: Visitor, member: str) -> None:
    visitor.provider.turn(discovery={member: "https://127.0.0.1:9/x"})
    visitor.sign_in()
    assert visitor.last.status_code == 503
    assert "not-in-registry" in visitor.text


def test_who_is_taken_out_by_an_administrator_does_not_get_in_again(visitor: Visitor, home: Home) -> None:
    visitor.sign_in()
    people.disable(home, "rose", "os:0", datetime.now(UTC))
    assert visitor.get("/").last.status_code == 303
    assert visitor.sign_in().last.status_code == 403
    assert "Your account here was ended" in visitor.text


def test_who_was_deleted_comes_back_as_somebody_new(visitor: Visitor, home: Home) -> None:
    visitor.sign_in()
    (before,) = by_provider(home)
    people.erase(home, "rose", "os:0", datetime.now(UTC))
    visitor.sign_in()
    (after,) = by_provider(home)
    assert after.number > before.number


def test_an_account_of_the_providers_has_no_password_here(visitor: Visitor, home: Home) -> None:
    visitor.sign_in()
    now = datetime.now(UTC)
    for password in ("", PASSWORD):
        assert isinstance(people.sign_in(home, "rose", password, "192.0.2.1", now), people.Denied)
    with pytest.raises(people.PeopleError, match="signs in by the identity provider"):
        people.set_password(home, "rose", PASSWORD, "os:0", now)
    with pytest.raises(people.PeopleError, match="signs in by the identity provider"):
        people.set_roles(home, "rose", ["viewer"], "os:0", now)


def test_signing_out_ends_the_session_here_first_and_then_leads_to_the_providers_end(visitor: Visitor) -> None:
    visitor.sign_in()
    visitor.get("/account").post("/sign-out")
    where = urlsplit(visitor.lead())
    assert where.path == "/end"
    assert parse_qs(where.query)["post_logout_redirect_uri"] == ["http://127.0.0.1:8080/sign-in"]
    assert visitor.get("/account").last.status_code == 303


def test_local_accounts_can_be_turned_off(tmp_path: Path, template: Path, provider: Running) -> None:
    home = make(tmp_path, template, oidc_section(provider, only="true"))
    visitor = Visitor(home, provider)
    page = visitor.get("/sign-in").text
    assert 'type="password"' not in page
    assert visitor.post("/sign-in", name="admin.person", password=PASSWORD).last.status_code == 403
    assert "Accounts with a password are turned off here" in visitor.text
    assert visitor.sign_in().get("/account").last.status_code == 200
    home.close()


def test_no_token_and_no_code_is_kept_anywhere(visitor: Visitor, home: Home) -> None:
    visitor.sign_in()
    code = visitor.provider.seen("/token")[-1]["form"]["code"]
    raw = b"".join(path.read_bytes() for path in home.settings.folder.rglob("*") if path.is_file())
    assert code.encode() not in raw
    assert b"rose@hospital.example" not in raw
    assert b"eyJ" not in raw
