"""A workspace made ready for a run: signed up, furnished, its mailboxes connected and opened."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import httpx

from infra_cdk.local.commands.failure import CannotDo
from infra_cdk.local.commands.mailrun import api, office
from infra_cdk.local.commands.mailrun.api import Account
from infra_cdk.local.commands.mailrun.arrivals import Delivery
from infra_cdk.local.commands.mailrun.letters import SAMPLES, Letter, read_folder
from infra_cdk.local.commands.mailrun.run import run
from infra_cdk.local.commands.mailrun.watching import Watcher, watching
from infra_cdk.local.commands.tick import run_job
from infra_cdk.local.google.mailbox import Mailbox
from infra_cdk.local.stack import Stack

_FEW = 6
WAY_JOBS = (("email-jobs", "poll"), ("email-jobs", "release"), ("outbox-jobs", "sweep"))
"""What finds mails and events that were lost on the way."""


@dataclass(frozen=True, slots=True)
class Stage:
    """`boxes`, `mailbox_ids` (hasteCRM's) and `letters` (still to come) are by address."""

    account: Account
    boxes: Mapping[str, Mailbox]
    mailbox_ids: Mapping[str, str]
    letters: Mapping[str, Sequence[Letter]]
    watcher: Watcher


@contextmanager
def staged(
    stack: Stack, workspace: str, letters: Mapping[str, Sequence[Letter]]
) -> Generator[Stage]:
    """A new workspace that waits for its first mail.

    Raises:
        CannotDo: the API refuses or does not answer.
    """
    person = next(iter(letters))
    with ExitStack() as closing:
        try:
            account = api.sign_up(stack.api_url, name="Maya", email=person, workspace=workspace)
            closing.callback(account.client.close)
            office.furnish(account, [letter for mine in letters.values() for letter in mine])
            mailbox_ids = office.connect(account, letters)
        except httpx.HTTPError as error:
            raise CannotDo(f"The API does not answer ({error}); look into the logs.") from error
        boxes = {
            address: closing.enter_context(Mailbox(stack.google_url, address))
            for address in letters
        }
        watcher = closing.enter_context(watching(stack.database_url(), account.workspace))
        yield Stage(account, boxes, mailbox_ids, letters, watcher)


def warm_up(stack: Stack, address: str, letters: Sequence[Letter] = ()) -> None:
    """Have every function on the mail's way started and used, by mails of another workspace.

    Raises:
        CannotDo: they did not get through.
    """
    for function, job in WAY_JOBS:
        run_job(stack.config, function, job)
    with staged(stack, "Warm-up", {address: letters or read_folder(SAMPLES)[:_FEW]}) as stage:
        delivery = Delivery(stage.boxes, stage.letters, stage.watcher)
        outcome = run(stack, delivery, lambda _arrived, _counts: None)
    if outcome.missing:
        raise CannotDo(
            f"The first mails did not get through: {outcome.missing}. Look into {stack.state.logs}."
        )
