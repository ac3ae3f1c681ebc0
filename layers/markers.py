"""Environment markers of uv.lock: whether a dependency is wanted on a target.

Only what uv writes there is understood. All of that is Python's own syntax, so Python parses it.
https://packaging.python.org/en/latest/specifications/dependency-specifiers/
"""

from __future__ import annotations

import ast

from layers.failure import CannotBuild
from layers.target import Target

_VERSIONS = {"python_version", "python_full_version"}
_SYSTEMS = {"linux": "Linux", "darwin": "Darwin"}


def applies(marker: str, target: Target) -> bool:
    """Whether the marker holds. Raises CannotBuild for one that is not understood."""
    try:
        return _holds(ast.parse(marker, mode="eval").body, _environment(target))
    except (KeyError, SyntaxError, TypeError, ValueError) as error:
        raise CannotBuild(
            f"uv.lock has a marker that layers/markers.py does not understand: {marker}"
        ) from error


def _environment(target: Target) -> dict[str, str]:
    return {
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": target.machine,
        "platform_python_implementation": "CPython",
        "platform_system": _SYSTEMS[target.system],
        "python_full_version": target.python,
        "python_version": target.minor,
        "sys_platform": target.system,
    }


def _holds(node: ast.expr, environment: dict[str, str]) -> bool:
    match node:
        case ast.BoolOp(op=ast.And()):
            return all(_holds(part, environment) for part in node.values)
        case ast.BoolOp(op=ast.Or()):
            return any(_holds(part, environment) for part in node.values)
        case ast.Compare(
            left=ast.Name(id=name), ops=[operator], comparators=[ast.Constant(value=str(wanted))]
        ):
            if name in _VERSIONS:
                return _versions(environment[name], operator, wanted)
            return _texts(environment[name], operator, wanted)
        case _:
            raise ValueError(ast.unparse(node))


def _texts(found: str, operator: ast.cmpop, wanted: str) -> bool:
    match operator:
        case ast.Eq():
            return found == wanted
        case ast.NotEq():
            return found != wanted
        case ast.In():
            return found in wanted
        case ast.NotIn():
            return found not in wanted
        case _:
            raise TypeError(operator)


def _versions(found: str, operator: ast.cmpop, wanted: str) -> bool:
    if wanted.endswith(".*"):
        prefix = [int(part) for part in wanted.removesuffix(".*").split(".")]
        return _texts(str(_numbers(found)[: len(prefix)]), operator, str(prefix))
    left, right = _numbers(found), _numbers(wanted)
    match operator:
        case ast.Eq():
            return left == right
        case ast.NotEq():
            return left != right
        case ast.Lt():
            return left < right
        case ast.LtE():
            return left <= right
        case ast.Gt():
            return left > right
        case ast.GtE():
            return left >= right
        case _:
            raise TypeError(operator)


def _numbers(version: str) -> list[int]:
    """Three numbers, however many were given: 3.13 is 3.13.0, as uv takes it."""
    parts = [int(part) for part in version.split(".")]
    return parts + [0] * (3 - len(parts))
