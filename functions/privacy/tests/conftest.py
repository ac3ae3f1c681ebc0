"""What the tests of privacy share: a workspace that knows Erika, and the hands that work on
requests.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID, uuid4

import pytest

from events.envelope import Event, parse
from functions.activities.api import handler as tasks
from functions.contacts.api import handler as contacts
from functions.privacy import jobs
from functions.privacy.api import handler as api
from functions.privacy.consumers import handler as consumer
from shared.aws import client
from shared.ids import uuid7
from shared.testing import BUCKET, Answer, Call, Database, Deliver, LambdaContext, Workspace

URL = "/api/v1/privacy-requests"
ERIKA = "erika@mustermann.example"
NAME = "Erika Mustermann"


@dataclass(frozen=True)
class Desk:
    """Does what people, the bus, the pollers and the scheduler do."""

    call: Call
    deliver: Deliver
    as_role: Callable[[str], None]
    database: Database
    workspace: Workspace

    def ask(self, kind: str, *, within: Workspace | None = None, **person: Any) -> Answer:
        """A request by the owner."""
        return self.call(
            api, "POST", URL, {"kind": kind, **person}, workspace=within or self.workspace
        )

    def get(self, request: dict[str, Any], path: str = "", **options: Any) -> Answer:
        return self.call(
            api, "GET", f"{URL}/{request['id']}{path}", workspace=self.workspace, **options
        )

    def begin(self, request: dict[str, Any], *, times: int = 1) -> None:
        """The request's event arrives at its queue."""
        [event] = [one for one in self.events() if one.aggregate_id == UUID(request["id"])][:1]
        for _ in range(times):
            assert self.deliver(consumer, event, role="crm_eraser") == []

    def tick(self, job: str = "resume-requests") -> None:
        """The scheduler runs a job."""
        self.as_role("crm_eraser")
        jobs.handler({"detail": {"job": job}}, LambdaContext())  # pyright: ignore[reportArgumentType]

    def wait(self) -> None:
        """Whatever requests wait for is over."""
        self.database.admin(
            """
            update privacy_requests set due_at = now() - interval '1 second'
            where workspace_id = %(id)s and state in ('waiting', 'running')
            """,
            id=self.workspace.id,
        )

    def erase(self, **person: Any) -> dict[str, Any]:
        """A whole erasure; the request as it is then."""
        answer = self.ask("erasure", **person)
        assert answer.status == 202, answer.json
        self.begin(answer.json)
        for _ in range(3):
            self.wait()
            self.tick()
        done: dict[str, Any] = self.get(answer.json).json
        assert done["state"] == "done", done
        return done

    def events(self, within: Workspace | None = None) -> list[Event]:
        """The feed."""
        rows = self.database.admin(
            """
            select type, payload, position from event_log
            where workspace_id = %(id)s order by position
            """,
            id=(within or self.workspace).id,
        )
        found = [parse(row["type"], row["payload"] | {"position": row["position"]}) for row in rows]
        return [event for event in found if event is not None]

    def contact(self, within: Workspace | None = None, **fields: Any) -> dict[str, Any]:
        body = {"name": NAME, "email": ERIKA, "phone": "+49 30 901820", **fields}
        answer = self.call(
            contacts, "POST", "/api/v1/contacts", body, workspace=within or self.workspace,
            headers={"Idempotency-Key": uuid4().hex},
        )  # fmt: skip
        assert answer.status == 201, answer.json
        return answer.json

    def task(self, contact: dict[str, Any] | None, **fields: Any) -> dict[str, Any]:
        body = {"title": f"Call {NAME}", "contact_id": contact and contact["id"], **fields}
        answer = self.call(tasks, "POST", "/api/v1/tasks", body, workspace=self.workspace)
        assert answer.status == 201, answer.json
        return answer.json

    def request(self, request: dict[str, Any]) -> dict[str, Any]:
        """The request as it is stored."""
        [row] = self.database.admin(
            "select * from privacy_requests where id = %(id)s::uuid", id=request["id"]
        )
        return row

    def mailbox(self, address: str = "ana@acme.example") -> UUID:
        """A mailbox, as its connection left it."""
        made = uuid7()
        self.database.admin(
            """
            insert into mailboxes (workspace_id, id, user_id, provider, address, sharing,
                credentials)
            values (%(w)s, %(id)s, %(user)s, 'gmail', %(address)s, 'everything', '')
            """,
            w=self.workspace.id,
            id=made,
            user=self.workspace.user_id,
            address=address,
        )
        return made

    def mail(
        self, mailbox: UUID, sender: str, *to: str, text: str = "Hello", raw: bytes = b""
    ) -> UUID:
        """A mail, as fetching leaves it: its rows, its bytes, no event."""
        email, thread, provider_id = uuid7(), uuid7(), uuid4().hex
        key = f"{self.workspace.id}/mail/{provider_id}.eml"
        client("s3").put_object(
            Bucket=BUCKET, Key=key, Body=raw or f"From: {sender}\r\nTo: {to}\r\n\r\n{text}".encode()
        )
        given = {
            "w": self.workspace.id,
            "email": email,
            "thread": thread,
            "mailbox": mailbox,
            "provider_id": provider_id,
            "key": key,
            "sender": sender,
            "text": text,
            "people": [sender, *to],
        }
        for statement in _MAIL:
            self.database.admin(statement, **given)
        return email

    def objects(self, within: Workspace | None = None) -> dict[str, bytes]:
        """Everything in the bucket that is the workspace's."""
        s3 = client("s3")
        found: dict[str, bytes] = {}
        listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{(within or self.workspace).id}/")
        for one in listed.get("Contents", []):
            key = one.get("Key", "")
            found[key] = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return found


