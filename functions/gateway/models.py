"""The one shape of every error, as OpenAPI tells it to clients."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter


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
