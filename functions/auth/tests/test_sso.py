"""Setting single sign-on up: who may, what is stored, which providers are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from functions.auth import sso_api
from functions.auth.models.sso import SEALED_FOR
from functions.auth.tests.elsewhere import CLIENT_ID, CLIENT_SECRET, Hostile
from infra_cdk.local.google.testing import CONSOLE_URL, SIGN_IN_URI
from shared.access import EVERYTHING, ROLES, Access, access_of
from shared.encryption import data_key
from shared.testing import Answer, Call, Database, EventsOf, NewWorkspace, Workspace

URL = "/api/v1/sso"
Ask = Callable[..., Answer]


def _has(database: Database, workspace: Workspace, email: str) -> None:
    database.admin(
        "update users set email_verified_at = now(), email = %(email)s where id = %(u)s",
        u=workspace.user_id,
        email=email,
    )


@pytest.fixture(autouse=True)
def _confirmed(database: Database, workspace: Workspace) -> None:  # pyright: ignore[reportUnusedFunction]
    """The owner's address is theirs."""
    _has(database, workspace, f"{workspace.user_id}@corp.example")


@pytest.fixture
def ask(call: Call, workspace: Workspace, keys: object, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """A request by an owner, or with other access."""
    monkeypatch.setenv("HASTE_WEBHOOK_ALLOW", "127.0.0.0/8")
    monkeypatch.setenv("HASTE_CONSOLE_URL", CONSOLE_URL)

    def send(
        method: str, body: Any = None, *, if_match: str | None = None, access: Access = EVERYTHING
    ) -> Answer:
        headers = {"If-Match": if_match} if if_match is not None else {}
        return call(sso_api.handler, method, URL, body, headers=headers, access=access)

    return send


def _refused(answer: Answer, status: int, code: str, pointer: str | None = None) -> None:
    assert (answer.status, answer.json["code"]) == (status, code), answer.json
    if pointer is not None:
        assert [one["pointer"] for one in answer.json["errors"]] == [pointer]


def _row(database: Database, workspace: Workspace) -> dict[str, Any]:
    [row] = database.admin(
        "select * from sso_connections where workspace_id = %(w)s", w=workspace.id
    )
    return row


def test_it_is_set_up_and_shown_without_its_secret(
    ask: Ask, hostile: Hostile, workspace: Workspace, database: Database, events_of: EventsOf
) -> None:
    _refused(ask("GET"), 404, "sso_not_found")
    given = hostile.settings | {"domains": ["CORP.example", "bücher.example", "corp.example"]}
    answer = ask("PUT", given)
    assert answer.status == 200, answer.json
    assert answer.headers["etag"] == '"1"'
    shown = answer.json
    assert {name: shown[name] for name in ("issuer", "client_id", "domains", "redirect_uri")} == {
        "issuer": hostile.url,
        "client_id": CLIENT_ID,
        "domains": ["corp.example", "xn--bcher-kva.example"],
        "redirect_uri": SIGN_IN_URI,
    }
    assert (shown["default_role"], shown["required"], shown["enabled"]) == (None, False, True)
    assert ask("GET").json == shown
    row = _row(database, workspace)
    kept = row["client_secret"]
    assert CLIENT_SECRET.encode() not in kept
    assert data_key(workspace.id).unseal(kept, column=SEALED_FOR) == CLIENT_SECRET
    told = [one["payload"] for one in events_of(workspace) if one["type"] == "SsoConfigured"]
    assert [one["issuer"] for one in told] == [hostile.url]
    said = database.admin(
        """
        select * from audit_log where workspace_id = %(w)s and object_type = 'sso_connections'
        """,
        w=workspace.id,
    )
    assert {one["object_id"] for one in said} == {row["id"]}
    for everything in (answer.body.decode(), str(told), str(said)):
        assert CLIENT_SECRET not in everything


def test_it_is_changed_as_it_was_read(
    ask: Ask, hostile: Hostile, events_of: EventsOf, workspace: Workspace
) -> None:
    assert ask("PUT", hostile.settings).status == 200
    without = {n: v for n, v in hostile.settings.items() if n != "client_secret"}
    wanted = without | {"default_role": "viewer", "required": True}
    _refused(ask("PUT", wanted), 428, "precondition_required")
    _refused(ask("PUT", wanted, if_match='"7"'), 412, "precondition_failed")
    assert ask("PUT", wanted, if_match='"1"').json["version"] == 2
    assert ask("PUT", wanted, if_match='"2"').json["version"] == 2, "the same is no change"
    assert ask("GET").json["required"] is True
    kinds = [one["type"] for one in events_of(workspace)]
    assert kinds.count("SsoConfigured") == 2


def test_a_version_of_what_there_is_not(ask: Ask, hostile: Hostile) -> None:
    _refused(ask("PUT", hostile.settings, if_match='"1"'), 412, "precondition_failed")
    assert ask("PUT", hostile.settings, if_match="*").status == 200


def test_another_provider_never_gets_the_secret_of_the_last_one(
    ask: Ask, hostile: Hostile, workspace: Workspace, database: Database
) -> None:
    without = {n: v for n, v in hostile.settings.items() if n != "client_secret"}
    _refused(ask("PUT", without), 422, "secret_needed", "/client_secret")
    assert ask("PUT", hostile.settings).status == 200
    began = _row(database, workspace)["sessions_from"]
    other = without | {"client_id": "another"}
    _refused(ask("PUT", other, if_match="*"), 422, "secret_needed", "/client_secret")
    hostile.document = {"issuer": f"{hostile.url}/"}
    moved = without | {"issuer": f"{hostile.url}/"}
    _refused(ask("PUT", moved, if_match="*"), 422, "secret_needed", "/client_secret")
    assert _row(database, workspace)["sessions_from"] == began
    assert ask("PUT", moved | {"client_secret": "new"}, if_match="*").status == 200
    assert _row(database, workspace)["sessions_from"] > began


def test_switched_on_again_it_begins_anew(
    ask: Ask, hostile: Hostile, workspace: Workspace, database: Database
) -> None:
    ask("PUT", hostile.settings)
    began = _row(database, workspace)["sessions_from"]
    ask("PUT", hostile.settings | {"enabled": False}, if_match="*")
    assert _row(database, workspace)["sessions_from"] == began
    ask("PUT", hostile.settings, if_match="*")
    assert _row(database, workspace)["sessions_from"] > began


def test_it_is_removed_with_its_secret(
    ask: Ask, hostile: Hostile, workspace: Workspace, database: Database, events_of: EventsOf
) -> None:
    ask("PUT", hostile.settings)
    _refused(ask("DELETE", if_match='"3"'), 412, "precondition_failed")
    assert ask("DELETE").status == 204
    _refused(ask("DELETE"), 404, "sso_not_found")
    assert (
        database.admin("select 1 from sso_connections where workspace_id = %(w)s", w=workspace.id)
        == []
    )
    assert [one["type"] for one in events_of(workspace)] == ["SsoConfigured", "SsoRemoved"]


@pytest.mark.parametrize(
    "access", [ROLES["admin"], access_of("workspace.read workspace.settings")], ids=["admin", "own"]
)
def test_who_is_no_owner_sees_it_and_changes_nothing(
    ask: Ask, hostile: Hostile, access: Access
) -> None:
    """Whoever runs the provider can be an owner."""
    for method, body in (("PUT", hostile.settings), ("DELETE", None)):
        _refused(ask(method, body, access=access), 403, "more_than_yours")
    assert hostile.asked == []
    ask("PUT", hostile.settings)
    assert ask("GET", access=access).status == 200
    changed = hostile.settings | {"required": True}
    _refused(ask("PUT", changed, if_match="*", access=access), 403, "more_than_yours")
    _refused(ask("DELETE", access=access), 403, "more_than_yours")
    assert ask("GET").json["required"] is False
    for role in ("member", "viewer"):
        _refused(ask("GET", access=ROLES[role]), 403, "not_permitted")


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"issuer": ""}, "/issuer"),
        ({"issuer": "http://idp.example"}, "/issuer"),
        ({"issuer": "https://10.0.0.1"}, "/issuer"),
        ({"issuer": "https://localhost"}, "/issuer"),
        ({"issuer": "https://169.254.169.254/latest"}, "/issuer"),
        ({"issuer": "https://user:pw@idp.example"}, "/issuer"),
        ({"issuer": "https://idp.example?x=1"}, "/issuer"),
        ({"issuer": "https://idp.example/?"}, "/issuer"),
        ({"issuer": "https://idp.example/#x"}, "/issuer"),
        ({"issuer": "https://idp.example:8443"}, "/issuer"),
        ({"issuer": "http://127.0.0.1:9"}, "/issuer"),
        ({"issuer": "file:///etc/passwd"}, "/issuer"),
        ({"client_id": ""}, "/client_id"),
        ({"client_secret": ""}, "/client_secret"),
        ({"domains": []}, "/domains"),
        ({"domains": ["corp"]}, "/domains/0"),
        ({"domains": ["a@corp.example"]}, "/domains/0"),
        ({"domains": ["*.example"]}, "/domains/0"),
        ({"default_role": "owner"}, "/default_role"),
        ({"default_role": "custom"}, "/default_role"),
        ({"more": 1}, "/more"),
    ],
)
def test_settings_that_are_refused(
    ask: Ask, hostile: Hostile, fields: dict[str, Any], pointer: str
) -> None:
    answer = ask("PUT", hostile.settings | fields)
    assert answer.status == 422, answer.json
    assert [one["pointer"] for one in answer.json["errors"]] == [pointer]
    assert ask("GET").status == 404


