"""Are the statements of a file told apart?"""

from __future__ import annotations

import re

from app.storage.migrations import FOLDER, statements_of


def test_semicolons_in_comments_and_strings_part_nothing() -> None:
    text = "-- one; comment\nCREATE a;\n\n;SELECT ';' -- x;y\n, 'it''s; \\'' - 1;\nlast"
    assert list(statements_of(text)) == ["CREATE a", "SELECT ';' \n, 'it''s; \\'' - 1", "last"]


def test_every_statement_of_the_schema_may_run_twice() -> None:
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.sql"))}
    assert texts
    create = r"CREATE TABLE IF NOT EXISTS (\w+)[^;]*?\nENGINE = ReplacingMergeTree"
    replacing = set(re.findall(create, "\n".join(texts.values())))
    for name, text in texts.items():
        for statement in statements_of(text):
            inserts = re.match(r"INSERT INTO (\w+)\s", statement)
            # The same rows a second time replace themselves.
            is_safe = inserts[1] in replacing if inserts else re.search(r"\bIF (NOT )?EXISTS\b", statement)
            assert is_safe, f"{name}: {statement[:80]}"
