"""How is the ledger written as Parquet without holding it whole? Row group by row group, each sent as it is made.

pyarrow is the only part that writes it, and large: it comes with the extra `parquet`, and is imported here alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from app.attribution.names import FIVE_MODELS, UNATTRIBUTED
from app.errors import TributaryError
from app.reports.amounts import MICRO
from app.reports.slices import LedgerRow


def require_parquet() -> None:
    """Raise unless Parquet can be written here."""
    if find_spec("pyarrow") is None:
        raise TributaryError(
            "parquet_missing",
            "This installation cannot write Parquet: pyarrow is not there.",
            "Install the extra: pip install 'tributary[parquet]'. Or use format=csv.",
            status=501,
        )


def parquet_pieces(groups: Iterator[tuple[list[LedgerRow], dict[int, str]]]) -> Iterator[bytes]:
    """One Parquet file in pieces.

    Parameters
    ----------
    groups : the conversions of each row group, and the messageIds of their touches by touch key.
    """
    import pyarrow
    import pyarrow.parquet

    schema = _schema(pyarrow)
    sink = _Sink()
    # One file: what was written is sent and forgotten, and only its place in the file is kept.
    with pyarrow.parquet.ParquetWriter(
        pyarrow.PythonFile(sink, mode="w"), schema, compression="zstd", version="2.6"
    ) as writer:
        for rows, message_ids in groups:
            if rows:
                writer.write_table(pyarrow.table(_columns(rows, message_ids), schema=schema))
            if piece := sink.taken():
                yield piece
    yield sink.taken()


class _Sink:
    """A file that only grows, and whose bytes are taken away as they come."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._place = 0

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        self._place += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._place

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True

    def writable(self) -> bool:
        return True

    def taken(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def _schema(arrow: Any) -> Any:
    name = arrow.dictionary(arrow.int32(), arrow.string())
    time = arrow.timestamp("ms", tz="UTC")
    return arrow.schema(
        [
            ("conversion_type", name),
            ("order_id", arrow.string()),
            ("conversion_time", time),
            ("currency", name),
            ("model", name),
            ("touch_id", arrow.uint64()),
            ("message_id", arrow.string()),
            ("touch_time", time),
            ("channel", name),
            ("campaign", name),
            ("source", name),
            ("weight", arrow.float64()),
            ("conversions_micro", arrow.int64()),
            ("gross_minor", arrow.int64()),
            ("net_minor", arrow.int64()),
            ("rules_version", arrow.uint32()),
        ]
    )


def _columns(rows: list[LedgerRow], message_ids: dict[int, str]) -> dict[str, list[Any]]:
    """The lines of some conversions, column by column; texts as they are, empty touches as nulls."""
    lines = [line for row in rows for line in _lines(row, message_ids)]
    names = (
        *("conversion_type", "order_id", "conversion_time", "currency", "model", "touch_id", "message_id"),
        *("touch_time", "channel", "campaign", "source", "weight", "conversions_micro", "gross_minor", "net_minor"),
        "rules_version",
    )
    return dict(zip(names, (list(column) for column in zip(*lines, strict=True)), strict=True))


def _lines(row: LedgerRow, message_ids: dict[int, str]) -> Iterator[tuple[Any, ...]]:
    head = (row.conversion_type, row.order_id, row.ts_ms, row.currency)
    if not row.touch_keys:
        bare = (None, None, None, UNATTRIBUTED, "", "", 1.0, MICRO, row.gross_minor, row.net_minor, row.rules_version)
        for model in FIVE_MODELS:
            yield (*head, str(model), *bare)
        return
    net = row.net or row.gross
    named = zip(row.touch_channels, row.touch_campaigns, row.touch_sources, strict=True)
    touches = list(zip(row.touch_keys, row.touch_times_ms, named, strict=True))
    for number, model in enumerate(FIVE_MODELS):
        at = row.of_model(number)
        credits = zip(touches, row.weights[at], row.micros[at], row.gross[at], net[at], strict=True)
        for (key, time_ms, names), weight, micro, gross_minor, net_minor in credits:
            touch = (key, message_ids.get(key, ""), time_ms, *names)
            yield (*head, str(model), *touch, weight, micro, gross_minor, net_minor, row.rules_version)
