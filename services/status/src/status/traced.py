"""What a request's span is called and says: ids and codes (DESIGN 6)."""

from collections.abc import Mapping
from typing import Any

from telemetry import names
from telemetry.segments import Value

_ROUTES = {"/v1alpha2/tasks", "/v1alpha2/tasks/{id}"}
_METHODS = {"GET", "DELETE"}


def span_name(event: Any) -> tuple[str, dict[str, Value]]:
    """Return the name of the span for an event, `GET /v1alpha2/tasks/:id`, and what is known of it."""
    told = event if isinstance(event, Mapping) else {}
    method, route = str(told.get("httpMethod")), str(told.get("resource"))
    if method not in _METHODS:
        return "request", {}
    if route not in _ROUTES:
        return method, {names.HTTP_METHOD: method}
    # X-Ray takes no braces in names.
    return f"{method} {route.replace('{id}', ':id')}", {names.HTTP_METHOD: method, names.HTTP_ROUTE: route}
