"""What an attempt to sign in is that failed."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

Step = Literal["password", "second_factor"]


class Failure(BaseModel):
    """An attempt that failed, at the account of `user_id`, or at one that nobody has; and where it
    was made.
    """

    model_config = ConfigDict(frozen=True)

    user_id: UUID | None
    step: Step
    tried_at: datetime
    source_ip: str | None
    user_agent: str | None
    request_id: str | None
