"""Do imports run down only, and does each room import no more than it may?"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PURE = ("app/attribution", "app/channels", "app/saturation")
PURE_MAY = {"numpy", "scipy", "lightgbm"}


def imports_of(file: Path) -> Iterator[str]:
    """The modules that a file names in its import statements, wherever they stand."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} imports by dots"
            yield str(node.module)


def files(*folders: str) -> list[Path]:
    return [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]


def test_the_floors():
    """Import Linter with the contracts of setup.cfg."""
    command = [Path(sys.executable).parent / "lint-imports", "--no-logo", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", files(*PURE), ids=lambda file: str(file.relative_to(ROOT)))
def test_pure_rooms_import_numbers_and_the_standard_library_only(file):
    own = tuple(folder.replace("/", ".") for folder in PURE)
    for name in imports_of(file):
        top = name.partition(".")[0]
        assert top in sys.stdlib_module_names or top in PURE_MAY or name.startswith(own), f"it imports {name}"


@pytest.mark.parametrize("library", ["clickhouse_driver", "chdb"])
def test_one_room_alone_opens_clickhouse(library):
    allowed = (ROOT / "app/storage", ROOT / "workers/local/clickhouse")
    for file in files("app", "config", "tasks", "workers"):
        if not file.is_relative_to(allowed[0]) and not file.is_relative_to(allowed[1]):
            assert not any(name.partition(".")[0] == library for name in imports_of(file)), file


@pytest.mark.parametrize("library", ["flask", "celery"])
def test_services_know_neither_flask_nor_celery(library):
    services = ("advice", "attribution", "channels", "identity", "ledger", "reports", "storage", "tenants")
    rooms = [f"app/{name}" for name in services]
    for file in files(*rooms):
        assert not any(name.partition(".")[0] == library for name in imports_of(file)), file
