"""Whose request is this? Write keys may send events, secret keys may do everything else.

A write key comes as the Basic user name, in `X-Write-Key`, or in the body (`writeKey`, PostHog's `api_key`); a secret
key as `Authorization: Bearer`, or as the Basic user name. Both say the tenant.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import g, request

from app.errors import TributaryError
from app.http.parts import parts
from app.tenants.tenant import Tenant

LONGEST_KEY = 256
P = ParamSpec("P")
R = TypeVar("R")

WRITE_REMEDY = "Send the write key as the Basic user name, in X-Write-Key, or as writeKey in the body."
SECRET_REMEDY = "Send Authorization: Bearer with the tenant's secret key."


def secret_key(view: Callable[P, R]) -> Callable[P, R]:
    """Let a request through that has a tenant's secret key; the view finds the tenant in ``g.tenant``."""

    @wraps(view)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        g.tenant = tenant_of_secret_key(key_in_headers())
        return view(*args, **kwargs)

    return checked


def write_key(view: Callable[P, R]) -> Callable[P, R]:
    """Let a request through that has a tenant's write key in its headers; the view finds it in ``g.tenant``."""

    @wraps(view)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        g.tenant = tenant_of_write_key(key_in_headers())
        return view(*args, **kwargs)

    return checked


def key_in_headers() -> str:
    """The key that the headers name; '' where they name none."""
    given = request.headers.get("X-Write-Key", "").strip()
    if given:
        return given
    authorization = request.authorization
    if authorization is None:
        return ""
    if authorization.type == "bearer":
        return (authorization.token or "").strip()
    if authorization.type == "basic":
        return str(authorization.get("username") or "").strip()
    return ""


def tenant_of_write_key(key: str) -> Tenant:
    """The tenant whose write key this is.

    Raises
    ------
    TributaryError : 401.
    """
    if not key:
        raise _refused("missing_key", "The request has no write key.", WRITE_REMEDY)
    tenant = parts().tenants.by_write_key(key) if len(key) <= LONGEST_KEY else None
    if tenant is None and key.startswith("sk_"):
        raise _refused("wrong_key", "This is a secret key, and sending events needs a write key.", WRITE_REMEDY)
    return _active(tenant, "The write key is unknown.", WRITE_REMEDY)


def tenant_of_secret_key(key: str) -> Tenant:
    """The tenant whose secret key this is.

    Raises
    ------
    TributaryError : 401.
    """
    if not key:
        raise _refused("missing_key", "The request has no secret key.", SECRET_REMEDY)
    tenant = parts().tenants.by_secret_key(key) if len(key) <= LONGEST_KEY else None
    if tenant is None and key.startswith("wk_"):
        raise _refused("wrong_key", "This is a write key, and here a secret key is needed.", SECRET_REMEDY)
    return _active(tenant, "The secret key is unknown.", SECRET_REMEDY)


def _active(tenant: Tenant | None, unknown: str, remedy: str) -> Tenant:
    if tenant is None:
        raise _refused("unknown_key", unknown, remedy)
    return tenant


def _refused(code: str, message: str, detail: str) -> TributaryError:
    return TributaryError(code, message, detail, status=401)
