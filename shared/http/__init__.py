"""HTTP: the app, its transaction and caller, what happens once, problems, pages, entity tags."""

from shared.access import ANYBODY, SIGNED_IN, needs
from shared.cursors import decode_cursor
from shared.http.app import (
    CurrentCaller,
    LateTransaction,
    RequestName,
    Transaction,
    create_app,
    create_router,
    transaction_of,
)
from shared.http.deprecation import deprecated
from shared.http.etags import IfMatch, expected_version, set_etag
from shared.http.idempotency import unrepeatable
from shared.http.lambdas import http_handler
from shared.http.pages import DEFAULT_LIMIT, CursorParam, Limit, Page, page
from shared.http.routes import for_keys
from shared.http.within import ALONE

__all__ = [
    "ALONE",
    "ANYBODY",
    "DEFAULT_LIMIT",
    "SIGNED_IN",
    "CurrentCaller",
    "CursorParam",
    "IfMatch",
    "LateTransaction",
    "Limit",
    "Page",
    "RequestName",
    "Transaction",
    "create_app",
    "create_router",
    "decode_cursor",
    "deprecated",
    "expected_version",
    "for_keys",
    "http_handler",
    "needs",
    "page",
    "set_etag",
    "transaction_of",
    "unrepeatable",
]
