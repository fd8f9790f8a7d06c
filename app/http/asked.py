"""What did the client ask for? Parameters and posted forms: a word that nobody reads is refused, not passed over."""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec
from flask import request

from app.errors import BadInput
from app.http.body import read_body
from app.http.parts import clock_ms, parts
from app.reports.days import Period, read_period

Form = TypeVar("Form")
Said = Annotated[str, msgspec.Meta(min_length=1)]
"""A text that must be there and not be empty."""


def only(*names: str) -> None:
    """BadInput on a parameter that does not exist, or stands there twice: a misspelt filter must not pass for none."""
    for name, values in request.args.lists():
        if name not in names:
            known = f"Use {', '.join(names)}." if names else "There is none."
            raise BadInput("unknown_parameter", f"There is no parameter {name[:40]!r} here.", known)
        if len(values) > 1:
            remedy = "Give it once; what takes several values takes them with commas between."
            raise BadInput("repeated_parameter", f"The parameter {name} stands there {len(values)} times.", remedy)


def read_form(form: type[Form], remedy: str) -> Form:
    """The posted JSON in its form; 413 and 415 are those of every body.

    Raises
    ------
    BadInput : names the field; `remedy` says what to send.
    """
    try:
        return msgspec.json.decode(read_body(parts().settings.batch_bytes), type=form)
    except msgspec.ValidationError as error:
        raise BadInput("bad_body", f"The body: {error}.", remedy) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput("malformed_json", f"The body is not JSON: {error}.", remedy) from None


def period_asked(timezone: str) -> Period:
    """The days of a timezone that `from` and `to` name; those by default where they are missing."""
    return read_period(request.args.get("from", ""), request.args.get("to", ""), timezone=timezone, now_ms=clock_ms())


class Days(msgspec.Struct, rename={"first": "from", "end": "to"}, forbid_unknown_fields=True):
    """`from` and `to`, both needed: nobody should restate a month by leaving a word out."""

    first: Said
    end: Said


DAYS = 'Send {"from": "YYYY-MM-DD", "to": "YYYY-MM-DD"}; `from` is included, `to` is not.'
