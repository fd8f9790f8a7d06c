"""What kind of statement is this, and where does its data come from?

Just enough of ClickHouse's grammar to route a statement: nothing here judges whether it is valid, the engine
does. Text that is not understood is passed on as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|\#[ !][^\n]*|/\*.*?\*/)
      | (?P<quoted>'(?:[^'\\]|\\.|'')*'|`(?:[^`\\]|\\.|``)*`|"(?:[^"\\]|\\.|"")*")
      | (?P<word>[A-Za-z_0-9$]+)
      | (?P<mark>.)""",
    re.VERBOSE | re.DOTALL,
)
OUTPUT_FORMAT = re.compile(r"\bFORMAT\s+[A-Za-z]\w*\s*$", re.IGNORECASE)
REMEMBERED_LENGTH = 4096
"""Characters of an INSERT that is not read anew each time: one with rows in its text is longer, and comes once."""
TAIL = 200
"""Characters at the end of a statement in which its FORMAT clause is looked for."""


class Kind(StrEnum):
    """How a statement is run."""

    ROWS = "rows"
    """Streams its result: SELECT and what can stand in its place."""
    TELLS = "tells"
    """Has a small result, and can be asked again: SHOW, DESCRIBE, EXPLAIN, EXISTS."""
    SETS = "sets"
    """Changes the session's settings."""
    DOES = "does"
    """Everything else; a result is possible, but not to be asked for twice."""


@dataclass(frozen=True)
class Token:
    """A word, a quoted text or a mark, and where it stands."""

    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        return self.text.upper()


@dataclass(frozen=True)
class Insert:
    """An INSERT whose rows come in data packets: into `target` `columns`, or through `source` if it is not empty.

    `source` is the SELECT of `INSERT ... SELECT ... FROM input('structure')` in two halves, around `input(...)`.
    """

    target: str
    columns: str = ""
    settings: str = ""
    structure: str = ""
    source: tuple[str, str] | None = None

    def with_settings(self, more: Mapping[str, str]) -> Insert:
        """The same with settings before its own."""
        given = [f"{name} = {quoted(value)}" for name, value in more.items()]
        return replace(self, settings=", ".join([*given, self.settings] if self.settings else given))


def tokens(text: str, start: int = 0) -> Iterator[Token]:
    """Walk the words, quoted texts and marks of `text`; comments and spaces are passed over."""
    for match in TOKEN.finditer(text, start):
        if match.lastgroup != "space":
            yield Token(match.group(), match.start(), match.end())


def kind_of(text: str) -> Kind:
    """Route by the first word."""
    first = next((token.word for token in tokens(text) if token.text != "("), "")
    match first:
        case "SELECT" | "WITH" | "FROM":
            return Kind.ROWS
        case "SHOW" | "DESCRIBE" | "DESC" | "EXPLAIN" | "EXISTS":
            return Kind.TELLS
        case "SET":
            return Kind.SETS
    return Kind.DOES


def is_empty(text: str) -> bool:
    """Whether there is nothing but spaces and comments."""
    return next(tokens(text), None) is None


def is_insert(text: str) -> bool:
    """Whether the statement is an INSERT of any kind."""
    return next((token.word for token in tokens(text)), "") == "INSERT"


def trimmed(text: str) -> str:
    """The statement without the semicolon at its end."""
    text = text.rstrip()
    while text.endswith(";"):
        text = text[:-1].rstrip()
    return text


def without_format(text: str) -> str:
    """The statement without its FORMAT clause: over this protocol results are always Native blocks."""
    head, tail = text[:-TAIL], text[-TAIL:]
    return head + OUTPUT_FORMAT.sub("", tail)


def without_sync(text: str) -> str:
    """A DROP or DETACH without SYNC or NO DELAY at its end.

    The engine takes a dropped table away at once, but inside a process of its own it never starts the task that
    clears its files, and SYNC would wait for that task for ever. `dropped.clear` does its work at the next start.
    """
    words = list(tokens(text)) if text[:40].lstrip()[:4].upper() in {"DROP", "DETA"} else []
    if words and words[-1].word == "SYNC":
        return text[: words[-1].start].rstrip()
    if [word.word for word in words[-2:]] == ["NO", "DELAY"]:
        return text[: words[-2].start].rstrip()
    return text


