"""`/api/v1/auth`, which is public, `/api/v1/me` and `/api/v1/sessions`."""

from functions.auth.api.accounts import routes as accounts
from functions.auth.api.erasure import routes as erasure
from functions.auth.api.keys import routes as keys
from functions.auth.api.passwords import routes as passwords
from functions.auth.api.people import routes as people
from functions.auth.api.sessions import routes as sessions
from shared.http import create_app, http_handler

app = create_app("Auth")
app.include_router(accounts)
app.include_router(passwords)
app.include_router(people)
app.include_router(erasure)
app.include_router(sessions)
app.include_router(keys)

handler = http_handler(app)
