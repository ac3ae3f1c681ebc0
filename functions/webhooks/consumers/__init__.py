"""An event's way to an endpoint: `events` records what is to be sent, `sends` sends it."""
