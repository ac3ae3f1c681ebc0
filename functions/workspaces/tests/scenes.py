"""People of a workspace, and what they ask, with what their role permits by now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from functions.workspaces.api import handler
from shared.access import ROLES, Access, access_of
from shared.ids import uuid7
from shared.testing import Answer, Call, Database, NewMember, Workspace

URL = "/api/v1"


@dataclass(frozen=True)
class People:
    """A workspace: its owner, and whoever joins."""

    workspace: Workspace
    call: Call
    database: Database
    new_member: NewMember

    @property
    def owner(self) -> Workspace:
        return self.workspace

    def join(self, role: str = "member", *, verified: bool = True) -> Workspace:
        """Somebody who becomes a member."""
        member = self.new_member(self.workspace, role)
        self.verify(member, verified=verified)
        return member

    def verify(self, member: Workspace, *, verified: bool = True) -> None:
        """Whether their address is proven."""
        self.database.admin(
            "update users set email_verified_at = case when %(v)s then now() end where id = %(u)s",
            v=verified,
            u=member.user_id,
        )

    def join_as(self, *grants: str) -> Workspace:
        """Somebody with a role of the workspace's own."""
        member = self.join("viewer")
        role_id = self.new_role(*grants)
        self.database.admin(
            """
            update memberships set role = 'custom', role_id = %(r)s
            where workspace_id = %(w)s and user_id = %(u)s
            """,
            r=role_id,
            w=self.workspace.id,
            u=member.user_id,
        )
        return member

    def new_role(self, *grants: str) -> UUID:
        """A role of the workspace's own, whoever may give it."""
        role_id = uuid7()
        self.database.admin(
            """
            insert into roles (workspace_id, id, name, grants)
            values (%(w)s, %(id)s, %(id)s, %(grants)s)
            """,
            w=self.workspace.id,
            id=role_id,
            grants=list(grants),
        )
        return role_id

    def membership(self, member: Workspace | UUID) -> dict[str, Any]:
        """Somebody's membership as it is stored."""
        user_id = member if isinstance(member, UUID) else member.user_id
        [row] = self.database.admin(
            """
            select m.*, r.grants from memberships m
            left join roles r on r.workspace_id = m.workspace_id and r.id = m.role_id
            where m.workspace_id = %(w)s and m.user_id = %(u)s
            """,
            w=self.workspace.id,
            u=user_id,
        )
        return row

    def access(self, member: Workspace) -> Access:
        """What the authorizer would say they may do."""
        row = self.membership(member)
        if row["grants"] is not None:
            return access_of(" ".join(row["grants"]))
        return ROLES[row["role"]]

    def address(self, member: Workspace) -> str:
        """Their e-mail address."""
        [row] = self.database.admin("select email from users where id = %(u)s", u=member.user_id)
        return row["email"]

    def ask(
        self,
        who: Workspace,
        method: str,
        path: str,
        body: Any = None,
        *,
        access: Access | None = None,
        version: int | None = None,
        to: Callable[..., Any] = handler,
        role: str = "crm_app",
    ) -> Answer:
        """What somebody is answered; `access` is what they came with, if not what they may do."""
        headers = {"If-Match": f'"{version}"' if version else "*"}
        return self.call(
            to, method, f"{URL}{path}", body, headers=headers, workspace=who, role=role,
            access=access or self.access(who),
        )  # fmt: skip


def places(answer: Answer) -> list[str]:
    """Where a problem points to."""
    return [one["pointer"] for one in answer.json["errors"]]
