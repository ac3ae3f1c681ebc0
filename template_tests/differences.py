"""What differs between two assemblies, with what CDK makes up put aside.

Logical ids read as their construct's place, the stage's name as `STAGE`, and the hash of an asset
as its name; each difference is a line that begins with where it is:
`auth: api/Function/Resource: Environment/Variables/HASTE_BUS: ...`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from template_tests.templates import Assembly, Resource

NOTHING, KIND = "(nothing)", "(kind)"


def differences(one: Assembly, other: Assembly) -> list[str]:
    """Every difference, `one`'s value before the arrow; a resource only one has is one line."""
    left, right = _resources(one), _resources(other)
    found: list[str] = []
    for place in sorted(left.keys() | right.keys()):
        if place not in right:
            found.append(f"{place}: {left[place][KIND]} -> {NOTHING}")
        elif place not in left:
            found.append(f"{place}: {NOTHING} -> {right[place][KIND]}")
        else:
            found += [f"{place}: {line}" for line in _compared(left[place], right[place])]
    return found


def assets(assembly: Assembly) -> dict[str, str]:
    """The hash of each asset by its name: `core`, `functions`."""
    known: dict[str, str] = {}
    for path in assembly.folder.glob("*.assets.json"):
        for identity, file in json.loads(path.read_text())["files"].items():
            name, _, target = file["displayName"].partition(" for ")
            if target:
                known[name] = identity
    return known


def _resources(assembly: Assembly) -> dict[str, dict[str, Any]]:
    """Every resource by its stack and place."""
    names = {identity: name for name, identity in assets(assembly).items()}
    found: dict[str, dict[str, Any]] = {}
    for template in assembly.templates.values():
        for one in template.resources.values():
            text = _plain(assembly, _document(template.places, one), names)
            place = _plain(assembly, f"{one.stack}: {one.place or one.id}", names)
            assert place not in found, place
            found[place] = json.loads(text)
    return found


def _document(places: Any, one: Resource) -> str:
    """A resource as JSON, other resources in it by their place."""
    whole: dict[str, Any] = {KIND: one.type, **one.properties, **one.given}
    whole["DependsOn"] = sorted(places.get(name, name) for name in one.depends)
    whole.pop("Metadata", None)
    text = json.dumps(whole)
    return re.sub(r"<(\w+)(?=[.>])", lambda ref: f"<{places.get(ref[1], ref[1])}", text)


def _plain(assembly: Assembly, text: str, assets: dict[str, str]) -> str:
    for identity, name in assets.items():
        text = text.replace(identity, f"HASH-OF-{name}").replace(identity[:12], f"HASH-OF-{name}")
    stage = re.escape(assembly.stage.name)
    made_up = rf"(haste{stage}[a-z]+[A-Z][a-z]+)[0-9A-F]{{8}}\b|(RoleForTarget)[0-9a-f]+"
    text = re.sub(made_up, lambda found: f"{found[1] or found[2]}-HASH", text)
    return re.sub(rf'(?<=haste){stage}|(?<=[-./"]){stage}(?=["./-])', "STAGE", text)


def _compared(left: Any, right: Any, pointer: str = "") -> Iterator[str]:
    """Lists are compared as sets: a policy with one statement less differs in that statement."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in sorted(left.keys() | right.keys()):
            where = f"{pointer}/{key}" if pointer else key
            yield from _compared(left.get(key, NOTHING), right.get(key, NOTHING), where)
    elif isinstance(left, list) and isinstance(right, list):
        if len(left) == len(right) == 1:
            yield from _compared(left[0], right[0], f"{pointer}/0")
            return
        mine, theirs = ({json.dumps(v, sort_keys=True) for v in side} for side in (left, right))
        yield from (f"{pointer}: {value} -> {NOTHING}" for value in sorted(mine - theirs))
        yield from (f"{pointer}: {NOTHING} -> {value}" for value in sorted(theirs - mine))
    elif left != right:
        yield f"{pointer}: {_shown(left)} -> {_shown(right)}"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
