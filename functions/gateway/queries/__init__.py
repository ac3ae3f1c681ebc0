"""Reading the feed, operations, and what else is about the whole API."""

from functions.gateway.queries.feed import WINDOW, read_feed, read_head
from functions.gateway.queries.operations import changes_of, get_operation, list_operations

__all__ = [
    "WINDOW",
    "changes_of",
    "get_operation",
    "list_operations",
    "read_feed",
    "read_head",
]
