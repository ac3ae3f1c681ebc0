"""Query parameters: a route refuses those it does not have. Else who asks for a list with
`?emial=ada@engine.example` would take all of it for the answer.
"""

from __future__ import annotations

from fastapi import Request
from fastapi.dependencies.models import Dependant

from shared.errors import FieldError, Unprocessable
from shared.http.problems import pointer


def names_of(dependant: Dependant) -> frozenset[str]:
    """The query parameters that an endpoint and what it depends on take."""
    own = {field.alias for field in dependant.query_params}
    return frozenset(own.union(*map(names_of, dependant.dependencies)))


def require_known(request: Request, known: frozenset[str]) -> None:
    """Go on only if the request has no other query parameters.

    Raises:
        Unprocessable: it has; the errors name each.
    """
    if not request.scope["query_string"]:
        return
    there = f"there are {', '.join(sorted(known))}" if known else "this takes none"
    errors = tuple(
        FieldError(pointer(("query", name)), f"no such parameter: {there}", "unknown_parameter")
        for name in request.query_params
        if name not in known
    )
    if errors:
        raise Unprocessable(errors=errors)
