"""How do log lines look? Readable locally, one JSON object a line elsewhere, the same from every process."""

from __future__ import annotations

import json
import logging
import logging.config
import time
from typing import Any

from config.settings import Settings

# One INFO line a task halves what a worker can do; failures are logged at ERROR and stay.
QUIET = (
    "celery.app.trace",
    "celery.worker.strategy",
    "celery.beat",
    "kombu",
    "redbeat.schedulers",
    "tornado.access",
)


def configure(settings: Settings) -> None:
    """Set up logging for this process, replacing whatever was set up before."""
    logging.config.dictConfig(logging_config(settings))


def logging_config(settings: Settings) -> dict[str, Any]:
    """The configuration as `logging.config.dictConfig` (and gunicorn's ``logconfig_dict``) take it."""
    formatter = "plain" if settings.environment == "local" else "json"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "plain": {"()": PlainFormatter},
            "json": {"()": JsonFormatter, "environment": settings.environment},
        },
        "filters": {"in_one_line": {"()": InOneLine}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "stream": "ext://sys.stderr", "formatter": formatter}
        },
        "root": {"level": settings.log_level, "handlers": ["stderr"]},
        "loggers": {
            **{name: {"level": "WARNING"} for name in QUIET},
            "clickhouse_driver.connection": {"filters": ["in_one_line"]},
            "gunicorn.error": {"level": settings.log_level, "handlers": [], "propagate": True},
            "gunicorn.access": {"level": "WARNING", "handlers": [], "propagate": True},
        },
    }


class InOneLine(logging.Filter):
    """A failure's words in place of its traceback.

    While ClickHouse is away the driver tells of every try to connect with one: a dozen lines, several times a second.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info:
            record.msg, record.args, record.exc_info = f"{record.getMessage()}: {record.exc_info[1]}", (), None
        return True


class PlainFormatter(logging.Formatter):
    """``12:00:01.250 INFO    app.ingest: words``, times in UTC."""

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__("%(asctime)s.%(msecs)03d %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")


class JsonFormatter(logging.Formatter):
    """One JSON object a line; what a caller gave as ``extra`` is in it under its own name."""

    converter = staticmethod(time.gmtime)

    def __init__(self, environment: str) -> None:
        super().__init__(datefmt="%Y-%m-%dT%H:%M:%S")
        self.environment = environment

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": f"{self.formatTime(record, self.datefmt)}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "environment": self.environment,
            "pid": record.process,
            **{name: value for name, value in vars(record).items() if name not in _STANDARD},
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "data"}
