"""What is asked of GraphQL, and what can be wrong with it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.errors import BadRequest, HasteError, MethodNotAllowed, NotFound, Unprocessable

LONGEST_DOCUMENT = 50_000
"""Characters of a document, comments included."""

Document = Annotated[str, Field(max_length=LONGEST_DOCUMENT)]
Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class InvalidDocument(BadRequest):
    """The GraphQL document is not valid."""


class TooComplex(BadRequest):
    """The document asks for too much at once; see `errors`."""


class InvalidVariables(Unprocessable):
    """The variables do not fit the document; see `errors`."""


class InvalidPage(BadRequest):
    """The connection has no such page; see `errors`."""


class ChangeByGet(MethodNotAllowed):
    """A GET changes nothing; send mutations with POST."""


class PersistedQueryNotFound(NotFound):
    """PersistedQueryNotFound"""


class AnswerTooLarge(HasteError):
    """The answer is larger than 5 MB; ask for less at once."""

    status = 413


class PersistedQuery(BaseModel):
    """A document by its SHA-256, as Apollo's clients ask for it."""

    model_config = ConfigDict(frozen=True)

    version: Literal[1]
    sha256Hash: Hash


class Extensions(BaseModel):
    """What a client may say besides."""

    model_config = ConfigDict(frozen=True)

    persistedQuery: PersistedQuery | None = None


class Question(BaseModel):
    """A GraphQL request: a document, or the hash of one that was sent before.

    `operationName` picks an operation of the document, where it has several.
    """

    model_config = ConfigDict(frozen=True)

    query: Document | None = Field(default=None, examples=["{ contacts { nodes { name } } }"])
    variables: dict[str, Any] | None = None
    operationName: str | None = Field(default=None, max_length=200)
    extensions: Extensions | None = None

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if self.query is None and self.hash is None:
            raise ValueError("expected query, or extensions.persistedQuery")
        return self

    @property
    def hash(self) -> str | None:
        """The SHA-256 of its document, where it is said."""
        asked = self.extensions.persistedQuery if self.extensions else None
        return asked.sha256Hash if asked else None


class Place(BaseModel):
    """A place in the document."""

    line: int
    column: int


class GraphError(BaseModel):
    """Why something of what was asked for is missing. `extensions` are as in a problem (RFC 9457):
    `status`, `code`, `request_id`, and where there are any, `existing_id` and `errors` with
    pointers into the body.
    """

    message: str
    locations: list[Place] = []
    path: list[str | int] = []
    extensions: dict[str, Any]


class GraphAnswer(BaseModel):
    """What was asked for, and what of it could not be had. `extensions.cost` says what the document
    cost, and what it may cost.
    """

    data: dict[str, Any] | None = None
    errors: list[GraphError] = []
    extensions: dict[str, Any] = {}
