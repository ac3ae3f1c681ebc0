"""What a health check says."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from shared.errors import FieldError, Unavailable


class NotReady(Unavailable):
    """Not ready; `errors` names the parts that fail."""


class Health(BaseModel):
    """All is well."""

    model_config = ConfigDict(frozen=True)

    status: Literal["ok"] = "ok"


def failing(part: str, why: str) -> FieldError:
    """A part that fails, as `errors` names it."""
    return FieldError(f"/{part}", why, "unavailable")
