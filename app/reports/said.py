"""How does an answer say the rows of an attribution report? As JSON text, made column by column.

There may be a hundred thousand of them: a dict for each, and a call for each of its figures, would take longer than
everything before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import compress, groupby
from operator import and_

import msgspec

from app.attribution.currency import to_decimal_strings
from app.attribution.names import UNATTRIBUTED, Model
from app.reports.amounts import Columns, micro_strings
from app.reports.lines import AT, WIDTH, Lines
from app.reports.pages import Line
from app.reports.spend import SPEND_FIELDS, beside

_NOTHING_BESIDE = "".join(f',"{name}":null' for name in SPEND_FIELDS) + "}"


class SaidRows:
    """The rows of some lines: of each line one for each model, with the columns of `by` named."""

    def __init__(self, lines: Lines, models: Sequence[Model], by: Sequence[str] = ()) -> None:
        self._parts = [
            _Part(currency, list(part), models, by) for currency, part in groupby(lines, lambda item: item[0][0])
        ]

    def plain(self) -> msgspec.Raw:
        """Without spend."""
        return _array(_ended(part.texts, "}") for part in self._parts)

    def with_spend(self, spend: Mapping[Line, int]) -> msgspec.Raw:
        """With what was spent on each line and what comes of it."""
        return _array(part.with_spend(spend) for part in self._parts)

    def credit_without(self, spend: Mapping[Line, int]) -> msgspec.Raw:
        """Rows with credit on lines on which nothing was spent; the unattributed ones apart."""
        return _array(part.credit_without(spend) for part in self._parts)


class _Part:
    """The rows of one currency. `texts` are JSON objects that lack their last brace."""

    def __init__(self, currency: str, lines: Lines, models: Sequence[Model], by: Sequence[str]) -> None:
        self.currency = currency
        self.lines = [line for line, _ in lines]
        self._width = len(models)
        places = [AT[model] for model in models]
        self._amounts: Columns = tuple(
            [figures[at + figure] for _, figures in lines for at in places] for figure in range(WIDTH)
        )
        self.texts = self._texts(models, by)

    def with_spend(self, spend: Mapping[Line, int]) -> str:
        of_lines = [spend.get(line, 0) for line in self.lines]
        if not any(of_lines):
            return _ended(self.texts, _NOTHING_BESIDE)
        spends = [spent for spent in of_lines for _ in range(self._width)]
        amounts = tuple(list(compress(column, spends)) for column in self._amounts)
        said = iter(beside(list(compress(self.texts, spends)), amounts, list(compress(spends, spends)), self.currency))
        return ",".join(
            [next(said) if spent else text + _NOTHING_BESIDE for text, spent in zip(self.texts, spends, strict=True)]
        )

    def credit_without(self, spend: Mapping[Line, int]) -> str:
        lack = [line not in spend and UNATTRIBUTED not in line[1] for line in self.lines]
        rows = (is_lacking for is_lacking in lack for _ in range(self._width))
        has_credit = map(any, zip(*self._amounts, strict=True))
        return _ended(list(compress(self.texts, map(and_, rows, has_credit))), "}")

    def _texts(self, models: Sequence[Model], by: Sequence[str]) -> list[str]:
        named = "{" + "".join(f'"{name}":%s,' for name in by)
        ends = [f'"model":"{model}",' for model in models]
        heads = [head + end for head in (named % tuple(map(_quoted, group)) for _, group in self.lines) for end in ends]
        micros, net_micros, minors, net_minors = self._amounts
        counts, values = micro_strings(micros), to_decimal_strings(minors, self.currency)
        net_counts = counts if net_micros == micros else micro_strings(net_micros)
        net_values = values if net_minors == minors else to_decimal_strings(net_minors, self.currency)
        code = self.currency
        return [
            f'{head}"conversions":"{count}","conversions_micro":{micro},"net_conversions":"{net_count}",'
            f'"net_conversions_micro":{net_micro},"value":"{value}","value_minor":{minor},"net_value":"{net_value}",'
            f'"net_value_minor":{net_minor},"currency":"{code}"'
            for head, count, micro, net_count, net_micro, value, minor, net_value, net_minor in zip(
                heads, counts, micros, net_counts, net_micros, values, minors, net_values, net_minors, strict=True
            )
        ]


def _ended(texts: Sequence[str], end: str) -> str:
    """Each with this end, parted by commas."""
    return f"{end},".join(texts) + end if texts else ""


def _array(parts: Iterable[str]) -> msgspec.Raw:
    return msgspec.Raw(f"[{','.join(filter(None, parts))}]".encode())


@lru_cache(maxsize=10_000)
def _quoted(word: str) -> str:
    return msgspec.json.encode(word).decode()
