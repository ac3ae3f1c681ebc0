"""What can be done with workspaces, members, roles, teams and invitations."""
