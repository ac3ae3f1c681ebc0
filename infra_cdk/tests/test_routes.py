"""Which function a URL reaches."""

from __future__ import annotations

import pytest

from infra_cdk.local.routes import routes_of
from infra_cdk.tests.probe import declare
from shared.wiring import Function, Http

ROUTES = routes_of(
    declare(
        Function("auth", "a.h", http=(Http("/auth", public=True), Http("/auth/sessions"))),
        Function("contacts", "c.h", http=(Http("/api/v1/contacts"),)),
    )
)


def route(path: str) -> tuple[str, str, str | None] | None:
    match = ROUTES.match(path)
    return match and (match.route.prefix, match.resource, match.proxy)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/auth", ("/auth", "/auth", None)),
        ("/auth/", ("/auth", "/auth", None)),
        ("/auth/login", ("/auth", "/auth/{proxy+}", "login")),
        ("/auth/sessions", ("/auth/sessions", "/auth/sessions", None)),
        ("/auth/sessions/1/x", ("/auth/sessions", "/auth/sessions/{proxy+}", "1/x")),
        ("/auth/sessionsx", ("/auth", "/auth/{proxy+}", "sessionsx")),
        ("/api/v1/contacts/a%2Fb", ("/api/v1/contacts", "/api/v1/contacts/{proxy+}", "a%2Fb")),
        ("/authx", None),
        ("/", None),
        ("/api/v1", None),
        ("//auth", None),
    ],
)
def test_the_longest_prefix_of_whole_segments_wins(
    path: str, expected: tuple[str, str, str | None] | None
) -> None:
    assert route(path) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/latest/contacts", ("/api/latest/contacts", "/api/latest/contacts", None)),
        (
            "/api/latest/contacts/1",
            ("/api/latest/contacts", "/api/latest/contacts/{proxy+}", "1"),
        ),
        ("/api/lat%65st/contacts", ("/api/latest/contacts", "/api/latest/contacts", None)),
        ("/api/latest", None),
        ("/api/latest/companies", None),
    ],
)
def test_the_newest_version_has_another_name(
    path: str, expected: tuple[str, str, str | None] | None
) -> None:
    assert route(path) == expected


def test_what_is_private_is_so_under_both_names() -> None:
    routes = routes_of(
        declare(
            Function("auth", "a.h", http=(Http("/api/v1/auth", public=True),)),
            Function("keys", "k.h", http=(Http("/api/v1/auth/keys"),)),
        )
    )
    for version in ("v1", "latest"):
        found = [routes.match(f"/api/{version}/auth{below}") for below in ("", "/x", "/keys")]
        assert [one and one.route.public for one in found] == [True, True, False]


@pytest.mark.parametrize("path", ["/auth/%73essions", "/auth/session%73/1", "/%61uth/sessions"])
def test_encoding_a_segment_does_not_reach_a_shorter_public_prefix(path: str) -> None:
    found = ROUTES.match(path)
    assert found is not None
    assert not found.route.public


@pytest.mark.parametrize("path", ["/auth/../api/v1/contacts", "/auth/%2e%2e/api/v1/contacts"])
def test_dots_are_not_collapsed_into_another_prefix(path: str) -> None:
    found = ROUTES.match(path)
    assert found is not None
    assert found.route.prefix == "/auth"
    assert found.proxy is not None
    assert found.proxy.endswith("/api/v1/contacts")


@pytest.mark.parametrize("prefix", ["auth", "/auth/"])
def test_a_prefix_is_written_one_way(prefix: str) -> None:
    with pytest.raises(ValueError, match="write the prefix"):
        routes_of(declare(Function("a", "a.h", http=(Http(prefix),))))


def test_a_prefix_belongs_to_one_function() -> None:
    functions = [Function(name, "a.h", http=(Http("/auth"),)) for name in ("a", "b")]
    with pytest.raises(ValueError, match="declared by probe-a and by probe-b"):
        routes_of(declare(*functions))
