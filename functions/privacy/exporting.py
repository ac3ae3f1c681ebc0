"""Handing out what there is about a person: one ZIP file with a file or more from each part.

It is made on disk, a page and a mail at a time, so memory does not grow with it; and in one go: a
second attempt begins anew. Nothing is in the bucket before it is complete.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from tempfile import TemporaryFile
from typing import IO, Any
from uuid import UUID
from zipfile import ZIP_DEFLATED, ZipFile

from functions.privacy import commands, store
from functions.privacy.models import KEPT_DAYS, Lost, Step, Taken
from functions.privacy.objects import delete_objects, key_of
from functions.privacy.parts import find_parts
from shared.aws import client
from shared.db import transaction
from shared.errors import WorkspaceClosing
from shared.log import logger
from shared.privacy import Collect, Page, Person
from shared.settings import setting

ACTOR = "system:privacy"
LARGEST = 400_000_000
"""Bytes: a function has 512 MB of disk.
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""
_CHUNK = 1 << 20
_ABOUT = """\
What {workspace} has about a person, made on {at}.

{files}

Files that end in .ndjson have a JSON object in every line; times are in UTC. Mails are as they were
received. A mail whose blind copies went to others is there without its bytes, and a mail that was
received long ago may be archived elsewhere. This file is deleted after {days} days.
"""


class GivenUp(Exception):
    """The export cannot be made, now or later; the text is the reason."""


class _Archive:
    """A ZIP file that is written, and what is in it."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.zip = ZipFile(file, "w", ZIP_DEFLATED)
        self.records: dict[str, int] = {}

    def check(self, deadline: float) -> None:
        """Go on only if it is small enough, and in time.

        Raises:
            GivenUp: it is not.
        """
        if self.file.tell() > LARGEST:
            raise GivenUp("too_large")
        if time.monotonic() > deadline:
            raise GivenUp("too_long")


def export_person(workspace_id: UUID, taken: Taken, person: Person, deadline: float) -> None:
    """Make an export, or note why not.

    Raises:
        Lost: somebody else works on it by now.
    """
    key = key_of(workspace_id, taken.id)
    try:
        with transaction(workspace_id, actor=ACTOR) as tx:
            store.set_export_key(tx, taken, key)
        steps, size = _make(workspace_id, taken, person, deadline, key)
        with transaction(workspace_id, actor=ACTOR) as tx:
            commands.end_export(tx, taken, steps, size=size)
    except WorkspaceClosing:
        raise
    except Exception as error:
        try:
            if isinstance(error, Lost):
                raise
            with transaction(workspace_id, actor=ACTOR) as tx:
                store.hold(tx, taken)  # whatever failed, the file may be somebody else's by now
        except Lost:
            _leave_to_others(workspace_id, taken, key)
            raise
        # What an error says may tell of the person: only its name is kept.
        delete_objects([key])
        name = str(error) if isinstance(error, GivenUp) else type(error).__name__
        logger.error("an export could not be made", metadata={"error": name})
        with transaction(workspace_id, actor=ACTOR) as tx:
            store.set_export_key(tx, taken, None)
            if isinstance(error, GivenUp):
                commands.fail(tx, taken, taken.steps, name)
            else:
                commands.put_off(tx, taken, {"export": Step(error=name)})


def _leave_to_others(workspace_id: UUID, taken: Taken, key: str) -> None:
    """Somebody else makes the export, or has made it, and under the same name; ours is deleted
    where there is to be none any more.
    """
    with transaction(workspace_id, actor=ACTOR) as tx:
        given_up = store.is_given_up(tx, taken.id)
    if given_up:
        delete_objects([key])


def _make(
    workspace_id: UUID, taken: Taken, person: Person, deadline: float, key: str
) -> tuple[dict[str, Step], int]:
    """Write the file and put it into the bucket; what is in it, by part, and its size."""
    steps: dict[str, Step] = {}
    with TemporaryFile() as file:
        archive = _Archive(file)
        with archive.zip:
            for part in find_parts():
                for name, collect in part.files.items():
                    _write(workspace_id, taken, person, archive, name, collect, deadline)
                    rows = {name: archive.records[name]}
                    known = steps.get(part.name, Step()).rows
                    steps[part.name] = Step(state="done", rows=known | rows)
            archive.zip.writestr("README.txt", _about(workspace_id, archive.records))
        size = file.tell()
        file.seek(0)
        client("s3").put_object(
            Bucket=setting("BUCKET"), Key=key, Body=file, ContentType="application/zip"
        )
    return steps, size


def _write(
    workspace_id: UUID,
    taken: Taken,
    person: Person,
    archive: _Archive,
    name: str,
    collect: Collect,
    deadline: float,
) -> None:
    """Write one file, page by page, then the objects that belong beside it."""
    objects: dict[str, str] = {}
    after, count, whole = None, 0, name.endswith(".json")
    with archive.zip.open(name, "w", force_zip64=True) as member:
        member.write(b"[\n" if whole else b"")
        while True:
            with transaction(workspace_id, actor=ACTOR) as tx:
                store.hold(tx, taken)
                page: Page = collect(tx, person, after)
            for record in page.records:
                member.write(b",\n" if whole and count else b"")
                member.write(_json(record))
                member.write(b"" if whole else b"\n")
                count += 1
            objects |= page.objects
            archive.check(deadline)
            if page.after is None:
                break
            after = page.after
        member.write(b"\n]\n" if whole else b"")
    archive.records[name] = count
    for place, (object_name, key) in enumerate(objects.items()):
        if place % 50 == 0:
            with transaction(workspace_id, actor=ACTOR) as tx:
                store.hold(tx, taken)
        _copy(archive, object_name, key)
        archive.check(deadline)


def _copy(archive: _Archive, name: str, key: str) -> None:
    """Copy an object of the bucket into the file, a piece at a time."""
    body = client("s3").get_object(Bucket=setting("BUCKET"), Key=key)["Body"]
    with archive.zip.open(name, "w", force_zip64=True) as member:
        for piece in body.iter_chunks(_CHUNK):
            member.write(piece)


def _about(workspace_id: UUID, records: Mapping[str, int]) -> str:
    files = "\n".join(f"{name}: {count} records" for name, count in records.items())
    at = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    return _ABOUT.format(workspace=f"workspace {workspace_id}", at=at, files=files, days=KEPT_DAYS)


def _json(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False, default=_plain).encode()


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
