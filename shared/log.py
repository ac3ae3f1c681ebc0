"""Structured logs: one JSON object a line, with the same keys from every function.

`service`, `level`, `message`, `timestamp`, `function_request_id`, `trace_id`, and where they are
known `workspace_id`, `user_id`; what else a line has to say goes under `metadata`. Never a token,
never the text of a mail.
"""

from uuid import UUID

from aws_lambda_powertools import Logger, Metrics

logger = Logger(log_record_order=["level", "message"], utc=True)
metrics = Metrics(namespace="hasteCRM")


def about(*, workspace_id: UUID | str | None = None, user_id: UUID | str | None = None) -> None:
    """Put workspace and user on every line until the invocation ends."""
    logger.append_keys(
        workspace_id=str(workspace_id) if workspace_id else None,
        user_id=str(user_id) if user_id else None,
    )