def test_a_name_that_leads_inside_is_not_called(
    ask: Ask, hostile: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`localhost` is let through as a name, and its address is not."""
    monkeypatch.setenv("HASTE_WEBHOOK_ALLOW", "localhost")
    answer = ask("PUT", hostile.settings | {"issuer": f"http://localhost:{hostile.port}"})
    _refused(answer, 422, "invalid_issuer", "/issuer")
    assert answer.json["errors"][0]["detail"] == "address_not_public"
    assert hostile.asked == []


@pytest.mark.parametrize(
    ("status", "body", "detail"),
    [
        (302, b"", "/.well-known/openid-configuration answers 302"),
        (200, b"{}", "/.well-known/openid-configuration does not name this issuer"),
        (200, b"x" * 300_000, "the answer is too long"),
    ],
)
def test_what_is_no_provider(
    ask: Ask, hostile: Hostile, status: int, body: bytes, detail: str
) -> None:
    path = "/.well-known/openid-configuration"
    hostile.answers[path] = (status, {"Location": f"{hostile.url}/evil"}, body)
    answer = ask("PUT", hostile.settings)
    _refused(answer, 422, "invalid_issuer", "/issuer")
    assert answer.json["errors"][0]["detail"] == detail
    assert hostile.paths() == [path], "a redirect is not followed"


def test_an_issuer_with_a_path(ask: Ask, hostile: Hostile) -> None:
    """As those of tenants are: the document is below it (OpenID Connect Discovery §4)."""
    issuer = f"{hostile.url}/{uuid4()}/v2.0"
    document = hostile.answer("/.well-known/openid-configuration")[2]
    changed = document.replace(
        f'"issuer": "{hostile.url}"'.encode(), f'"issuer": "{issuer}"'.encode()
    )
    path = f"{issuer.removeprefix(hostile.url)}/.well-known/openid-configuration"
    hostile.answers[path] = (200, {}, changed)
    assert ask("PUT", hostile.settings | {"issuer": issuer}).status == 200
    assert hostile.paths() == [path]


def test_who_may_not_have_the_address_lets_nobody_in(
    ask: Ask, hostile: Hostile, workspace: Workspace, database: Database
) -> None:
    """They would come back by their own provider, after whose address it is has reset it."""
    database.admin(
        "update users set email_verified_at = null where id = %(u)s", u=workspace.user_id
    )
    _refused(ask("PUT", hostile.settings), 403, "not_confirmed")
    _refused(ask("GET"), 404, "sso_not_found")


def test_new_people_come_from_a_domain_of_ours(
    ask: Ask,
    hostile: Hostile,
    workspace: Workspace,
    database: Database,
    new_workspace: NewWorkspace,
) -> None:
    """Their accounts are good everywhere: whose addresses they are would find them taken."""
    wanted = hostile.settings | {"default_role": "viewer"}
    beyond = wanted | {"domains": ["corp.example", "bank.example"]}
    answer = ask("PUT", beyond)
    _refused(answer, 422, "domain_not_yours")
    assert [one["pointer"] for one in answer.json["errors"]] == ["/domains/0"], "as sorted"
    assert ask("PUT", beyond | {"default_role": None}).status == 200, "it lets in members alone"

    there = new_workspace()
    _has(database, there, f"{uuid4().hex}@bank.example")
    _refused(ask("PUT", beyond, if_match="*"), 422, "domain_not_yours")
    database.admin(
        "insert into memberships (workspace_id, user_id, role) values (%(w)s, %(u)s, 'member')",
        w=workspace.id,
        u=there.user_id,
    )
    _refused(ask("PUT", beyond, if_match="*"), 422, "domain_not_yours")
    for role, verified, ended, status in (
        ("admin", False, False, 422),
        ("admin", True, False, 200),
        ("member", True, False, 422),
        ("admin", True, True, 422),
    ):
        database.admin(
            """
            update memberships set role = %(role)s, ended_at = case when %(ended)s then now() end
            where workspace_id = %(w)s and user_id = %(u)s
            """,
            role=role,
            ended=ended,
            w=workspace.id,
            u=there.user_id,
        )
        database.admin(
            """
            update users set email_verified_at = case when %(verified)s then now() end
            where id = %(u)s
            """,
            verified=verified,
            u=there.user_id,
        )
        assert ask("PUT", beyond, if_match="*").status == status, (role, verified, ended)


def test_what_everybody_may_have_an_address_at_is_nobodys(
    ask: Ask, hostile: Hostile, workspace: Workspace, database: Database
) -> None:
    _has(database, workspace, f"{uuid4().hex}@gmail.com")
    free = hostile.settings | {"domains": ["gmail.com"]}
    answer = ask("PUT", free | {"default_role": "member"})
    _refused(answer, 422, "domain_not_yours", "/domains/0")
    assert ask("PUT", free).status == 200
