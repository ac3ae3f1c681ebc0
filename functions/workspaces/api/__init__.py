"""`/api/v1/workspaces`, and who belongs to one: members, roles, teams, invitations."""

from functions.workspaces.api.invitations import routes as invitations
from functions.workspaces.api.members import routes as members
from functions.workspaces.api.roles import routes as roles
from functions.workspaces.api.teams import routes as teams
from functions.workspaces.api.workspaces import routes as workspaces
from shared.http import create_app, http_handler

app = create_app("Workspaces")
app.description = "Workspaces, who belongs to one, and what they may do."
app.include_router(workspaces)
app.include_router(members)
app.include_router(roles)
app.include_router(teams)
app.include_router(invitations)

handler = http_handler(app)
