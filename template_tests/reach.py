"""What a function's code reaches, read from the source: definitions, settings, packages.

Starts at a handler and follows names through imports, calls and references, definition by
definition, so a function is charged for what it can run and not for its whole modules. It is a
static reading: it takes every branch, all methods of a class it meets, and does not see what is
called by a computed name. So a setting's name has to be a literal, and a test holds that.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OURS = ("functions", "shared", "events")
_READERS = {
    "shared.settings.setting": "{}",
    "shared.settings.queue_url": "QUEUE_{}",
    "shared.settings.secret_id": "SECRET_{}",
    "shared.secrets.secret": "SECRET_{}",
    "shared.secrets.stored_secret": "SECRET_{}",
    "shared.secrets.replace_secret": "SECRET_{}",
    "shared.queues.send": "QUEUE_{}",
}
_REPLACES = "shared.secrets.replace_secret"
PASS_ON = {"shared.settings", "shared.secrets", "shared.queues"}
"""Modules that hand a name on to `setting`; their callers are what is read."""
QUIET = "shared.outbox.publish_committed"
"""Runs after every invocation, and does nothing where no event was emitted."""
KEYED = "shared.http.idempotency.keyed"
"""Runs with every transaction of an API, and does nothing where no route changes anything."""
LIMITED = "shared.http.limits.limited"
"""Runs before every request, and does nothing where nobody is signed in."""
COUNTED = "shared.http.deprecation._count"
"""Runs where a route will go, and writes down who used it where somebody is signed in."""
SIGNED_IN = ("shared.http.app", "current_caller")
GRAPHS = ("functions.graphql.graphs", "find_graphs")
"""Imports every capability's `graph.py`, by a computed name."""
PARTS = ("functions.privacy.parts", "find_parts")
"""The same of every `privacy.py`."""
_CHANGES = {"post", "put", "patch", "delete"}

Definition = tuple[str, str]
"""A module and a name it defines."""


@dataclass
class Module:
    """A source file: what its names mean, and what runs when it is imported."""

    name: str
    imports: dict[str, str]
    definitions: dict[str, list[ast.stmt]] = field(default_factory=dict)
    at_import: list[ast.stmt] = field(default_factory=list)


@dataclass
class Reach:
    """What is reached: definitions, settings read, secrets replaced, packages imported, whether
    events are emitted, whether a route changes anything and a route has a transaction.

    `unnamed` are places that read a setting whose name is not a literal.
    """

    definitions: set[Definition] = field(default_factory=set)
    modules: set[str] = field(default_factory=set)
    settings: set[str] = field(default_factory=set)
    replaced: set[str] = field(default_factory=set)
    packages: set[str] = field(default_factory=set)
    unnamed: set[str] = field(default_factory=set)
    emits: bool = False
    changes: bool = False
    keyed: bool = False


@cache
def reach(entry: str) -> Reach:
    """What `functions.contacts.api.handler` reaches."""
    found = Reach()
    _visit(found, [entry])
    if GRAPHS in found.definitions:
        graphs = sorted(ROOT.glob("functions/*/graph.py"))
        _visit(found, [f"functions.{path.parent.name}.graph.GRAPH" for path in graphs])
    if PARTS in found.definitions:
        parts = sorted(ROOT.glob("functions/*/privacy.py"))
        _visit(found, [f"functions.{path.parent.name}.privacy.PRIVACY" for path in parts])
    if found.emits:
        _visit(found, [QUIET])
    if found.changes and found.keyed:
        _visit(found, [KEYED])
    if SIGNED_IN in found.definitions:
        _visit(found, [LIMITED, COUNTED])
    return found


def _visit(found: Reach, entries: Iterable[str]) -> None:
    waiting = list(entries)
    while waiting:
        target = _resolve(waiting.pop())
        if target is None:
            continue
        module, name = target
        waiting += _load(found, module)
        if not name or target in found.definitions:
            continue
        found.definitions.add(target)
        for statement in _module(module).definitions[name]:
            waiting += _read(found, _module(module), statement)


def _load(found: Reach, name: str) -> Iterator[str]:
    """Import a module: its packages' `__init__`, its imports, its statements."""
    if name in found.modules:
        return
    found.modules.add(name)
    if "." in name:
        yield name.rpartition(".")[0]
    module = _module(name)
    for statement in module.at_import:
        yield from _read(found, module, statement)