_MAIL: tuple[LiteralString, ...] = (
    """
    insert into threads (workspace_id, id, mailbox_id, provider_id, last_at)
    values (%(w)s, %(thread)s, %(mailbox)s, %(provider_id)s, now())
    """,
    """
    insert into emails (workspace_id, id, mailbox_id, thread_id, provider_id, direction, kind,
        sender_email, received_at, labels, attachments, defects, size, raw_key, backfill)
    values (%(w)s, %(email)s, %(mailbox)s, %(thread)s, %(provider_id)s, 'inbound', 'human',
        %(sender)s, now(), '{INBOX}', '[]', '{}', 1, %(key)s, false)
    """,
    """
    insert into email_subjects (workspace_id, id, mailbox_id, subject, snippet)
    values (%(w)s, %(email)s, %(mailbox)s, %(text)s, %(text)s)
    """,
    """
    insert into email_bodies (workspace_id, id, mailbox_id, text, html, reply, signature)
    values (%(w)s, %(email)s, %(mailbox)s, %(text)s, %(text)s, %(text)s, %(text)s)
    """,
    """
    insert into email_participants (workspace_id, email_id, place, role, name, email)
    select %(w)s, %(email)s, n, case n when 1 then 'from' else 'to' end, address, address
    from unnest(%(people)s::text[]) with ordinality as p (address, n)
    """,
    """
    insert into mail_ledger (workspace_id, mailbox_id, provider_id, state, listed, email_id,
        raw_key)
    values (%(w)s, %(mailbox)s, %(provider_id)s, 'stored', false, %(email)s, %(key)s)
    """,
)


@pytest.fixture
def desk(
    call: Call,
    deliver: Deliver,
    as_role: Callable[[str], None],
    database: Database,
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
) -> Desk:
    monkeypatch.setenv("HASTE_PRIVACY_AGAIN_SECONDS", "300")
    # Schedules look across workspaces: no other test's request is to be seen.
    database.admin(
        """
        update privacy_requests set state = 'failed', finished_at = now(), claim = null
        where state in ('waiting', 'running')
        """
    )
    return Desk(call, deliver, as_role, database, workspace)


def grep(desk: Desk, *words: str, within: Workspace | None = None) -> dict[str, list[str]]:
    """Where a word is found: in every row of every table with a workspace, as text, and in every
    object of the bucket; by table, or by key.
    """
    place = within or desk.workspace
    found: dict[str, list[str]] = {}
    tables = desk.database.admin(
        """
        select c.relname as name from pg_class c
        join pg_attribute a on a.attrelid = c.oid and a.attname = 'workspace_id'
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
            and not c.relispartition
        """
    )
    for table in [one["name"] for one in tables]:
        query: Any = f"select to_jsonb(t) as row from {table} t where workspace_id = %(w)s"  # noqa: S608 -- a name from the catalogue
        for one in desk.database.admin(query, w=place.id):
            text = _readable(one["row"])
            found.setdefault(table, []).extend(w for w in words if w.lower() in text)
    for key, body in desk.objects(place).items():
        text = body.decode(errors="replace").lower()
        found.setdefault(key, []).extend(word for word in words if word.lower() in text)
    return {name: hits for name, hits in found.items() if hits}


def _readable(row: dict[str, Any]) -> str:
    """A row as text; bytes, which JSON has in hexadecimal, as what they say."""
    texts = [json.dumps(row, ensure_ascii=False)]
    for value in row.values():
        if isinstance(value, str) and value.startswith("\\x"):
            texts.append(bytes.fromhex(value[2:]).decode(errors="replace"))
    return "\n".join(texts).lower()
