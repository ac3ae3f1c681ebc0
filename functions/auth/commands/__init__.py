"""What can be done with accounts, sign-ins and keys: a module for each, imported by name."""
