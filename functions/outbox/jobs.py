"""The outbox's schedules."""

from functions.outbox import commands
from shared.runtime import job_handler

handler = job_handler({"sweep": commands.sweep, "expire-inbox": commands.expire})
