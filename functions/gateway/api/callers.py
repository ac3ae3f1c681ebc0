"""What `gateway-api` serves: the change feed, the audit log, what lists are filtered by, the
limits, and who uses what will go.
"""

from functions.gateway.api.audit import routes as audit
from functions.gateway.api.deprecations import routes as deprecations
from functions.gateway.api.events import routes as events
from functions.gateway.api.fields import routes as fields
from functions.gateway.api.limits import routes as limits
from shared.http import create_app, http_handler

app = create_app("Events, audit, fields and limits")
app.description = (
    "Everything that happens in a workspace, in order, without holes; who changed what, and from"
    " where; what lists are filtered and sorted by; and how often one may ask."
)
app.include_router(events)
app.include_router(audit)
app.include_router(fields)
app.include_router(limits)
app.include_router(deprecations)

handler = http_handler(app)
