"""Writing workspaces and who belongs to them."""
