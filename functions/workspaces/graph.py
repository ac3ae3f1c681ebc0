"""The workspace and its members in GraphQL."""

from functions.workspaces.models.members import Member
from functions.workspaces.models.workspaces import Workspace
from functions.workspaces.queries import members, workspaces
from shared.graph import Graph, Kind, Listed, Single, ToOne

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
)
