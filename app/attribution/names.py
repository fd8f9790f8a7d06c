"""What are the models, touch kinds and reserved channels called? (SEMANTICS 2, 3)"""

from enum import IntEnum, StrEnum


class Model(StrEnum):
    """The models of SEMANTICS 3 that are computed per conversion."""

    FIRST_TOUCH = "first_touch"
    LAST_TOUCH = "last_touch"
    LINEAR = "linear"
    TIME_DECAY = "time_decay"
    POSITION_BASED = "position_based"


# Rows of every (5, m) array, in this order. The ledger stores it: append, never reorder.
FIVE_MODELS: tuple[Model, ...] = (
    Model.FIRST_TOUCH,
    Model.LAST_TOUCH,
    Model.LINEAR,
    Model.TIME_DECAY,
    Model.POSITION_BASED,
)


class TouchKind(IntEnum):
    """How a touch was made; the number is what arrays and storage hold.

    Examples
    --------
    >>> TouchKind.from_label("view").label
    'view'
    """

    CLICK = 0
    VIEW = 1

    @property
    def label(self) -> str:
        """The word that travels outside: ``click`` or ``view``."""
        return self.name.lower()

    @classmethod
    def from_label(cls, label: str) -> "TouchKind":
        """The kind called `label`; ValueError for any other word."""
        for kind in cls:
            if kind.label == label:
                return kind
        raise ValueError(f"unknown kind of touch {label!r}; use 'click' or 'view'")


UNATTRIBUTED = "(unattributed)"  # the channel of conversions without touches (SEMANTICS 2.6)
UNKNOWN_SOURCE = "(unknown)"  # of touches that were credited before the ledger held their sources
DIRECT = "direct"  # the channel of an entry without campaign, click id or referrer (SEMANTICS 2.7)
