"""How does the description of the API read? The OpenAPI document as one HTML page, without a script."""

from __future__ import annotations

import re
from html import escape
from typing import Any

_STYLE = """
:root{--ink:#1c2430;--soft:#5d6b7e;--line:#e2e7ee;--paper:#fff;--shade:#f6f8fb;--get:#0b7a5c;--post:#2c56c8;--delete:#b3261e}
@media(prefers-color-scheme:dark){:root{--ink:#e6ebf2;--soft:#9aa8bb;--line:#2b3543;--paper:#12171f;--shade:#1a212c;
--get:#4fd0a8;--post:#8fb0ff;--delete:#ff8d85}}
*{box-sizing:border-box}body{margin:0;font:15px/1.55 system-ui,sans-serif;color:var(--ink);background:var(--paper)}
main{max-width:60rem;margin:0 auto;padding:2rem 1.25rem 5rem}h1{margin:0 0 .5rem}h2{margin:3rem 0 .25rem}
a{color:inherit}code{font:13px/1.4 ui-monospace,monospace;background:var(--shade);padding:.1em .35em;border-radius:4px}
nav{display:flex;flex-wrap:wrap;gap:.5rem 1.25rem;padding:.75rem 0;border-bottom:1px solid var(--line)}
section,details{border:1px solid var(--line);border-radius:10px;margin:.75rem 0;padding:.25rem 1rem;overflow-x:auto}
summary{cursor:pointer;padding:.55rem 0;display:flex;gap:.75rem;align-items:baseline;flex-wrap:wrap}
summary b{font:600 12px ui-monospace,monospace;min-width:3rem}.get{color:var(--get)}.post,.put,.patch{color:var(--post)}
.delete{color:var(--delete)}
.soft{color:var(--soft)}table{border-collapse:collapse;width:100%;margin:.5rem 0 1rem}
td,th{text-align:left;vertical-align:top;padding:.35rem .75rem .35rem 0;border-top:1px solid var(--line)}
th{font-weight:600;color:var(--soft);border:0}
"""


def docs_page(document: dict[str, Any]) -> str:
    """The page."""
    tags = document["tags"]
    links = "".join(f'<a href="#{tag["name"]}">{escape(tag["name"].capitalize())}</a>' for tag in tags)
    named = document["components"]["responses"]
    body = "".join(_group(tag, document["paths"], named) for tag in tags)
    schemas = "".join(_schema(name, schema) for name, schema in document["components"]["schemas"].items())
    info = document["info"]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(info['title'])} API</title><style>{_STYLE}</style></head><body><main>"
        f"<h1>{escape(info['title'])} API</h1>{_prose(info['description'])}"
        f'<nav>{links}<a href="#shapes">Shapes</a><a href="/openapi.json">openapi.json</a>'
        f'<a href="/">Dashboard</a></nav>{body}<h2 id="shapes">Shapes</h2>{schemas}</main></body></html>'
    )


def _group(tag: dict[str, str], paths: dict[str, Any], named: dict[str, Any]) -> str:
    operations = "".join(
        _operation(path, method, operation, named)
        for path, item in paths.items()
        for method, operation in item.items()
        if tag["name"] in operation["tags"]
    )
    return (
        f'<h2 id="{tag["name"]}">{escape(tag["name"].capitalize())}</h2>'
        f'<p class="soft">{_words(tag["description"])}</p>{operations}'
    )


def _operation(path: str, method: str, operation: dict[str, Any], named: dict[str, Any]) -> str:
    parts = [_parameters(operation.get("parameters", []))]
    if "requestBody" in operation:
        content = operation["requestBody"]["content"]
        parts.append(f"<p>Body: {' or '.join(_type(media['schema']) for media in content.values())}</p>")
    answers = "".join(
        f"<tr><td><code>{status}</code></td><td>{_response(answer, named)}</td></tr>"
        for status, answer in operation["responses"].items()
    )
    parts.append(f"<table><tr><th>Answer</th><th></th></tr>{answers}</table>")
    return (
        f'<details><summary><b class="{method}">{method.upper()}</b><code>{escape(path)}</code>'
        f'<span class="soft">{_words(operation["summary"])}</span></summary>{"".join(parts)}</details>'
    )


def _parameters(parameters: list[dict[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(one['name'])}</code></td><td>{escape(one['in'])}</td>"
        f"<td>{_words(one.get('description', ''))}</td></tr>"
        for one in parameters
    )
    return f"<table><tr><th>Parameter</th><th>In</th><th></th></tr>{rows}</table>" if rows else ""


def _response(answer: dict[str, Any], named: dict[str, Any]) -> str:
    if "$ref" in answer:
        answer = named[answer["$ref"].rpartition("/")[2]]
    shapes = " ".join(_type(media["schema"]) for media in answer.get("content", {}).values())
    return f"{_words(answer['description'])} {shapes}"


def _schema(name: str, schema: dict[str, Any]) -> str:
    needed = schema.get("required", [])
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code>{' *' if field in needed else ''}</td><td>{_type(inner)}</td>"
        f"<td>{_words(inner.get('description', ''))}</td></tr>"
        for field, inner in schema.get("properties", {}).items()
    )
    return (
        f'<section id="shape-{escape(name)}"><h3>{escape(name)}</h3><p>{_words(schema.get("description", ""))}</p>'
        f"<table>{rows}</table></section>"
    )


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return _link(schema["$ref"].rpartition("/")[2])
    if "oneOf" in schema:
        return " or ".join(_type(one) for one in schema["oneOf"])
    if "enum" in schema:
        return ", ".join(f"<code>{escape(str(one))}</code>" for one in schema["enum"])
    if "const" in schema:
        return f"<code>{str(schema['const']).lower()}</code>"
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if schema.get("properties"):
        fields = ", ".join(
            f"<code>{escape(name)}</code>: {_type(inner)}" for name, inner in schema["properties"].items()
        )
        return f"object ({fields})"
    kinds = schema.get("type", "any")
    return escape(kinds if isinstance(kinds, str) else " or ".join(kinds))


def _link(name: str) -> str:
    return f'<a href="#shape-{escape(name)}">{escape(name)}</a>'


def _prose(text: str) -> str:
    return "".join(f"<p>{_words(paragraph)}</p>" for paragraph in text.split("\n\n"))


def _words(text: str) -> str:
    """With the few marks that the descriptions use: **strong**, `code` and ``code``."""
    html = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", escape(text))
    return re.sub(r"(`+)(.+?)\1", r"<code>\2</code>", html)
