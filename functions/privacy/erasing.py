"""Erasing a person: every part of it, a batch at a time.

A batch, what it did and which objects are to be deleted for it are one transaction; the objects
are deleted after it. So whoever takes over after a kill knows what is left. A part that fails holds
up no other; what comes after it is gone through again once it is done.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from uuid import UUID

from functions.privacy import commands, store
from functions.privacy.models import Lost, Step, Taken
from functions.privacy.objects import delete_objects
from functions.privacy.parts import find_parts
from shared.db import transaction
from shared.errors import WorkspaceClosing
from shared.log import logger
from shared.privacy import Part, Person
from shared.settings import setting

ACTOR = "system:privacy"
_AGAIN_S = "300"
OBJECTS = "objects"
"""The step of what is deleted from the bucket, where that failed."""


@dataclass(slots=True)
class _Work:
    """An erasure, how far each of its parts is, and whether something failed."""

    workspace_id: UUID
    taken: Taken
    person: Person
    deadline: float
    steps: dict[str, Step]
    failed: bool = False


def erase_person(workspace_id: UUID, taken: Taken, person: Person, deadline: float) -> None:
    """Go on with an erasure until it is through or time is up.

    Raises:
        Lost: somebody else works on it by now.
    """
    work = _Work(workspace_id, taken, person, deadline, dict(taken.steps))
    if taken.objects:  # somebody before us noted them, and did not get to them
        _delete(work, taken.objects)
    for part in find_parts():
        if work.steps.get(part.name, Step()).state == "done":
            continue
        try:
            through = _erase_part(work, part)
        except (Lost, WorkspaceClosing):
            raise
        except Exception as error:
            _note_failure(work, part.name, error)
        else:
            if not through:
                with transaction(workspace_id, actor=ACTOR) as tx:
                    commands.go_on_later(tx, taken, work.steps)
                return
    _end(work)


def _erase_part(work: _Work, part: Part) -> bool:
    """Erase a part, batch by batch; False where time was up before its end."""
    settled = all(work.steps.get(name, Step()).state == "done" for name in part.after)
    while time.monotonic() < work.deadline:
        with transaction(work.workspace_id, actor=ACTOR) as tx:
            store.hold(tx, work.taken)
            after = work.steps.get(part.name, Step()).after
            batch = part.erase(tx, work.person, after)
            grown = commands.note_batch(
                tx, work.taken, work.steps, part.name, batch, settled=settled
            )
        work.steps = grown
        if batch.objects:
            _delete(work, batch.objects)
        if batch.after is None:
            return True
    return False


def _delete(work: _Work, keys: tuple[str, ...]) -> None:
    """Delete objects; where that fails they stay noted, and nothing else waits for it."""
    try:
        delete_objects(keys)
    except Exception as error:
        _note_failure(work, OBJECTS, error)
        return
    if OBJECTS in work.steps:
        work.steps[OBJECTS] = Step(state="done")
    with transaction(work.workspace_id, actor=ACTOR) as tx:
        store.forget_objects(tx, work.taken, keys)


def _note_failure(work: _Work, part: str, error: Exception) -> None:
    """What an error says may tell of the person: only its name is kept."""
    name = f"{part}: {type(error).__name__}"
    logger.error("a part could not be erased", metadata={"error": name})
    work.failed = True
    step = work.steps.get(part, Step())
    update = {"state": "waiting", "error": name, "attempts": step.attempts + 1}
    work.steps[part] = step.model_copy(update=update)


def _end(work: _Work) -> None:
    waiting = any(work.steps[part.name].state != "done" for part in find_parts())
    with transaction(work.workspace_id, actor=ACTOR) as tx:
        if work.failed or waiting:
            commands.put_off(tx, work.taken, work.steps)
            return
        again_s = float(setting("PRIVACY_AGAIN_SECONDS", _AGAIN_S))
        commands.end_round(tx, work.taken, work.person, work.steps, again_s=again_s)
