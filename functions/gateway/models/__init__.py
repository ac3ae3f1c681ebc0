"""What the whole API has in common: its feed of events, and the one shape of its errors."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from events.envelope import Event
from shared.errors import BadRequest, FieldError, HasteError


class FeedGone(HasteError):
    """The feed cannot be continued from this cursor: the events after it are no longer kept, or the
    feed was restored to an earlier state. Take a new cursor with `after=latest`, read what you keep
    anew from the API's lists, and continue from that cursor.
    """

    status = 410


class UnknownEventType(BadRequest):
    """There is no event of this type; `GET /api/v1/events/types` names those there are."""


class FeedEvent(BaseModel):
    """An event, at its place in the workspace's feed."""

    model_config = ConfigDict(frozen=True)

    position: int = Field(description="Grows with every event of the workspace.")
    id: UUID
    type: str
    at: datetime
    actor: str = Field(
        description="`user:<id>`, `key:<id>`, `system:<capability>` or `automation:<id>`."
    )
    aggregate_id: UUID = Field(description="What the event is about.")
    aggregate_version: int = Field(description="Grows by one with each change of it.")
    data: dict[str, Any] = Field(description="The event as it was published.")


class FeedPage(BaseModel):
    """Events in the order of their commits."""

    model_config = ConfigDict(frozen=True)

    items: list[FeedEvent]
    next_cursor: str = Field(description="Where to continue, always: keep it with what you did.")
    has_more: bool = Field(description="Whether to ask again at once. False: you are up to date.")


class EventType(BaseModel):
    """A type of event."""

    model_config = ConfigDict(frozen=True)

    type: str
    description: str
    source: str = Field(description="The capability that emits it.")
    version: int
    since: str = Field(description="The release that brought it.")
    json_schema: dict[str, Any] = Field(
        serialization_alias="schema",
        description="JSON Schema of `data`. It only ever gains optional fields.",
    )


class EventTypes(BaseModel):
    """Every type of event there is."""

    model_config = ConfigDict(frozen=True)

    items: list[EventType]


class Limit(BaseModel):
    """A limit that applies to you: `requests` at once, and then as many in `window_seconds`."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(description="As in the headers RateLimit and RateLimit-Policy.")
    of: Literal["workspace", "caller"] = Field(
        description="Whose it is: the whole workspace's, or your own, a person's or an API key's."
    )
    counts: Literal["read", "write"] = Field(
        description="Which requests: `read` are GET, HEAD and `POST .../query`, `write` all others."
    )
    requests: int
    window_seconds: int
    remaining: int | None = Field(
        description="How many may come now; null while nobody counts, and all are let through."
    )


class Limits(BaseModel):
    """Every limit that applies to you."""

    model_config = ConfigDict(frozen=True)

    items: list[Limit]


class FilterField(BaseModel):
    """A field that filters may name."""

    model_config = ConfigDict(frozen=True)

    name: str
    kind: Literal["text", "choice", "number", "boolean", "instant", "id", "texts"]
    operators: list[str]
    choices: list[str] = Field(description="The only values of a `choice`; else empty.")
    sortable: bool = Field(description="Whether lists may be sorted by it.")


class FilterObject(BaseModel):
    """Something there are lists of, with the fields that you may filter by."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(description="As in `/api/v1/<name>` and `/api/v1/<name>/query`.")
    fields: list[FilterField]


class FilterObjects(BaseModel):
    """Everything that may be filtered by you."""

    model_config = ConfigDict(frozen=True)

    items: list[FilterObject]


@dataclass(frozen=True, slots=True)
class Slice:
    """A stretch of the feed: the events wanted, the position up to which it was looked at, and
    whether there are positions behind it.
    """

    events: list[FeedEvent]
    end: int
    has_more: bool


def require_known(types: Sequence[str], known: Collection[str]) -> None:
    """Refuse to filter by types that no event can have.

    Raises:
        UnknownEventType: no event is of one of the types.
    """
    unknown = [(place, name) for place, name in enumerate(types) if name not in known]
    if unknown:
        raise UnknownEventType(
            errors=tuple(
                FieldError(f"/query/types/{place}", "there is no such event", "unknown_event_type")
                for place, _ in unknown
            )
        )


def described(event: type[Event]) -> EventType:
    """What is known of a type of event."""
    return EventType(
        type=event.type_name(),
        description=" ".join((event.__doc__ or "").split()),
        source=event.source,
        version=event.version,
        since=event.since,
        json_schema=event.model_json_schema(mode="serialization", schema_generator=_Untitled),
    )


class _Untitled(GenerateJsonSchema):
    """Leaves out titles, which only repeat the names of the fields."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


class FieldProblem(BaseModel):
    """One thing wrong with the request."""

    model_config = ConfigDict(frozen=True)

    pointer: str = Field(
        description="Where, as a JSON pointer (RFC 6901): into the body (`/tags/0`), or to another"
        " part of the request (`/query/limit`, `/header/if-match`)."
    )
    detail: str = Field(description="What is wrong, for people.")
    code: str = Field(description="What is wrong, for programs; stable.")


class Problem(BaseModel):
    """Why a request was not fulfilled (RFC 9457)."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(description="Always `about:blank`: `code` tells problems apart.")
    title: str = Field(description="The status in words.")
    status: int = Field(ge=400, le=599)
    detail: str = Field(description="What went wrong and what to do, for people.")
    code: str = Field(description="What went wrong, for programs; stable.")
    request_id: str | None = Field(description="Names the request in our logs.")
    errors: list[FieldProblem] = Field(default=[], description="Each thing wrong with the input.")
    existing_id: str | None = Field(
        default=None, description="On a conflict, the id of what is there already."
    )


EXAMPLE = Problem(
    type="about:blank",
    title="Unprocessable Content",
    status=422,
    detail="The input is not valid; see `errors`.",
    code="unprocessable",
    request_id="c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
    errors=[
        FieldProblem(pointer="/email", detail="Input should be a valid string", code="string_type")
    ],
)


def problem_schemas(ref_template: str) -> dict[str, Any]:
    """The JSON Schemas of a problem and of its parts, by name."""
    schema = TypeAdapter(Problem).json_schema(ref_template=ref_template, mode="validation")
    parts = schema.pop("$defs")
    return {Problem.__name__: schema, **parts}
