"""Requests to servers of somebody else's choice: which may be called, and how."""
