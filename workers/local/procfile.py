"""Which programs does the Procfile name?"""

from __future__ import annotations

import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
_LINE = re.compile(r"([A-Za-z0-9_-]+):\s*(\S.*)")


def read_procfile(path: Path = CHECKOUT / "Procfile") -> dict[str, str]:
    """Shell commands by name, in the order of the file.

    Raises
    ------
    ValueError : a line that is neither a comment nor ``name: command``.
    """
    commands: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise ValueError(f"{path.name} line {number} is not `name: command`: {line!r}")
        commands[match[1]] = match[2]
    return commands
