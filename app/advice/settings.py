"""What can a tenant choose about the assessment of its channels? Which credit, which money, which days."""

from __future__ import annotations

import math
import time

import msgspec

from app.attribution.currency import canonical, exponent
from app.attribution.names import FIVE_MODELS
from app.channels.names import Channel
from app.errors import BadInput, TributaryError
from app.reports.days import read_day
from app.storage.client import Storage
from app.storage.saturation import SETTINGS, store
from app.tenants.checks import NAME_BYTES
from app.tenants.tenant import Tenant

MOST_LAG_DAYS = 60
MOST_NAMES = 500
_encode = msgspec.json.Encoder().encode


class AdviceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a tenant's channels are assessed.

    Parameters
    ----------
    model : of the five; its credit is a channel's revenue.
    compared_with : another one, whose answers stand beside; '' for none.
    conversion_type : '' counts every type.
    currency : of spend and revenue; the tenant's where ''.
    margin : profit per unit of revenue, before advertising.
    lag_days : days held back, since their spend and conversions may not all have arrived.
    demand_channels : whose visitors show demand that no spend moves.
    holidays : days, YYYY-MM-DD.
    """

    model: str = "position_based"
    compared_with: str = "linear"
    conversion_type: str = ""
    currency: str = ""
    margin: float = 1.0
    lag_days: int = 2
    demand_channels: tuple[str, ...] = (str(Channel.ORGANIC_SEARCH), str(Channel.DIRECT))
    holidays: tuple[str, ...] = ()

    @property
    def models(self) -> tuple[str, ...]:
        """The model, and the one it is compared with."""
        return (self.model, self.compared_with) if self.compared_with else (self.model,)


def read_settings(body: bytes) -> AdviceSettings:
    """Settings from JSON, checked. What is left out has its default.

    Raises
    ------
    BadInput : names the field and the remedy.
    """
    try:
        settings = msgspec.json.decode(body, type=AdviceSettings)
    except msgspec.ValidationError as error:
        fields = ", ".join(AdviceSettings.__struct_fields__)
        raise _bad(f"The settings cannot be used: {error}.", f"The fields are {fields}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput("malformed_json", f"The body is not JSON: {error}.", "Send an object of settings.") from None
    return _checked(settings)


def settings_of(storage: Storage, tenant: Tenant) -> AdviceSettings:
    """A tenant's settings, its currency filled in."""
    rows = storage.rows(SETTINGS, tenant_id=tenant.tenant_id, task="saturation")
    settings = msgspec.json.decode(rows[0][0], type=AdviceSettings) if rows else AdviceSettings()
    return msgspec.structs.replace(settings, currency=settings.currency or tenant.currency)


def set_settings(storage: Storage, tenant: Tenant, settings: AdviceSettings) -> None:
    """From the next refit on these hold."""
    row = {"tenant_id": tenant.tenant_id, "settings": _encode(settings).decode(), "version": time.time_ns() // 1_000}
    store(storage, "saturation_settings", [row])


def _checked(settings: AdviceSettings) -> AdviceSettings:
    names = [str(model) for model in FIVE_MODELS]
    if settings.model not in names:
        raise _bad(f"model is {settings.model[:40]!r}.", f"Use one of {', '.join(names)}.")
    if settings.compared_with not in ("", *names) or settings.compared_with == settings.model:
        raise _bad(
            f"compared_with is {settings.compared_with[:40]!r}.", f"Use another one of {', '.join(names)}, or ''."
        )
    if settings.currency:
        try:
            exponent(settings.currency)
        except (TributaryError, ValueError, KeyError):
            raise _bad(f"There is no currency {settings.currency[:20]!r}.", "Use an ISO 4217 code: EUR.") from None
    if not (math.isfinite(settings.margin) and 0 < settings.margin <= 100):
        raise _bad(f"margin is {settings.margin}.", "Give profit per unit of revenue, such as 0.4; above 0.")
    if not 0 <= settings.lag_days <= MOST_LAG_DAYS:
        raise _bad(f"lag_days is {settings.lag_days}.", f"Set it between 0 and {MOST_LAG_DAYS}.")
    for field in ("demand_channels", "holidays"):
        if len(getattr(settings, field)) > MOST_NAMES:
            raise _bad(f"{field} has {len(getattr(settings, field))} entries.", f"Give at most {MOST_NAMES}.")
    for number, text in enumerate(settings.holidays):
        try:
            read_day(f"holidays[{number}]", text)
        except BadInput as error:
            raise _bad(error.message, error.detail) from None
    if len(settings.conversion_type.encode()) > NAME_BYTES:
        raise _bad("conversion_type is too long.", f"Give at most {NAME_BYTES} bytes.")
    return msgspec.structs.replace(settings, currency=canonical(settings.currency) if settings.currency else "")


def _bad(message: str, remedy: str) -> BadInput:
    return BadInput("bad_settings", message, remedy)
