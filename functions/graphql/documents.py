"""Documents: parsed, measured and validated once, and remembered."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, parse, validate

from functions.graphql.limits import MOST_COMMENTS, MOST_TOKENS, check_size
from functions.graphql.models import LONGEST_DOCUMENT, InvalidDocument, TooComplex
from functions.graphql.schema import whole_schema
from shared.errors import FieldError, HasteError

_REMEMBERED = 100
"""Documents; the largest take a megabyte or two each."""
_MOST_ERRORS = 10


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document that can be executed, or why it cannot."""

    document: DocumentNode | None
    errors: tuple[GraphQLError, ...] = ()


@lru_cache(maxsize=_REMEMBERED)
def prepare(text: str) -> Prepared:
    """A document from its text. Nothing here depends on who asks."""
    try:
        document = parse(
            text,
            max_lexical_tokens=MOST_TOKENS,
            max_comments=MOST_COMMENTS,
            max_source_length=LONGEST_DOCUMENT,
        )
        check_size(document)
        wrong = validate(whole_schema().graph, document, max_errors=_MOST_ERRORS)
    except GraphQLError as error:
        return Prepared(None, (_invalid(error),))
    except TooComplex as error:
        return Prepared(None, (GraphQLError(error.detail, original_error=error),))
    if wrong:
        return Prepared(None, tuple(_invalid(error) for error in wrong))
    return Prepared(document)


def pick_operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    """The operation that is to be executed.

    Raises:
        InvalidDocument: there is none of this name, or no name and several of them.
    """
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    named = [one for one in operations if name is None or (one.name and one.name.value == name)]
    if len(named) == 1:
        return named[0]
    detail = "expected the name of one of the document's operations"
    raise InvalidDocument(errors=(FieldError("/operationName", detail, "unknown_operation"),))


def _invalid(error: GraphQLError) -> GraphQLError:
    cause: HasteError = InvalidDocument(error.message)
    return GraphQLError(
        error.message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        original_error=cause,
    )
