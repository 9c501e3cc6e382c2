"""Named support routes: the only questions that support may ask, each with an answer of a declared kind (design 9).

    @support_route("versions", answer="home/support-versions", reads=("versions",), brief="…")
    def versions(handed, now): yield {"home": handed["versions"].home}

A route names the kind that its answer is, so that every field of it is listed, consented to and judged by the gate like
all others, and the resources that it reads; it gets these and no others. What they hold is handed in by the
installation: this package opens no file, database or connection, and knows no Flask. Requests, grants and sending are
left to the installation. Rules: a route changes nothing, takes no parameters, and its answer has no text of anybody's.
"""

from support_routes import own as own  # its routes are among ROUTES from here on
from support_routes.checking import check_routes
from support_routes.errors import RouteFault, RouteFaults, SupportRouteError
from support_routes.routes import ROUTES, Handed, Route, Routes, support_route

__all__ = [
    "ROUTES",
    "Handed",
    "Route",
    "RouteFault",
    "RouteFaults",
    "Routes",
    "SupportRouteError",
    "check_routes",
    "support_route",
]
