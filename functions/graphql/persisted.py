"""Persisted queries: a document that was sent once is asked for by its SHA-256 from then on.

The protocol is that of Apollo's clients: they ask with the hash alone, are told
`PersistedQueryNotFound`, send hash and document, and need only the hash again.
https://www.apollographql.com/docs/apollo-server/performance/apq
"""

from __future__ import annotations

from hashlib import sha256
from uuid import UUID

from functions.graphql.models import InvalidDocument, PersistedQueryNotFound, Question
from shared import cache
from shared.errors import FieldError

_KIND = "graphql"
_KEPT_S = 7 * 24 * 3600


def document_of(question: Question, workspace_id: UUID) -> str:
    """The document that is asked for.

    Raises:
        InvalidDocument: it is another than its hash says.
        PersistedQueryNotFound: it has to be sent, because it is not known, or no longer.
    """
    if question.query is None:
        assert question.hash
        found = cache.get(workspace_id, _KIND, question.hash)
        if found is None:
            raise PersistedQueryNotFound
        return found.decode()
    if question.hash not in (None, sha256(question.query.encode()).hexdigest()):
        pointer = "/extensions/persistedQuery/sha256Hash"
        wrong = FieldError(pointer, "not the document's hash", "wrong_hash")
        raise InvalidDocument(errors=(wrong,))
    return question.query


def keep(question: Question, workspace_id: UUID) -> None:
    """Remember a document that came with its hash, and is valid."""
    if question.query is not None and question.hash is not None:
        cache.put(workspace_id, _KIND, question.hash, question.query.encode(), ttl_s=_KEPT_S)
