"""What becomes of requests: made, taken up, gone on with, done or given up."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID, uuid4

from events.privacy import (
    PersonErased,
    PersonErasureRequested,
    PersonExported,
    PersonExportRequested,
    PrivacyRequestFailed,
)
from functions.privacy import queries, store
from functions.privacy.models import (
    Kind,
    NewPrivacyRequest,
    NotGivenUp,
    OneOfYours,
    PersonNotFound,
    PrivacyRequest,
    Step,
    Taken,
)
from shared.access import Access, NotPermitted
from shared.db import Tx
from shared.encryption import DataKey
from shared.errors import FieldError
from shared.log import logger, metrics
from shared.privacy import Batch, Person, fingerprints

MOST_ATTEMPTS = 8
_MOST_TAKEN = 40
"""How often a request is taken up that gets nowhere and says nothing of it: deploys and time-outs
kill, and so may the request itself.
"""
_LONGEST_WAIT_S = 3600
ROUNDS = 2


def create_request(tx: Tx, new: NewPrivacyRequest) -> PrivacyRequest:
    """Ask for a person's data, or for its erasure.

    Raises:
        NotPermitted: it takes `contacts.export`, or `contacts.delete`; and to see all that there
            is: everybody's contacts with all their fields, and members.
        PersonNotFound: there is no such contact.
        OneOfYours: the address is a mailbox's of the workspace, or a member's.
        AlreadyAsked: such a request is open for this person.
    """
    _require_all(tx.access, new.kind)
    address = str(new.email) if new.email else None
    if new.contact_id is not None:
        contact = queries.find_contact(tx, new.contact_id)
        if contact is None:
            raise PersonNotFound
        address = contact.email
    if new.kind == "erasure" and address and _is_ours(tx, address):
        at = "/email" if new.email else "/contact_id"
        raise OneOfYours(errors=(FieldError(at, "a member's or a mailbox's address", "own"),))
    request = store.insert_request(tx, new.kind, new.contact_id, address)
    _emit_asked(tx, request)
    return request


def retry_request(tx: Tx, request_id: UUID) -> PrivacyRequest:
    """Have a request that was given up tried again.

    Raises:
        NotPermitted: as for a new one.
        RequestNotFound: this workspace has none.
        NotGivenUp: it is being worked on, or done.
        AlreadyAsked: another one is open for the person.
    """
    _require_all(tx.access, queries.get_request(tx, request_id).kind)
    request = store.retry_request(tx, request_id)
    if request is None:
        raise NotGivenUp
    _emit_asked(tx, request)
    return request


def _emit_asked(tx: Tx, request: PrivacyRequest) -> None:
    envelope = tx.envelope(request.id, request.version)
    if request.kind == "export":
        tx.emit(PersonExportRequested(**envelope, contact_id=request.contact_id))
    else:
        tx.emit(PersonErasureRequested(**envelope, contact_id=request.contact_id))


def _require_all(access: Access, kind: Kind) -> None:
    """What is exported or erased is all that there is: whoever sees less does not ask for it."""
    access.require("contacts.export" if kind == "export" else "contacts.delete")
    access.require("contacts.read")
    access.require("members.read")
    if access.reach["contacts.read"] != "all" or access.hidden_of("contacts"):
        detail = "this needs everybody's contacts, with all their fields"
        raise NotPermitted(errors=(FieldError("", detail, "permission"),))


def take_up(tx: Tx, request_id: UUID, key: DataKey) -> tuple[Taken, Person] | None:
    """Take a request up, and find out whom it is about: contacts may have come since. None where
    there is nothing to do: it is done, not due yet, or somebody works on it.
    """
    taken = store.take_request(tx, request_id, uuid4())
    if taken is None:
        return None
    if taken.attempts > _MOST_TAKEN:  # whoever took it up before never came back
        fail(tx, taken, taken.steps, "interrupted")
        return None
    if taken.kind == "erasure" and taken.address and queries.is_own(tx, taken.address):
        fail(tx, taken, taken.steps, OneOfYours().code)
        return None
    found = queries.contacts_of(tx, taken.contact_id, taken.address)
    contact_ids = sorted({*taken.contact_ids, *found})
    names = sorted({*taken.names, *queries.names_of(tx, found, taken.address)})
    addresses = (taken.address,) if taken.address else ()
    erasing = addresses if taken.kind == "erasure" else ()
    store.set_person(tx, taken, contact_ids, names, next(iter(fingerprints(key, erasing)), None))
    return taken, Person(taken.id, tuple(contact_ids), addresses, tuple(names), key)


def note_batch(
    tx: Tx, taken: Taken, steps: Mapping[str, Step], part: str, batch: Batch, *, settled: bool
) -> dict[str, Step]:
    """Write down what a batch did, in its own transaction; how far everything is then."""
    known = steps.get(part, Step())
    grown = {**steps, part: known.grown(batch, settled=settled)}
    store.write_steps(tx, taken, grown, batch.objects)
    return grown


def put_off(tx: Tx, taken: Taken, steps: Mapping[str, Step]) -> None:
    """Something failed: try again later, with longer and longer waits, and give up in the end."""
    if taken.attempts >= MOST_ATTEMPTS:
        errors = sorted({step.error for step in steps.values() if step.error})
        fail(tx, taken, steps, ", ".join(errors)[:500] or "failed")
        return
    wait_s = min(30 * 2**taken.attempts, _LONGEST_WAIT_S)
    store.put_off(tx, taken, steps, wait_s=wait_s, fresh=False)


def go_on_later(tx: Tx, taken: Taken, steps: Mapping[str, Step]) -> None:
    """Time is up; whoever comes next goes on at once."""
    store.put_off(tx, taken, steps, wait_s=0, fresh=True)


def end_round(
    tx: Tx, taken: Taken, person: Person, steps: Mapping[str, Step], *, again_s: float
) -> None:
    """Everything is gone through: once more a while later, for what was on its way; then it is
    done, and the address is forgotten but for its fingerprint.
    """
    if taken.round < ROUNDS:
        waiting = {name: Step(rows=step.rows) for name, step in steps.items()}
        store.next_round(tx, taken, waiting, wait_s=again_s)
        return
    version = store.finish_erasure(tx, taken, steps)
    rows = sum(sum(step.rows.values()) for step in steps.values())
    tx.emit(
        PersonErased(**tx.envelope(taken.id, version), contact_ids=person.contact_ids, rows=rows)
    )


def end_export(tx: Tx, taken: Taken, steps: Mapping[str, Step], *, size: int) -> None:
    """The export can be downloaded."""
    version = store.finish_export(tx, taken, steps, size)
    tx.emit(
        PersonExported(
            **tx.envelope(taken.id, version),
            contact_id=taken.contact_id,
            records=sum(sum(step.rows.values()) for step in steps.values()),
            size=size,
        )
    )


def fail(tx: Tx, taken: Taken, steps: Mapping[str, Step], reason: str) -> None:
    """Give a request up, and say why."""
    failed = {
        name: step if step.state == "done" else step.model_copy(update={"state": "failed"})
        for name, step in steps.items()
    }
    version = store.fail_request(tx, taken, failed, reason)
    tx.emit(PrivacyRequestFailed(**tx.envelope(taken.id, version), kind=taken.kind, reason=reason))
    metrics.add_metric(name="PrivacyRequestFailed", unit="Count", value=1)
    logger.error("a privacy request is given up", metadata={"request": str(taken.id)})


def _is_ours(tx: Tx, address: str) -> bool:
    return queries.is_own(tx, address) or queries.is_member(tx, address)
