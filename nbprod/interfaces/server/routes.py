"""From the table of routes to what tornado takes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from nbprod.interfaces.server.handlers.api import Api, Unknown
from nbprod.interfaces.server.handlers.proxy import EndpointProxy, MlflowProxy
from nbprod.interfaces.server.table import PARTS, TABLE

if TYPE_CHECKING:
    from nbprod.interfaces.server.table import Route

ROOT = "nbprod/api"
NOTEBOOK = r"(?P<path>.+?\.ipynb)"
BEHIND = (
    (rf"nbprod/endpoint/{NOTEBOOK}/-/(?P<name>{PARTS['name']})(?:/(?P<rest>.*))?", EndpointProxy),
    (rf"nbprod/mlflow/{NOTEBOOK}/-(?:/(?P<rest>.*))?", MlflowProxy),
)
"""Addresses of servers behind this one."""


def routes(base_url: str) -> list[tuple[Any, ...]]:
    """Return patterns and handlers below the server's own base URL."""
    from jupyter_server.utils import url_path_join

    found: list[tuple[Any, ...]] = [
        (url_path_join(base_url, ROOT, _pattern(path)) + "/?$", Api, {"by_method": by_method, "names": names})
        for path, by_method, names in _addresses()
    ]
    found += [(url_path_join(base_url, address) + "$", handler) for address, handler in BEHIND]
    return [*found, (url_path_join(base_url, ROOT, "(.*)") + "/?$", Unknown)]


def _addresses() -> list[tuple[str, dict[str, Route], dict[str, str]]]:
    """Return each address once: those without names first, as they would be taken for a name otherwise."""
    paths = sorted({route.path for route in TABLE}, key=lambda path: "{" in path)
    found = []
    for path in paths:
        by_method: dict[str, Route] = {route.method: route for route in TABLE if route.path == path}
        names: dict[str, str] = {}
        for route in TABLE if "{" not in path else ():
            match = re.fullmatch(_pattern(route.path), path) if "{" in route.path else None
            if match and route.method not in by_method:  # a schedule may be named as an address is
                by_method[route.method] = route
                names |= match.groupdict()
        found.append((path, by_method, names))
    return found


def _pattern(path: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: f"(?P<{match[1]}>{PARTS[match[1]]})", path)
