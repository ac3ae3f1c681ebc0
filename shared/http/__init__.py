"""HTTP: the app, its transaction and caller, problem details, pages and entity tags."""

from shared.cursors import decode_cursor
from shared.http.app import CurrentCaller, Transaction, create_app
from shared.http.etags import IfMatch, expected_version, set_etag
from shared.http.lambdas import http_handler
from shared.http.pages import DEFAULT_LIMIT, CursorParam, Limit, Page, page

__all__ = [
    "DEFAULT_LIMIT",
    "CurrentCaller",
    "CursorParam",
    "IfMatch",
    "Limit",
    "Page",
    "Transaction",
    "create_app",
    "decode_cursor",
    "expected_version",
    "http_handler",
    "page",
    "set_etag",
]
