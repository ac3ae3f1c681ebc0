"""Reading people, memberships and sessions: a module for each, imported by name."""