def _read(found: Reach, module: Module, statement: ast.AST) -> Iterator[str]:
    """The dotted names a statement mentions; notes the settings and packages on the way."""
    local = module.imports | dict(_imported(statement, module.name))
    for node in _walk(statement):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for _, dotted in _imported(node, module.name):
                if dotted.split(".")[0] not in OURS:
                    found.packages.add(dotted.split(".")[0])
                yield _module_part(dotted)  # what is imported is reached where it is mentioned
        elif isinstance(node, ast.Call):
            _note_call(found, module, local, node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.changes |= any(_is_change(one) for one in node.decorator_list)
        dotted = _dotted(node)
        if dotted:
            first, _, rest = dotted.partition(".")
            whole = local.get(first) or f"{module.name}.{first}"
            named = f"{whole}.{rest}" if rest else whole
            qualified = _qualified(named)
            found.keyed |= qualified == KEYED
            if qualified not in (QUIET, KEYED, LIMITED, COUNTED):
                yield named


def _is_change(decorator: ast.expr) -> bool:
    """Whether it is `@app.post(...)` or the like."""
    return (
        isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Attribute)
        and decorator.func.attr in _CHANGES
    )


def _note_call(found: Reach, module: Module, local: dict[str, str], call: ast.Call) -> None:
    if isinstance(call.func, ast.Attribute) and call.func.attr == "emit":
        found.emits = True
    dotted = _dotted(call.func)
    if not dotted:
        return
    first, _, rest = dotted.partition(".")
    named = local.get(first, f"{module.name}.{first}") + (f".{rest}" if rest else "")
    reader = _qualified(named)
    pattern = _READERS.get(reader)
    if pattern is None or module.name in PASS_ON:
        return
    value = call.args[0] if call.args else None
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        found.settings.add(pattern.format(value.value.upper().replace("-", "_")))
        if reader == _REPLACES:
            found.replaced.add(value.value)
    else:
        found.unnamed.add(f"{module.name}:{call.lineno}")


def _qualified(dotted: str) -> str:
    target = _resolve(dotted)
    return ".".join(part for part in target if part) if target else dotted


def _resolve(dotted: str) -> Definition | None:
    """The definition behind a dotted name, through re-exports; None where it is not ours."""
    parts = dotted.split(".")
    if parts[0] not in OURS:
        return None
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        if _path(name) is None:
            continue
        if length == len(parts):
            return name, ""
        module, attribute = _module(name), parts[length]
        if attribute in module.definitions:
            return name, attribute
        again = module.imports.get(attribute)
        return _resolve(".".join([again, *parts[length + 1 :]])) if again else None
    return None


def _module_part(dotted: str) -> str:
    return dotted if _path(dotted) else dotted.rpartition(".")[0]


@cache
def _path(name: str) -> Path | None:
    path = ROOT.joinpath(*name.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


@cache
def _module(name: str) -> Module:
    path = _path(name)
    assert path, name
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    tree = ast.parse(path.read_text())
    module = Module(name, {})
    for statement in tree.body:
        if _is_type_checking(statement):
            continue
        module.imports |= dict(_imported(statement, package))
        names = _defined(statement)
        for defined in names:
            module.definitions.setdefault(defined, []).append(statement)
        if not names or _registers(statement, module):
            module.at_import.append(statement)
    return module


def _registers(statement: ast.stmt, module: Module) -> bool:
    """Whether a definition is handed to an object of its module, as `@app.get(...)` does."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    called = (d.func if isinstance(d, ast.Call) else d for d in decorators)
    roots = {(_dotted(name) or "").partition(".")[0] for name in called}
    return not roots.isdisjoint(module.definitions)


def _defined(statement: ast.stmt) -> list[str]:
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [statement.name]
        case ast.Assign():
            return [t.id for t in statement.targets if isinstance(t, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case _:
            return []


def _imported(node: ast.AST, package: str) -> Iterator[tuple[str, str]]:
    """Local names and what they stand for. Relative imports are not ours: ruff forbids them."""
    for inner in _walk(node):
        if isinstance(inner, ast.Import):
            for alias in inner.names:
                yield (
                    (alias.asname or alias.name.split(".")[0]),
                    (alias.name if alias.asname else alias.name.split(".")[0]),
                )
        elif isinstance(inner, ast.ImportFrom) and inner.module:
            for alias in inner.names:
                yield (alias.asname or alias.name), f"{inner.module}.{alias.name}"


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """Every node but those under `if TYPE_CHECKING`."""
    if _is_type_checking(node):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _walk(child)


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def _dotted(node: ast.AST) -> str | None:
    """`a.b.c` of a name or a chain of attributes."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(names)]) if isinstance(node, ast.Name) else None
