"""`/api/v1/mailboxes`, `/api/v1/emails` and `/api/v1/threads`."""

from functions.email.api.emails import routes as emails
from functions.email.api.mailboxes import routes as mailboxes
from shared.http import create_app, http_handler

app = create_app("E-mail")
app.include_router(mailboxes)
app.include_router(emails)

handler = http_handler(app)
