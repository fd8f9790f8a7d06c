"""Under which rules is a report read: those in force, or the shadow's? One answer for every report that can tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import g, request

from app.errors import BadInput
from app.http.parts import own_storage, parts
from app.http.shadow import no_shadow
from app.storage.client import Storage
from app.storage.shadow import ShadowReads
from app.tenants.tenant import Tenant, under_shadow

SHADOW = "shadow"


@dataclass(frozen=True, slots=True)
class Under:
    """What a report is read from, and whose rules hold in it."""

    storage: Storage
    tenant: Tenant
    is_shadow: bool

    @property
    def shown(self) -> dict[str, Any]:
        """What an answer says of it."""
        return {"rules": SHADOW} if self.is_shadow else {}

    @property
    def versioned(self) -> dict[str, Any]:
        """The same, with the shadow's version: it counts its own, and a range may hold rows of the rules in force."""
        return self.shown | {"rules_version": self.tenant.rules.version} if self.is_shadow else {}


def rules_asked() -> Under:
    """What the request's `rules` names: `in_force`, the default, or `shadow`.

    Raises
    ------
    BadInput : another word.
    NotFound : the shadow was asked for, and there is none.
    """
    storage = own_storage()
    asked = request.args.get("rules", "")
    if asked in ("", "in_force"):
        return Under(storage, g.tenant, is_shadow=False)
    if asked != SHADOW:
        raise BadInput("bad_rules", f"rules is {asked[:40]!r}.", f"Use in_force or {SHADOW}.")
    # As it is this moment: another process may just have put the shadow there, or taken it away.
    tenant = parts().registry.fresh(g.tenant.tenant_id)
    if tenant.shadow is None:
        raise no_shadow()
    return Under(ShadowReads(storage), under_shadow(tenant), is_shadow=True)
