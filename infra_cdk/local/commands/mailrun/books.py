"""Whether every mail is accounted for: what Gmail lists against the ledger, the bucket and back."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
from psycopg.rows import dict_row

from infra_cdk.local.commands.mailrun import api
from infra_cdk.local.commands.mailrun.api import Account
from infra_cdk.local.commands.mailrun.arrivals import Arrival
from infra_cdk.local.google import mailbox as gmail
from infra_cdk.local.google.mailbox import Mailbox

_AT_ONCE = 4
_TOTALS = """
select
    (select coalesce(jsonb_object_agg(state, mails), '{}') from (
        select state, count(*) as mails from mail_ledger
        where workspace_id = %(workspace)s group by state) by_state) as states,
    (select count(*) - count(distinct l.provider_id) from emails e left join mail_ledger l
        on l.workspace_id = e.workspace_id and l.email_id = e.id
        where e.workspace_id = %(workspace)s) as without_ledger_row,
    (select count(*) - count(distinct (e.mailbox_id, e.provider_id)) from emails e
        where e.workspace_id = %(workspace)s) as same_provider_id,
    (select count(*) from email_analyses where workspace_id = %(workspace)s) as analyzed,
    (select count(*) from email_entities where workspace_id = %(workspace)s) as entities,
    (select count(*) from automation_runs where workspace_id = %(workspace)s) as automation_runs,
    (select count(*) from tasks where workspace_id = %(workspace)s) as tasks_created
"""
_LEDGER = "select mailbox_id::text, provider_id from mail_ledger where workspace_id = %(workspace)s"
_STORED = "select id::text, provider_id from emails where workspace_id = %(workspace)s"


@dataclass(frozen=True, slots=True)
class Books:
    """The accounts of a run.

    `unaccounted` ids are listed by Gmail and not in the ledger; `duplicates` are stored mails
    beyond one for each ledger row and each of Gmail's ids. `raw_identical`: what was delivered,
    what Gmail returns and what the bucket holds are the same bytes, for every stored mail.
    """

    states: Mapping[str, int]
    unaccounted: int
    duplicates: int
    raw_identical: bool
    analyzed: int
    entities: int
    automation_runs: int
    tasks_created: int


def audit(
    account: Account,
    database_url: str,
    boxes: Mapping[str, Mailbox],
    mailbox_ids: Mapping[str, str],
    arrived: Mapping[str, Arrival],
) -> Books:
    """Compare everything. Gmail's quota and faults must be off: every mail is read once more."""
    totals, ledger, stored = _read(database_url, account.workspace)
    own_count = sum(
        (mailbox_ids[address], provider_id) not in ledger
        for address, box in boxes.items()
        for provider_id in gmail.list_ids(box)
    )
    api_count = sum(
        api.get(account, f"mailboxes/{one}/reconciliation")["unaccounted"]
        for one in mailbox_ids.values()
    )
    return Books(
        states=totals["states"],
        unaccounted=max(own_count, api_count),
        duplicates=max(totals["without_ledger_row"], totals["same_provider_id"]),
        raw_identical=bool(stored) and _all_identical(account, boxes, arrived, stored),
        analyzed=totals["analyzed"],
        entities=totals["entities"],
        automation_runs=totals["automation_runs"],
        tasks_created=totals["tasks_created"],
    )


def _read(
    database_url: str, workspace: str
) -> tuple[dict[str, Any], set[tuple[str, str]], list[tuple[str, str]]]:
    """The totals; mailbox and Gmail's id of each ledger row; id and Gmail's id of each mail."""
    asked = {"workspace": workspace}
    with psycopg.connect(database_url) as connection:
        connection.read_only = True
        cursor = connection.cursor(row_factory=dict_row)
        totals = cursor.execute(_TOTALS, asked).fetchone()
        ledger = set(connection.execute(_LEDGER, asked).fetchall())
        stored = connection.execute(_STORED, asked).fetchall()
    if totals is None:
        raise LookupError("a select without from gave no row")
    return totals, ledger, stored


def _all_identical(
    account: Account,
    boxes: Mapping[str, Mailbox],
    arrived: Mapping[str, Arrival],
    stored: list[tuple[str, str]],
) -> bool:
    def identical(mail: tuple[str, str]) -> bool:
        email_id, provider_id = mail
        arrival = arrived.get(provider_id)
        if arrival is None:
            return False
        try:
            in_bucket = api.raw_mail(account, email_id)
        except httpx.HTTPStatusError:
            return False
        at_gmail = gmail.raw(boxes[arrival.address], provider_id)
        return in_bucket == at_gmail == arrival.letter.raw

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return all(pool.map(identical, stored))
