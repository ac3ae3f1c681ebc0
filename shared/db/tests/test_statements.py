"""What no SQL of ours may say: it would pin an RDS Proxy session, or read more than it names.

https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/rds-proxy-pinning.html
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import functions
import shared

_FOLDERS = (Path(functions.__path__[0]), Path(shared.__path__[0]))
_EXEMPT = {
    "shared/db/migrate.py": "connects to the writer itself, never through the proxy",
    "shared/db/schema.py": "a development tool with a server of its own",
    "shared/testing.py": "test fixtures",
}
_SQL = re.compile(
    r"\s*(select|insert\s+into|update\s+\w|delete\s+from|with\s+\w+\s+as|begin|commit|rollback|set\s"
    r"|prepare|declare|create|drop|alter|grant|call|copy|lock|truncate|listen|notify|do\s)",
    re.IGNORECASE,
)
_MAX_BYTES = 16 * 1024

FORBIDDEN = {
    "SET outlives the transaction or pins the session": r"(?:^|;)\s*set\s",
    "prepared statements pin": r"(?:^|;)\s*(?:prepare|execute|deallocate|discard)\b",
    "server-side cursors pin": r"(?:^|;)\s*declare\b",
    "sequences pin": r"\b(?:nextval|setval|currval)\s*\(",
    "session locks pin; use pg_try_advisory_xact_lock": r"\bpg_(?:try_)?advisory_lock",
    "temporary relations pin": r"\btemp(?:orary)?\s+(?:table|view|sequence)\b",
    "name the columns": r"(?:\bselect\s+(?:distinct\s+)?|\breturning\s+|,\s*|\b\w+\.)\*(?!\s*\d)",
    "COPY is refused under row-level security": r"(?:^|;)\s*copy\b",
    "LISTEN pins": r"(?:^|;)\s*(?:un)?listen\b",
    "LOAD pins": r"(?:^|;)\s*load\b",
}


def complaints(statement: str) -> list[str]:
    """What is wrong with a statement."""
    bare = re.sub(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'", " ", statement, flags=re.DOTALL)
    found = [why for why, pattern in FORBIDDEN.items() if re.search(pattern, bare, re.IGNORECASE)]
    if len(statement.encode()) > _MAX_BYTES:
        found.append("a text over 16 KB pins")
    return found


def statements(source: str) -> Iterator[tuple[int, str]]:
    """Every string of a program that is SQL, with its line."""
    tree = ast.parse(source)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        if id(node) not in docstrings and _SQL.match(node.value):
            yield node.lineno, node.value


def _programs() -> Iterator[tuple[str, Path]]:
    for folder in _FOLDERS:
        for path in sorted(folder.rglob("*.py")):
            name = path.relative_to(folder.parent).as_posix()
            if "tests" not in path.parts and name not in _EXEMPT:
                yield name, path


def test_our_statements_neither_pin_nor_read_columns_they_do_not_name() -> None:
    found = [
        f"{name}:{line}: {why}"
        for name, path in _programs()
        for line, statement in statements(path.read_text())
        for why in complaints(statement)
    ]
    assert found == []


def test_it_looks_at_the_statements_there_are() -> None:
    seen = {name for name, path in _programs() if list(statements(path.read_text()))}
    assert {"functions/contacts/store.py", "functions/outbox/store.py", "shared/db/tx.py"} <= seen


@pytest.mark.parametrize(
    "statement",
    [
        "set search_path = public",
        "select 1; SET LOCAL role x",
        "prepare p as select 1",
        "declare c cursor for select 1",
        "select nextval('s')",
        "select pg_advisory_lock(1)",
        "select pg_try_advisory_lock(1)",
        "create temp table t (a int)",
        "create temporary view v as select 1",
        "select * from users",
        "select distinct * from users",
        "select u.* from users u",
        "select id, * from users",
        "insert into users (id) values (1) returning *",
        "copy users from stdin",
        "listen channel",
        "select '" + "x" * _MAX_BYTES + "'",
    ],
)
def test_each_of_these_is_found(statement: str) -> None:
    assert len(complaints(statement)) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "update users set name = 'set me; set you'",
        "select count(*) from users -- select *",
        "select 2 * 3, a * b from users",
        "select pg_try_advisory_xact_lock(1)",
        "insert into users (id) values (1) on conflict (id) do update set name = 'select *'",
        "select set_config('app.x', 'y', true)",
    ],
)
def test_none_of_these_is(statement: str) -> None:
    assert complaints(statement) == []
