"""What is a `track` event to this tenant: touch, conversion or neither? (SEMANTICS 2.9)"""

from __future__ import annotations

from app.ingest.amounts import read_currency, read_minor
from app.ingest.events import Conversion, Touch
from app.ingest.ids import LONGEST, read_id
from app.ingest.reading import Reading
from app.ingest.refusals import Reason, Refused, bad_type
from app.ingest.touch import event_touch
from app.ingest.wire import Context, Properties

_NO_PROPERTIES = Properties()


def read_name(value: object, field: str, wanted: str) -> str:
    """The name of an event.

    Raises
    ------
    Refused : missing, no string, or more than 512 bytes.
    """
    if type(value) is not str:
        if value is None:
            raise Refused(Reason.MISSING_EVENT, f"{field} is missing.", f"Send {wanted}.")
        raise bad_type(field, value, wanted)
    if not value:
        raise Refused(Reason.MISSING_EVENT, f"{field} is empty.", f"Send {wanted}.")
    if len(value) > LONGEST // 4 and len(value.encode()) > LONGEST:
        raise Refused(
            Reason.TEXT_TOO_LONG, f"{field} has {len(value.encode())} bytes.", f"Send at most {LONGEST} bytes."
        )
    return value


def role_of(
    name: str, message_id: str, context: Context | None, properties: Properties | None, reading: Reading
) -> tuple[Touch | None, Conversion | None]:
    """The touch or the conversion that an event of this name is; (None, None) where it is neither."""
    role = reading.roles.get(name)
    if role is None:
        return None, None
    if type(role) is int:
        return event_touch(name, role, context, properties), None
    return None, _conversion(str(role), message_id, properties or _NO_PROPERTIES, reading)


def _conversion(conversion_type: str, message_id: str, properties: Properties, reading: Reading) -> Conversion:
    """A conversion of one order. Without revenue, value and total it is worth nothing, and still counts."""
    order_id = read_id(properties.order_id, "properties.order_id") or message_id
    currency = read_currency(properties.currency, "properties.currency", reading.currency)
    if properties.revenue is not None:
        value_minor = read_minor(properties.revenue, "properties.revenue", currency)
    elif properties.value is not None:
        value_minor = read_minor(properties.value, "properties.value", currency)
    elif properties.total is not None:
        value_minor = read_minor(properties.total, "properties.total", currency)
    else:
        value_minor = 0
    return Conversion(conversion_type, order_id, value_minor, currency)
