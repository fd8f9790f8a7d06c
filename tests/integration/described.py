"""Is an answer what the OpenAPI document says of it? Whoever makes a client from the document relies on it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from app.http.openapi import document
from config.settings import Settings

_KINDS: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


def require_described(method: str, path: str, answer: Any) -> Any:
    """The same answer, if its status is described and its JSON is as described, with no field that is not."""
    responses = _operation(method, path.partition("?")[0])["responses"]
    assert str(answer.status_code) in responses, f"{method} {path}: {answer.status_code} is not described"
    content = _found(responses[str(answer.status_code)]).get("content", {})
    if answer.mimetype == "application/json":
        _require(content["application/json"]["schema"], answer.get_json(), f"{method} {path}: $")
    return answer


@lru_cache(maxsize=1)
def _document() -> dict[str, Any]:
    return document(Settings())


@lru_cache(maxsize=256)
def _operation(method: str, path: str) -> Any:
    """Of several paths that fit, the one with the fewest names for something else in it."""
    fitting = [
        (template.count("{"), -len(template), template)
        for template, item in _document()["paths"].items()
        if method.lower() in item and re.fullmatch(re.sub(r"{\w+}", ".+", template), path)
    ]
    return _document()["paths"][min(fitting)[2]][method.lower()]


def _found(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        place: Any = _document()
        for name in schema["$ref"].removeprefix("#/").split("/"):
            place = place[name]
        schema = place
    return schema


def _require(schema: dict[str, Any], value: Any, where: str) -> None:
    schema = _found(schema)
    if "oneOf" in schema or "anyOf" in schema:
        return
    assert value == schema.get("const", value), where
    assert value in schema.get("enum", [value]), f"{where} is {value!r}"
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    fits = any(isinstance(value, _KINDS[kind]) and isinstance(value, bool) == (kind == "boolean") for kind in kinds)
    assert fits or not kinds, f"{where} is {value!r}, not {kinds}"
    if isinstance(value, dict):
        _require_object(schema, value, where)
    for place, item in enumerate(value if isinstance(value, list) else ()):
        _require(schema.get("items", {}), item, f"{where}[{place}]")


def _require_object(schema: dict[str, Any], value: dict[str, Any], where: str) -> None:
    known, others = schema.get("properties"), schema.get("additionalProperties")
    missing = set(schema.get("required", ())) - value.keys()
    assert not missing, f"{where} lacks {missing}"
    for name, inner in value.items():
        if known and name in known:
            _require(known[name], inner, f"{where}.{name}")
        elif others is not None:
            _require(others if isinstance(others, dict) else {}, inner, f"{where}.{name}")
        else:
            assert known is None, f"{where}.{name} is not described"
