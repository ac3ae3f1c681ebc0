"""Who looks at which record, told to everybody who looks at it, too."""

from __future__ import annotations

from uuid import UUID

from functions.realtime import messages, posting, registry

_MOST_TOLD = 100


def tell(workspace_id: UUID, record: str) -> None:
    """Tell those who look at a record who does.

    Nobody is told when somebody's time runs out: `until` says when, and who still looks says so
    again before.

    Raises:
        RegistryDown: the cache does not answer.
        NotPosted: some connection that is there was not reached.
    """
    now, connections = registry.read(workspace_id)
    viewers = [one for one in connections if one.viewing == record and one.viewing_until > now]
    if not viewers:
        return
    newest = sorted(viewers, key=lambda one: one.viewing_until, reverse=True)[:_MOST_TOLD]
    body = posting.encoded(messages.presence(record, newest))
    for gone in posting.post({one.id: [body] for one in newest}):
        registry.remove(workspace_id, gone)
