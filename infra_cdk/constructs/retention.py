"""How long logs are kept."""

from __future__ import annotations

from aws_cdk import aws_logs as logs

_BY_DAYS = {
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    365: logs.RetentionDays.ONE_YEAR,
}


def retention(days: int) -> logs.RetentionDays:
    """CloudWatch's own name for a stage's `log_days`.

    Raises:
        KeyError: no stage has had so many yet; add them.
    """
    return _BY_DAYS[days]
