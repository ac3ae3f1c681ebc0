"""`/api/v1/fields`: what lists can be filtered and sorted by."""

from functions.gateway.models import FilterObjects
from functions.gateway.objects import described, find_objects
from shared.http import SIGNED_IN, CurrentCaller, create_router, needs

routes = create_router()


@routes.get("/api/v1/fields", openapi_extra=needs(SIGNED_IN))
async def list_fields(caller: CurrentCaller) -> FilterObjects:
    """The objects that you may read and the fields of each that you may see, with what a filter may
    ask of them.

    A filter is a test, `{"field": "name", "op": "contains", "value": "Ada"}`; or `{"all": [...]}`,
    `{"any": [...]}` or `{"not": ...}` of filters. In texts, `contains` and `starts_with` take upper
    and lower case for the same; the others compare exactly. What is null fails every test but `ne`,
    `not_in` and `exists: false`.
    """
    access = caller.access
    may_read = [of for name, of in find_objects().items() if access.may(f"{name}.read")]
    return FilterObjects(items=[described(of, access) for of in may_read])
