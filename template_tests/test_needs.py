"""What a function reads, imports and emits is what it declares: no more, no less."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions

import pytest

from events.catalogue import all_events
from infra_cdk.registry import declared
from shared.wiring import Declared, Function
from template_tests.reach import reach
from template_tests.source import PACKAGES, ROOT, is_test, python_files, shown, tree

ALL = declared()
ALWAYS = {"STAGE", "FUNCTION", "LOG_LEVEL"}
BY_NEED = {
    "database": "DATABASE_URL",
    "cache": "CACHE_URL",
    "bucket": "BUCKET",
    "bucket_deletion": "BUCKET",
    "bus": "BUS",
    "encryption": "KMS_KEY",
    "people_encryption": "KMS_KEY",
    "sockets": "SOCKETS_ENDPOINT",
    "socket_url": "SOCKETS_URL",
}
CALLS_OUT = {"httpx", "smtplib", "anthropic", "openai"}

each = pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)


@each
def test_settings_read_are_settings_declared(one: Declared) -> None:
    given = _settings_given(one.function)
    read = reach(one.entry).settings - ALWAYS
    assert read - given == set(), "read, but its declaration does not give it"
    assert given - read == set(), "declared, but nothing it runs reads it"


@each
def test_secrets_replaced_are_secrets_it_may_replace(one: Declared) -> None:
    assert reach(one.entry).replaced == set(one.function.writes_secrets)


def test_every_setting_is_read_by_its_name() -> None:
    assert {place for one in ALL for place in reach(one.entry).unnamed} == set()


def test_the_reading_follows_calls_into_other_modules() -> None:
    """The instrument itself: what a route reads two modules further down is found."""
    [api] = [one for one in ALL if one.name == "email-api"]
    found = reach(api.entry)
    assert ("shared.encryption", "data_key") in found.definitions
    assert {"KMS_KEY", "GMAIL_TOPIC", "QUEUE_EMAIL_SYNC"} <= found.settings
    assert ("functions.email.consumers.fetch", "fetch_emails") not in found.definitions


def test_a_key_is_needed_by_apis_that_change_something_in_a_transaction() -> None:
    """The instrument again: reading takes no key, and what is for nobody yet can keep none."""
    data_key = ("shared.encryption", "data_key")
    keyed = {one.name: data_key in reach(one.entry).definitions for one in ALL if one.function.http}
    assert keyed["contacts-api"]
    assert not keyed["auth-api"]
    assert not keyed["health-api"]


def test_limits_are_for_apis_whose_callers_are_known() -> None:
    """And again: they run before every request, and count those that passed the authorizer."""
    asks = {one.name: reach(one.entry).settings for one in ALL if one.function.http}
    assert asks["contacts-api"] >= {"CACHE_URL", "RATE_LIMITS"}
    assert asks["gateway-api"] >= {"CACHE_URL", "RATE_LIMITS"}
    assert asks["gateway-openapi"].isdisjoint({"CACHE_URL", "RATE_LIMITS"})


@each
def test_only_functions_that_call_out_have_a_way_out(one: Declared) -> None:
    inside = bool(one.function.needs & {"database", "cache"})
    posts = "sockets" in one.function.needs  # to API Gateway, which is outside, too
    calls_out = posts or bool(reach(one.entry).packages & CALLS_OUT)
    assert ("egress" in one.function.needs) == (inside and calls_out)


@each
def test_layers_hold_what_the_function_imports(one: Declared) -> None:
    brought = {name for layer in one.function.layers for name in _layers()[layer]}
    strangers = {
        package
        for package in reach(one.entry).packages - sys.stdlib_module_names
        if not brought & _distributions_of(package)
    }
    assert strangers == set(), f"not in the layers {one.function.layers}"


@each
def test_a_layer_is_not_carried_for_nothing(one: Declared) -> None:
    if "ai" not in one.function.layers:
        return
    own = _layers()["ai"] - _layers()["core"]
    assert any(own & _distributions_of(package) for package in reach(one.entry).packages)


def test_an_event_is_made_by_its_capability_and_no_other() -> None:
    """`shared` may too, where two capabilities do the same thing."""
    known = all_events()
    made: dict[str, set[str]] = {name: set() for name in known}
    for path in python_files():
        if is_test(path) or path == ROOT / "shared/testing.py":
            continue
        for node in ast.walk(tree(path)):
            if _called(node) in known:
                made[_called(node)].add(shown(path))
    assert [name for name, places in made.items() if not places] == [], "nobody makes it"
    for name, places in made.items():
        allowed = (f"functions/{known[name].source}/", "shared/")
        assert [place for place in places if not place.startswith(allowed)] == []


def test_no_distribution_claims_our_names() -> None:
    """Ours are common words; another package of that name would be imported instead."""
    for name in PACKAGES:
        assert _distributions_of(name) <= {"hastecrm"}


def _called(node: ast.AST) -> str:
    """The name a call names its function by."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id
    return ""


def _settings_given(function: Function) -> set[str]:
    return {
        *(BY_NEED[need] for need in function.needs if need in BY_NEED),
        *function.env,
        *(f"QUEUE_{_upper(queue)}" for queue in function.sends),
        *(f"SECRET_{_upper(name)}" for name in (*function.secrets, *function.writes_secrets)),
    }


def _upper(name: str) -> str:
    return name.upper().replace("-", "_")


def _distributions_of(package: str) -> set[str]:
    return {_canonical(name) for name in _installed().get(package, ())}


@cache
def _installed() -> Mapping[str, list[str]]:
    return packages_distributions()


@cache
def _layers() -> dict[str, set[str]]:
    """The distributions in each layer: pyproject's lists and all that those require."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    core = _with_requirements(project["project"]["dependencies"])
    return {"core": core, "ai": _with_requirements(project["dependency-groups"]["ai"])}


def _with_requirements(wanted: Iterable[str]) -> set[str]:
    """Distributions and what they require, as far as it is installed."""
    found: set[str] = set()
    waiting = list(wanted)
    while waiting:
        name, extras = _named(waiting.pop())
        if name in found:
            continue
        try:
            requires = distribution(name).requires or ()
        except PackageNotFoundError:
            continue  # for another platform or Python
        found.add(name)
        waiting += [line for line in requires if _applies(line, extras)]
    return found


def _named(requirement: str) -> tuple[str, set[str]]:
    """Name and extras: `psycopg[binary]>=3.3` is psycopg and binary."""
    parts = re.match(r"([\w.-]+)\s*(?:\[([^]]*)\])?", requirement)
    assert parts, requirement
    return _canonical(parts[1]), {extra.strip() for extra in (parts[2] or "").split(",")}


def _applies(requirement: str, extras: set[str]) -> bool:
    """Whether a requirement is wanted always, or by one of the extras."""
    extra = re.search(r"extra == [\"']([^\"']*)", requirement.partition(";")[2])
    return extra is None or extra[1] in extras


def _canonical(name: str) -> str:
    """The one spelling of a distribution's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
