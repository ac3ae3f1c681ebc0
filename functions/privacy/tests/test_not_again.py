"""What was erased does not come back: not by the next synchronisation, not by a full one, not from
a mailbox that is connected later.
"""

from __future__ import annotations

from uuid import uuid4

from functions.email.tests.conftest import Connect, Mailroom, box, connect, mailroom, queues
from functions.privacy.tests.conftest import ERIKA, NAME, Desk, grep
from infra_cdk.local.google import mailbox as mail
from infra_cdk.local.google.mailbox import Mailbox

pytest_plugins = ["infra_cdk.local.google.fixtures"]
__all__ = ["box", "connect", "mailroom", "queues"]


def _raw(sender: str, *to: str) -> bytes:
    head = f"From: {sender}\r\nTo: {', '.join(to)}\r\nSubject: Hi\r\n"
    return f"{head}Message-ID: <{uuid4()}@x.example>\r\n\r\nHello\r\n".encode()


HERS = f"{NAME} <{ERIKA}>"
ANA, BOB = "ana@acme.example", "bob@other.example"


def test_an_erased_mail_is_not_fetched_again(
    desk: Desk, connect: Connect, mailroom: Mailroom, box: Mailbox
) -> None:
    mailbox = connect()
    mailroom.settle()
    hers = [mail.insert(box, _raw(HERS, ANA)), mail.insert(box, _raw(ANA, HERS))]
    among, beside = mail.insert(box, _raw(BOB, ANA, HERS)), mail.insert(box, _raw(BOB, ANA))
    mailroom.settle()
    desk.erase(email=ERIKA)
    assert grep(desk, ERIKA, NAME) == {}
    expected = {
        **dict.fromkeys(hers, ("skipped", "erased")),
        among: ("stored", None),
        beside: ("stored", None),
    }
    assert mailroom.states(mailbox) == expected
    for message_id in (*hers, among):
        mail.modify(box, message_id, add=["STARRED"])
    mailroom.settle()
    assert mailroom.states(mailbox) == expected
    desk.database.admin("update mailboxes set history_cursor = null")  # a full listing
    mailroom.settle()
    assert mailroom.states(mailbox) == expected
    assert grep(desk, ERIKA, NAME) == {}
    new = mail.insert(box, _raw(HERS, ANA))
    mailroom.hurry()
    mailroom.settle()
    assert mailroom.states(mailbox)[new] == ("stored", None), "they wrote again"


def test_a_mail_that_comes_in_while_an_erasure_goes_on_is_left_out(
    desk: Desk, connect: Connect, mailroom: Mailroom, box: Mailbox
) -> None:
    """Between its rounds; what is stored after the last one would never be found."""
    mailbox = connect()
    mailroom.settle()
    desk.begin(desk.ask("erasure", email=ERIKA).json)
    late = [mail.insert(box, _raw(HERS, ANA)), mail.insert(box, _raw(BOB, ANA, HERS))]
    beside = mail.insert(box, _raw(BOB, ANA))
    mailroom.settle()
    assert mailroom.states(mailbox) == {
        **dict.fromkeys(late, ("skipped", "erased")), beside: ("stored", None)
    }  # fmt: skip
    assert grep(desk, NAME) == {}


def test_older_mails_that_come_in_later_are_left_out(
    desk: Desk, connect: Connect, mailroom: Mailroom, box: Mailbox
) -> None:
    """A mailbox that is connected after the erasure, with mails from before."""
    old = [mail.insert(box, _raw(HERS, ANA)), mail.insert(box, _raw(BOB, ANA, HERS))]
    beside = mail.insert(box, _raw(BOB, ANA))
    desk.erase(email=ERIKA)
    mailbox = connect()
    mailroom.settle()
    assert mailroom.states(mailbox) == {
        **dict.fromkeys(old, ("skipped", "erased")), beside: ("stored", None)
    }  # fmt: skip
    assert grep(desk, ERIKA, NAME) == {}
    assert len(desk.objects()) == 1
