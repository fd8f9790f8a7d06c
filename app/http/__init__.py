"""How does the world reach Tributary? `create_app` makes the Flask application; nothing is made or connected before.

auth        write keys and secret keys
body        the posted body, unpacked and within its limits
ingest      events, as Segment's and PostHog's SDKs send them
costs       spend and adjustments
fx          exchange rates
reports     reports, reconciliation, explanation
jobs        attributing a range again
saturation  where spend has saturated, and where it should go
rules       the tenant's rules, and touches classified again
shadow      a second rule set beside them
tenant      how long the tenant's events are kept
persons     persons parted and erased, and what changed in one order's credit
changes     what changed in all credits on some days
exports     the ledger, to take away
webhooks    who is told of closed runs
operations  is it alive, is it ready
openapi     the description of all of it
pages       the dashboard and the readable description
asked       parameters and posted forms
addresses   ids in addresses
threads     a thread is always left for events
answers     what leaves, as JSON
errors      one form for every error
"""

from __future__ import annotations

import time
from importlib import import_module

from flask import Flask, Response, g, request

from app.http.addresses import AnyId
from app.http.errors import register_errors
from app.http.metrics import count_request
from app.http.parts import Parts, install_parts
from app.http.threads import keep_threads_for_events
from config.settings import Settings

BLUEPRINTS = (
    "ingest",
    "costs",
    "fx",
    "reports",
    "jobs",
    "saturation",
    "rules",
    "shadow",
    "tenant",
    "persons",
    "changes",
    "exports",
    "webhooks",
    "operations",
    "openapi",
    "pages",
)
PACKED_ROOM = 64 * 1024
"""Bytes that a body may have above `batch_bytes` before it is unpacked: what does not shrink grows a little."""


def create_app(settings: Settings, parts: Parts | None = None) -> Flask:
    """The web application.

    Parameters
    ----------
    parts : the services it works with; the real ones, made at the first request of each process, where None.
    """
    app = Flask("tributary", static_folder=None, template_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.batch_bytes + PACKED_ROOM
    app.config["TRAP_HTTP_EXCEPTIONS"] = False
    app.url_map.merge_slashes = False
    app.url_map.converters["any_id"] = AnyId
    install_parts(app, settings, parts)
    register_errors(app)
    app.before_request(_begin)
    app.after_request(_finish)
    keep_threads_for_events(app, settings)
    for name in BLUEPRINTS:
        app.register_blueprint(import_module(f"app.http.{name}").bp)
    return app


def _begin() -> None:
    g.started = time.perf_counter()


def _finish(response: Response) -> Response:
    endpoint = request.endpoint or "unknown"
    seconds = time.perf_counter() - g.started if "started" in g else 0.0
    count_request(endpoint.partition(":")[0], response.status_code, seconds)
    return response
