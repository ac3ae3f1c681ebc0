"""Reading workspaces and who belongs to them."""
