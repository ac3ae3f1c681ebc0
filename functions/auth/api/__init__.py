"""`/api/v1/auth`."""

from functions.auth.api.accounts import routes as accounts
from shared.http import create_app, http_handler

app = create_app("Auth")
app.include_router(accounts)

handler = http_handler(app)
