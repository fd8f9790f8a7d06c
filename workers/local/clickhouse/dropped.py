"""What became of the files of dropped tables?

The engine moves a dropped table's description aside and leaves its files to a task that runs in clickhouse-server
only. So before the engine opens, the files of the tables that are described there are cleared away.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

TABLE_ID = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.sql$")


def clear(directory: Path) -> int:
    """Clear the files of dropped tables under the engine's `directory`, which must not be open; how many."""
    descriptions = [file for file in directory.glob("metadata_dropped/*.sql") if TABLE_ID.search(file.name)]
    for description in descriptions:
        match = TABLE_ID.search(description.name)
        assert match is not None
        table = match[1]
        # The description goes last: if this is cut off, the next start does the rest.
        shutil.rmtree(directory / "store" / table[:3] / table, ignore_errors=True)
        description.unlink()
    return len(descriptions)
