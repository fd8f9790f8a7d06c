"""What can be done from a shell? ``tributary COMMAND``; each module of `workers.commands` is one of them."""

from __future__ import annotations

import importlib
import logging
import sys
from typing import NoReturn

import click

from app.errors import TributaryError
from config.settings import SettingsError

COMMANDS = {
    "up": "stack",
    "demo": "demo",
    "migrate": "migrate",
    "tenants": "tenants",
    "import": "imports",
    "report": "report",
    "explain": "explain",
    "reconcile": "reconcile",
    "export": "export",
    "reattribute": "reattribute",
    "rules": "rules",
    "channels": "channels",
    "saturation": "saturation",
    "jobs": "jobs",
    "dead-letters": "dead_letters",
    "doctor": "doctor",
}
"""Command -> module; a module is imported when its command is asked for."""


class Commands(click.Group):
    """Imports no more than the command needs: `--help` and `report` need no database driver."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"workers.commands.{COMMANDS[name]}").command
        return command


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tributary")
def tributary() -> None:
    """Multi-touch attribution: events in, credit out, to the cent."""


def main() -> None:
    """The console script: errors that we know are told in two lines, without a traceback."""
    logging.getLogger("clickhouse_driver").setLevel(logging.CRITICAL)  # it logs one of each server that does not answer
    try:
        tributary(prog_name="tributary")
    except TributaryError as error:
        _end(1, error.message, error.detail)
    except SettingsError as error:
        _end(2, str(error))
    except BrokenPipeError:
        sys.stderr.close()  # the reader (head, less) has seen enough
        sys.exit(0)
    except OSError as error:
        if error.filename is None:
            raise
        _end(1, f"{error.filename}: {error.strerror}.", "See that it may be read and written, or name another.")
    except Exception as error:
        client = sys.modules.get("redis")  # imported by what asks Redis, and by nothing else
        if client is None or not isinstance(error, client.RedisError):
            raise
        remedy = "Start it (`tributary up` starts a local one), or say where it is: TRIBUTARY_REDIS_URL."
        _end(1, f"Redis does not answer ({error}).", remedy)


def _end(code: int, message: str, remedy: str = "") -> NoReturn:
    click.echo(f"tributary: {message}", err=True)
    if remedy:
        click.echo(f"  {remedy}", err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
