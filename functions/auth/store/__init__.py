"""Writing people and sessions: a module for each, imported by name."""
