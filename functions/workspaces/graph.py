"""The workspace and its members in GraphQL."""

from functions.workspaces.commands import members as member_commands
from functions.workspaces.commands import workspaces as workspace_commands
from functions.workspaces.models.members import Member, MemberChange
from functions.workspaces.models.workspaces import Workspace, WorkspaceChange
from functions.workspaces.queries import members, workspaces
from shared.graph import Delete, Graph, Kind, Listed, Single, ToOne, Update

GRAPH = Graph(
    kinds=(
        Kind("Workspace", Workspace, needs="workspace.read", find=workspaces.workspaces_by_ids),
        Kind("Member", Member, needs="members.read", find=members.members_by_ids),
    ),
    singles=(
        Single(
            "workspace", "Workspace", find=workspaces.current_workspace, about="Your workspace."
        ),
    ),
    lists=(
        Listed(
            "members",
            "Member",
            of=members.MEMBERS,
            find=members.find_members,
            count=members.count_members,
            about="Who belongs to the workspace, who joined last first.",
        ),
    ),
    links=(
        ToOne("Contact", "owner", "Member", by="owner_id", about="Whose contact it is."),
        ToOne("Task", "owner", "Member", by="owner_id", about="Whose task it is."),
        ToOne("Mailbox", "member", "Member", by="user_id", about="Who connected it."),
    ),
    changes=(
        Update(
            "update_workspace",
            "Workspace",
            needs="workspace.settings",
            given=WorkspaceChange,
            run=workspace_commands.change_by_id,
            about="Changes the fields of your workspace that are given.",
        ),
        Update(
            "update_member",
            "Member",
            needs="members.settings",
            given=MemberChange,
            run=member_commands.change_member,
            about="Gives a member another role: `role`, or `roleId`, one of the workspace's own.",
        ),
        Delete(
            "remove_member",
            "Member",
            needs="members.settings",
            run=member_commands.remove_member,
            about="Ends a membership. What the member owns stays theirs.",
        ),
    ),
)
