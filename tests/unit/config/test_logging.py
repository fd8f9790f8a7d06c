"""Are log lines what they should be?"""

import io
import json
import logging
import logging.config

from config.logging import QUIET, JsonFormatter, PlainFormatter, logging_config
from config.settings import Settings


def record(**extra):
    made = logging.LogRecord("app.ingest", logging.INFO, "file", 1, "took %d", (3,), None)
    vars(made).update(extra)
    return made


def test_a_plain_line_is_readable():
    assert PlainFormatter().format(record(created=0.25, msecs=250.0)) == "00:00:00.250 INFO    app.ingest: took 3"


def test_a_json_line_holds_what_was_given_besides():
    line = json.loads(JsonFormatter("production").format(record(tenant=7)))
    assert line["message"] == "took 3"
    assert line["level"] == "INFO"
    assert line["tenant"] == 7
    assert line["environment"] == "production"
    assert "msg" not in line


def test_a_json_line_holds_the_exception():
    try:
        raise ValueError("why")
    except ValueError as error:
        made = record(exc_info=(ValueError, error, error.__traceback__))
    assert "ValueError: why" in json.loads(JsonFormatter("production").format(made))["exception"]


def test_no_line_for_each_task():
    loggers = logging_config(Settings())["loggers"]
    assert "celery.app.trace" in QUIET
    assert all(loggers[name]["level"] == "WARNING" for name in QUIET)


def test_the_environment_chooses_the_form():
    assert logging_config(Settings())["handlers"]["stderr"]["formatter"] == "plain"
    assert logging_config(Settings(environment="production"))["handlers"]["stderr"]["formatter"] == "json"


def test_a_server_that_is_away_is_told_in_one_line(capsys):
    logging.config.dictConfig({**logging_config(Settings()), "root": {"level": "INFO", "handlers": []}})
    driver = logging.getLogger("clickhouse_driver.connection")
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    driver.addHandler(handler)
    try:
        raise ConnectionRefusedError(111, "Connection refused")
    except OSError:
        driver.warning("Failed to connect to %s:%s", "127.0.0.1", 9000, exc_info=True)
    finally:
        driver.removeHandler(handler)
    assert stream.getvalue() == "Failed to connect to 127.0.0.1:9000: [Errno 111] Connection refused\n"
