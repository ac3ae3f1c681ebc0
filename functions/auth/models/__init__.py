"""What accounts, sign-ins and their answers look like: a module for each, imported by name."""
