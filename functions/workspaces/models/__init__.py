"""What workspaces, their members, roles, teams and invitations are."""
