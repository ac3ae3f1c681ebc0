"""Invitations by mail: what is sent, and what is done with it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from events.envelope import Event, parse
from functions.auth.tests.postman import MailServer, Received
from functions.workspaces import acceptance_api, consumers
from functions.workspaces.jobs import mails
from functions.workspaces.tests.scenes import People
from shared.ids import uuid7
from shared.testing import Answer, Deliver, LambdaContext, Workspace


def token_in(mail: Received) -> str:
    """The token of a mail's link."""
    [found] = re.findall(r"#token=(\S+)\s", mail.text)
    return found


@dataclass(frozen=True)
class Post:
    """The queue of invitations that are to be mailed, and the server that takes them."""

    people: People
    server: MailServer
    deliver: Deliver

    def invite(self, email: str, role: str = "member", by: Workspace | None = None) -> Answer:
        """Invite somebody; what is answered."""
        body = {"email": email, "role": role}
        return self.people.ask(by or self.people.owner, "POST", "/invitations", body)

    def invited(self, email: str, role: str = "member") -> dict[str, Any]:
        """Invite somebody who was not; the invitation."""
        answer = self.invite(email, role)
        assert answer.status == 201, answer.json
        return answer.json

    def events(self) -> list[Event]:
        """What the consumer is told of."""
        rows = self.people.database.admin(
            """
            select type, payload from event_log
            where workspace_id = %(w)s and type in ('InvitationCreated', 'InvitationRenewed')
            order by position
            """,
            w=self.people.workspace.id,
        )
        found = [parse(row["type"], row["payload"]) for row in rows]
        return [event for event in found if event is not None]

    def send(self, *events: Event) -> list[Received]:
        """Let the consumer have events, all there are if none are given; the mails so far."""
        assert self.deliver(consumers.handler, *(events or self.events())) == []
        return self.server.received

    def token(self, email: str) -> str:
        """Mail what is to be mailed; the token of the last mail to an address."""
        return token_in([one for one in self.send() if one.to == (email,)][-1])

    def sweep(self) -> None:
        """Run the job that mails what is overdue."""
        self.deliver(consumers.handler)  # as crm_worker from here on
        handle: Any = mails.handler
        handle({"detail": {"job": "mail-invitations"}}, LambdaContext())

    def row(self, invitation: str) -> dict[str, Any]:
        """An invitation as it is stored."""
        [row] = self.people.database.admin(
            "select * from invitations where id = %(id)s", id=invitation
        )
        return row

    def let_pass(self, invitation: str, time: str) -> None:
        """Time goes by for an invitation, such as `1 day`."""
        self.people.database.admin(
            """
            update invitations set expires_at = expires_at - %(t)s::interval,
                mail_due_at = mail_due_at - %(t)s::interval,
                mail_asked_at = mail_asked_at - %(t)s::interval,
                created_at = created_at - %(t)s::interval
            where id = %(id)s
            """,
            id=invitation,
            t=time,
        )

    def newcomer(self, email: str) -> Workspace:
        """Somebody with that address who has a workspace of their own."""
        own = Workspace(uuid7(), uuid7())
        for statement in (
            "insert into users (id, email, name, password_hash) values (%(u)s, %(e)s, 'New', '')",
            "insert into workspaces (id, name) values (%(w)s, 'Own')",
            "insert into feed (workspace_id) values (%(w)s)",
            """
            insert into memberships (workspace_id, user_id, role) values (%(w)s, %(u)s, 'owner')
            """,
        ):
            self.people.database.admin(statement, u=own.user_id, e=email, w=own.id)
        return own

    def accept(self, who: Workspace, token: str) -> Answer:
        """Somebody accepts an invitation, with a token of their own workspace."""
        return self.people.call(
            acceptance_api.handler,
            "POST",
            "/api/v1/invitations/accept",
            {"token": token},
            workspace=who,
            role="crm_auth",
        )
