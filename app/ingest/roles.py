"""What is a `track` event to this tenant: touch, conversion or neither? (SEMANTICS 2.9)"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import msgspec

from app.attribution.currency import canonical, to_minor
from app.ingest.amounts import read_currency, read_minor
from app.ingest.events import Conversion, Touch
from app.ingest.ids import LONGEST, read_id
from app.ingest.reading import Noted, Reading, spelling
from app.ingest.refusals import Reason, Refused, bad_type
from app.ingest.touch import event_touch
from app.ingest.wire import Context, Properties
from app.tenants.rules import ConversionRule

_NO_PROPERTIES = Properties()
_SIMILAR = (
    "Kept, but neither a touch nor a conversion, since names are compared as they stand. "
    "Send {0!r}, or name it in the rules."
)
_NO_VALUE = "Counted as a conversion worth nothing. Send {0}, or give the event a fixed value in the rules."
MOST_MINOR = 10**15
"""The largest value of a conversion, in minor units."""


class _AnyProperties(msgspec.Struct, gc=False):
    properties: dict[str, Any] = {}


_decode_properties = msgspec.json.Decoder(_AnyProperties).decode


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
    name: str,
    message_id: str,
    context: Context | None,
    properties: Properties | None,
    reading: Reading,
    raw: msgspec.Raw,
) -> tuple[Touch | None, Conversion | None]:
    """The touch or the conversion that an event of this name is; (None, None) where it is neither."""
    role = reading.roles.get(name)
    if role is None:
        if (known := reading.spellings.get(spelling(name))) is not None:
            reading.noted.append(Noted("similar_event", name, _SIMILAR.format(known)))
        return None, None
    if type(role) is int:
        return event_touch(name, role, context, properties, reading.book), None
    if isinstance(role, ConversionRule):
        return None, _by_rule(role, message_id, properties or _NO_PROPERTIES, reading, raw)
    return None, _conversion(str(role), message_id, properties or _NO_PROPERTIES, reading)


def _by_rule(
    rule: ConversionRule, message_id: str, properties: Properties, reading: Reading, raw: msgspec.Raw
) -> Conversion:
    """A conversion whose type has a value rule: a property of the tenant's choice, a fixed value, a factor."""
    value = rule.value
    if value.fixed:
        order_id = read_id(properties.order_id, "properties.order_id") or message_id
        currency = canonical(value.currency) if value.currency else reading.currency
        found = Conversion(rule.type_name, order_id, to_minor(value.fixed, currency), currency)
    elif value.property:
        amount = _decode_properties(raw).properties.get(value.property)
        order_id = read_id(properties.order_id, "properties.order_id") or message_id
        currency = read_currency(properties.currency, "properties.currency", reading.currency)
        field = f"properties.{value.property}"
        if amount is None:
            reading.noted.append(_without_value(field))
        minor = 0 if amount is None else read_minor(amount, field, currency)
        found = Conversion(rule.type_name, order_id, minor, currency)
    else:
        found = _conversion(rule.type_name, message_id, properties, reading)
    if not value.factor:
        return found
    multiplied = (Decimal(found.value_minor) * Decimal(value.factor)).quantize(Decimal(1), ROUND_HALF_EVEN)
    if multiplied > MOST_MINOR:
        raise Refused(Reason.BAD_AMOUNT, "The value times its factor is too large.", "Send a smaller value.")
    return msgspec.structs.replace(found, value_minor=int(multiplied))


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
        reading.noted.append(_without_value("properties.revenue"))
    return Conversion(conversion_type, order_id, value_minor, currency)


def _without_value(field: str) -> Noted:
    return Noted("no_value", field, _NO_VALUE.format(field))
