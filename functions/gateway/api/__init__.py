"""The gateway's routes: a module for each function, since each starts with its own alone."""
