"""The web application: Flask, without what it finds out anew for each request although here it never changes."""

from __future__ import annotations

from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from flask import Flask, Request, url_for
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.routing import MapAdapter, Rule
from werkzeug.sansio.http import parse_cookie
from werkzeug.utils import cached_property
from werkzeug.wsgi import get_host

if TYPE_CHECKING:
    from collections.abc import Callable

_View = TypeVar("_View", bound="Callable[..., Any]")


class _Route(Rule):
    """A route that learns to write its address when it is first asked for it, which most never are.

    Werkzeug compiles two programs for that as each route is added: a twentieth of a start.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:  # noqa: FBT001, FBT002 — Werkzeug's signature
        compiled = cache(partial(super()._compile_builder, append_unknown))
        return lambda route, /, **values: compiled()(route, **values)


class _Request(Request):
    """A request that finds its cookies where the server puts them, without a look through all other headers."""

    @cached_property
    def cookies(self) -> ImmutableMultiDict[str, str]:
        """Return the request's cookies."""
        return cast("ImmutableMultiDict[str, str]", parse_cookie(self.environ.get("HTTP_COOKIE"), ImmutableMultiDict))


class Application(Flask):
    """Flask for an application with one address, whose views and hooks are plain functions."""

    request_class = _Request
    url_rule_class = _Route

    def ensure_sync(self, func: _View) -> _View:
        """Return a view or hook as it is: none here is a coroutine, and Flask would look at each, each time."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Return what matches a request's path to the routes; whose host it is, `PublicAddress` has settled."""
        if request is None:
            return super().create_url_adapter(request)
        environ = request.environ
        return MapAdapter(
            self.url_map,
            server_name=_server_name(environ["wsgi.url_scheme"], environ["HTTP_HOST"]),
            script_name=request.root_path,
            subdomain="",
            url_scheme=environ["wsgi.url_scheme"],
            # As it was sent: `request.path` has one slash at its beginning, however many there were.
            path_info=environ["PATH_INFO"].encode("latin-1").decode(errors="replace"),
            default_method=request.method,
            query_args=request.query_string.decode(errors="replace"),
        )


@lru_cache(maxsize=8)
def _server_name(scheme: str, host: str) -> str:
    return get_host({"wsgi.url_scheme": scheme, "HTTP_HOST": host}).lower().encode("idna").decode("ascii")


@lru_cache(maxsize=512)
def path_to(endpoint: str, **values: Any) -> str:
    """Return the path of a view, as `url_for` writes it: the routes never change, and to write one takes Flask a while.

    Args:
        values: parts of the route, and of the query: texts; None is left out.
    """
    return url_for(endpoint, **values)
