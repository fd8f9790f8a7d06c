"""Are the statements of a file told apart?"""

from __future__ import annotations

import re

from app.storage.migrations import FOLDER, statements_of


def test_semicolons_in_comments_and_strings_part_nothing() -> None:
    text = "-- one; comment\nCREATE a;\n\n;SELECT ';' -- x;y\n, 'it''s; \\'' - 1;\nlast"
    assert list(statements_of(text)) == ["CREATE a", "SELECT ';' \n, 'it''s; \\'' - 1", "last"]


def test_every_file_of_the_schema_may_run_twice() -> None:
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.sql"))}
    assert texts
    create = r"CREATE TABLE IF NOT EXISTS (\w+)[^;]*?\nENGINE = ReplacingMergeTree"
    replacing = set(re.findall(create, "\n".join(texts.values())))
    for name, text in texts.items():
        statements = list(statements_of(text))
        for place, statement in enumerate(statements):
            if statement.startswith("EXCHANGE"):
                # The other table is one that this file has just filled, however often it has run.
                one, other = re.findall(r"TABLES (\w+) AND (\w+)", statement)[0]
                assert statements[place - 3] == f"DROP TABLE IF EXISTS {other}"
                assert statements[place - 2].startswith(f"CREATE TABLE IF NOT EXISTS {other} AS {one}\n")
                assert statements[place - 1] == f"INSERT INTO {other} SELECT * FROM {one}"
                continue
            inserts = re.match(r"INSERT INTO (\w+)\s", statement)
            # The same rows a second time replace themselves, and a setting has one value.
            safe = r"\bIF (NOT )?EXISTS\b|\AALTER TABLE \w+ MODIFY SETTING [^;]*\Z"
            is_safe = inserts[1] in replacing if inserts else re.search(safe, statement)
            assert is_safe, f"{name}: {statement[:80]}"