def is_several(text: str) -> bool:
    """Whether a semicolon inside of `text` (which has none at its end) starts another statement."""
    return ";" in text and any(token.text == ";" for token in tokens(text))


def insert_of_packets(text: str) -> Insert | None:
    """The INSERT in `text` if its rows come in data packets; None for any other statement.

    An INSERT that carries its rows in its text, or takes them from a SELECT of its own, is like any other
    statement. `text` is trimmed. A client sends the same few INSERTs again and again, so they are remembered.
    """
    if not is_insert(text):
        return None
    return _known_insert(text) if len(text) <= REMEMBERED_LENGTH else _insert(text)


def _insert(text: str) -> Insert | None:
    stream = list(_head(text))
    words = [token.word for token in stream]
    if words[1:2] != ["INTO"]:
        return None
    place = 3 if words[2:3] == ["TABLE"] and words[3:4] != [] and words[3] not in {"(", "VALUES"} else 2
    place, target = _target(text, stream, place)
    place, columns = _group(text, stream, place)
    place, settings = _settings(text, stream, place)
    last = words[place] if place < len(words) else ""
    if last == "VALUES" or last == "FORMAT":
        rest_from = stream[place].end if last == "VALUES" else stream[place + 1].end
        return None if _has_more(text, rest_from) else Insert(target, columns, settings)
    if last in {"SELECT", "WITH"}:
        return _insert_from_input(text, Insert(target, columns, settings), stream[place].start)
    return None


_known_insert = lru_cache(maxsize=256)(_insert)


def _head(text: str) -> Iterator[Token]:
    """The tokens up to where rows or a SELECT begin, with that word (and the name of the format) included."""
    depth = 0
    walk = tokens(text)
    for token in walk:
        depth += (token.text == "(") - (token.text == ")")
        yield token
        if depth == 0 and token.word in {"VALUES", "SELECT", "WITH"}:
            return
        if depth == 0 and token.word == "FORMAT":
            yield next(walk, Token("", token.end, token.end))
            return


def _target(text: str, stream: list[Token], place: int) -> tuple[int, str]:
    """A table name, or `FUNCTION name(...)`, from `place` on; and the place after it."""
    start = stream[place].start if place < len(stream) else len(text)
    if place < len(stream) and stream[place].word == "FUNCTION":
        end, _ = _group(text, stream, place + 2)
    else:
        end = place + 1
        while end + 1 < len(stream) and stream[end].text == ".":
            end += 2
    return end, text[start : stream[end - 1].end] if end <= len(stream) else ""


def _group(text: str, stream: list[Token], place: int) -> tuple[int, str]:
    """A bracketed group at `place`, if there is one; and the place after it."""
    if place >= len(stream) or stream[place].text != "(":
        return place, ""
    depth = 0
    for end in range(place, len(stream)):
        depth += (stream[end].text == "(") - (stream[end].text == ")")
        if depth == 0:
            return end + 1, text[stream[place].start : stream[end].end]
    return len(stream), ""


def _settings(text: str, stream: list[Token], place: int) -> tuple[int, str]:
    """What follows SETTINGS at `place`, if it stands there; and the place after it."""
    if place >= len(stream) or stream[place].word != "SETTINGS":
        return place, ""
    end = place + 1
    while end < len(stream) and stream[end].word not in {"VALUES", "FORMAT", "SELECT", "WITH"}:
        end += 1
    return end, text[stream[place].end : stream[end - 1].end].strip()


def _has_more(text: str, start: int) -> bool:
    return next(tokens(text, start), None) is not None


def _insert_from_input(text: str, insert: Insert, start: int) -> Insert | None:
    """`INSERT ... SELECT ... FROM input('structure') [FORMAT ...]`, or None if there is no `input`."""
    walk = list(tokens(text, start))
    for at, token in enumerate(walk[:-3]):
        is_call = [t.text for t in (walk[at + 1], walk[at + 3])] == ["(", ")"]
        if token.word == "INPUT" and is_call and walk[at + 2].text.startswith("'"):
            after = without_format(text[walk[at + 3].end :])
            halves = (text[start : token.start], after)
            return Insert(insert.target, insert.columns, insert.settings, walk[at + 2].text, halves)
    return None


def quoted(text: str) -> str:
    """A string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def identifier(name: str) -> str:
    """A quoted identifier."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
