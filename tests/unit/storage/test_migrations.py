"""Are the statements of a file told apart?"""

from __future__ import annotations

from app.storage.migrations import FOLDER, statements_of


def test_semicolons_in_comments_and_strings_part_nothing() -> None:
    text = "-- one; comment\nCREATE a;\n\n;SELECT ';' -- x;y\n, 'it''s; \\'' - 1;\nlast"
    assert list(statements_of(text)) == ["CREATE a", "SELECT ';' \n, 'it''s; \\'' - 1", "last"]


def test_every_statement_of_the_schema_may_run_twice() -> None:
    files = sorted(FOLDER.glob("*.sql"))
    assert files
    for path in files:
        for statement in statements_of(path.read_text(encoding="utf-8")):
            assert "IF NOT EXISTS" in statement or "IF EXISTS" in statement, f"{path.name}: {statement[:80]}"
