"""Where may an order be that no conversion has?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.errors import NotFound
from app.storage.client import Storage
from app.storage.report_conversions import EVENT_BY_MESSAGE, ORDER_OF_KEY
from app.tenants.tenant import Tenant

_TASK = "report.explain"


def unknown_order(
    storage: Storage, tenant: Tenant, order_id: str, conversion_type: str = "", types: Sequence[str] = ()
) -> NotFound:
    """What to answer about an order that no conversion has.

    Parameters
    ----------
    conversion_type : what was asked for, where the order has conversions of other `types`.
    """
    if types:
        return NotFound(
            "unknown_conversion",
            f"The order {order_id!r} has no conversion of type {conversion_type!r}.",
            f"Its types are {', '.join(types)}.",
        )
    known = storage.rows(EVENT_BY_MESSAGE, tenant_id=tenant.tenant_id, params={"message_id": order_id}, task=_TASK)
    if known:
        return _event_instead(storage, tenant, order_id, known[0])
    return NotFound(
        "unknown_order",
        f"No conversion has the order_id {order_id!r}.",
        "If it was sent just now, it may still be in the inbox: ask again in some seconds. Otherwise look for it in "
        "the dead letters, check that its event is a conversion in the tenant's rules, and that this is the key of "
        "the tenant that it was sent to.",
    )


def _event_instead(storage: Storage, tenant: Tenant, message_id: str, event: tuple[Any, ...]) -> NotFound:
    """The id is a messageId: say what became of that event."""
    role, name, owner, _ = event
    what = f"{message_id!r} is no order_id, but the messageId of an event {name!r}"
    if role == "conversion" and owner.isdigit():
        params = {"conversion_key": owner}
        of_order = storage.rows(ORDER_OF_KEY, tenant_id=tenant.tenant_id, params=params, task=_TASK)
        if of_order:
            return NotFound("unknown_order", f"{what}.", f"It belongs to the order {of_order[0][0]!r}: ask for that.")
    if role == "touch":
        return NotFound("unknown_order", f"{what}.", "It is a touch: explain the order that it led to.")
    return NotFound("unknown_order", f"{what}.", "It is neither a touch nor a conversion in the tenant's rules.")
