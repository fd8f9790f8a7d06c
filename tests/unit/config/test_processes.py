"""Do the process lists and the configuration say the same? Procfile and docker-compose.yml are held to config/."""

import dataclasses
import importlib
import re
import shlex
from pathlib import Path

import pytest
import yaml

from config.celery_app import celery, make_celery
from config.queues import ROUTES, Queue, TaskName, schedule
from config.settings import PREFIX, Settings, SettingsError, load_settings, misspelt
from workers.local.procfile import read_procfile

ROOT = Path(__file__).parents[3]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
# Read by gunicorn.conf.py, the metrics, Flower and the Procfile; everything else is a setting.
NOT_SETTINGS = {"WEB_BIND", "PROMETHEUS_MULTIPROC_DIR", "FLOWER_BASIC_AUTH", "FLOWER_READ_ONLY"}


def words(command):
    return command if isinstance(command, list) else shlex.split(command)


def queues(commands):
    """The queues that the workers among these commands take from."""
    found = []
    for command in commands:
        command = words(command)
        if "worker" in command:
            found += command[command.index("--queues") + 1].split(",")
    return found


def test_what_beat_sends_every_few_seconds_does_not_fill_support_s_list():
    often = {entry.task for entry in schedule(Settings()).values() if entry.every_s < 60}
    for module in ("tasks.maintenance", "tasks.attribution", "tasks.webhooks"):
        importlib.import_module(module)
    assert often == {TaskName.SWEEP, TaskName.REFRESH_ROLLUPS, TaskName.SEND_WEBHOOKS}
    assert not any(celery.tasks[name].send_events for name in often)


def test_every_queue_is_consumed_in_the_procfile():
    assert sorted(queues(read_procfile().values())) == sorted(Queue)


def test_every_queue_is_consumed_in_production():
    assert sorted(queues(service.get("command", "") for service in OURS.values())) == sorted(Queue)


def test_every_task_has_a_queue_and_every_periodic_task_a_name():
    assert set(ROUTES) == set(TaskName)
    assert {entry.task for entry in schedule(Settings()).values()} <= set(TaskName)


def test_production_has_the_programs_of_the_procfile():
    assert set(read_procfile()) <= set(OURS)


def test_environment_names_are_settings():
    known = {PREFIX + field.name.upper() for field in dataclasses.fields(Settings)}
    for name, service in OURS.items():
        unknown = set(service.get("environment", {})) - known - NOT_SETTINGS
        assert not unknown, f"{name} sets {unknown}, which nothing reads"


def test_production_settings_can_be_read():
    for service in OURS.values():
        # What compose would put in: defaults, and some text where there is none.
        environment = {
            key: re.sub(r"\$\{\w+(?::-([^}]*)|:\?[^}]*)\}", lambda match: match[1] or "x", str(value))
            for key, value in service["environment"].items()
        }
        assert load_settings(environment).environment == "production"


def test_no_secret_stands_in_the_compose_file():
    text = (ROOT / "docker-compose.yml").read_text()
    for name in ("REDIS_PASSWORD", "CLICKHOUSE_PASSWORD", "FLOWER_BASIC_AUTH"):
        assert f"${{{name}:?" in text, f"{name} must be asked for"
    for match in re.finditer(r"://[^@\s]*:([^@\s]*)@", text):
        assert match[1].startswith("${")


def test_flower_never_runs_without_a_password():
    assert "FLOWER_BASIC_AUTH:?" in SERVICES["flower"]["environment"]["FLOWER_BASIC_AUTH"]
    assert "FLOWER_BASIC_AUTH:?" in read_procfile()["flower"]
    assert SERVICES["flower"]["ports"][0].startswith("${FLOWER_BIND:-127.0.0.1")


def test_redis_keeps_what_it_has_taken():
    command = " ".join(SERVICES["redis"]["command"])
    assert "--appendonly yes" in command
    assert "--appendfsync always" in command
    assert "--maxmemory-policy noeviction" in command


@pytest.mark.parametrize("name", ["redis", "clickhouse", "web", "worker", "backfill", "saturation", "flower"])
def test_what_serves_has_a_health_check(name):
    assert "test" in SERVICES[name]["healthcheck"]


def test_everything_starts_again_but_the_migration():
    policies = {name: service["restart"] for name, service in SERVICES.items()}
    assert policies.pop("migrate") == "no"
    assert set(policies.values()) == {"unless-stopped"}


def test_data_are_on_volumes():
    assert SERVICES["redis"]["volumes"] == ["redis:/data"]
    assert SERVICES["clickhouse"]["volumes"] == ["clickhouse:/var/lib/clickhouse"]


def test_celery_waits_longer_for_a_message_than_a_task_may_run():
    settings = Settings()
    conf = make_celery(settings).conf
    for options in (conf.broker_transport_options, conf.result_backend_transport_options):
        assert options["visibility_timeout"] >= 3 * settings.task_hard_limit_s
    assert {queue.name for queue in conf.task_queues} == set(Queue)


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"TRIBUTARY_SHARDS": "many"}, ["TRIBUTARY_SHARDS", "number"]),
        ({"TRIBUTARY_SHARDS": "0"}, ["TRIBUTARY_SHARDS", "between 1 and 1024"]),
        ({"TRIBUTARY_REDIS_URL": "localhost"}, ["TRIBUTARY_REDIS_URL", "redis://"]),
        ({"TRIBUTARY_REDIS_URL": "redis://h:99999/0"}, ["TRIBUTARY_REDIS_URL", "port"]),
        ({"TRIBUTARY_REDIS_URL": "redis://h:6379/main"}, ["TRIBUTARY_REDIS_URL", "'main'", "number"]),
        ({"TRIBUTARY_REDIS_URL": "unix:///run/redis.sock"}, ["TRIBUTARY_REDIS_URL", "redis://"]),
        ({"TRIBUTARY_REDIS_URL": "sentinel://a:1;sentinel://b:x/0"}, ["TRIBUTARY_REDIS_URL", "port"]),
        ({"TRIBUTARY_CLICKHOUSE_URL": "clickhouse://h:abc/tributary"}, ["TRIBUTARY_CLICKHOUSE_URL", "port"]),
        ({"TRIBUTARY_CLICKHOUSE_URL": "clickhouse://h:9000/"}, ["TRIBUTARY_CLICKHOUSE_URL", "9000/tributary"]),
        ({"TRIBUTARY_LOG_LEVEL": "LOUD"}, ["TRIBUTARY_LOG_LEVEL", "WARNING"]),
        ({"TRIBUTARY_TASK_HARD_LIMIT_S": "100"}, ["TRIBUTARY_TASK_HARD_LIMIT_S", "above"]),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_with_the_remedy(environ, words):
    with pytest.raises(SettingsError) as caught:
        load_settings(environ)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "redis://:pass@[::1]:6379/0",
        "redis://:a;b,c@h:6379/0",
        "rediss://h/15?ssl_ca_certs=/etc/ca.pem",
        "redis://",
        "sentinel://:p@s1:26379;sentinel://s2:26379,s3/0?master_name=m",
    ],
)
def test_an_address_of_redis_that_can_be_used_is_taken(url):
    assert load_settings({"TRIBUTARY_REDIS_URL": url}).redis_url == url


def test_a_setting_that_is_nearly_called_like_another_is_noticed():
    names = ("TRIBUTARY_SHARD", "TRIBUTARY_SHARDS", "TRIBUTARY_VERSION", "TRIBUTARY_URL", "SHARD")
    assert misspelt(dict.fromkeys(names, "4")) == {"TRIBUTARY_SHARD": "TRIBUTARY_SHARDS"}


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("rediss://h:6379/0", "rediss://h:6379/0?ssl_cert_reqs=required"),
        ("rediss://h:6379/0?ssl_ca_certs=/ca.pem", "rediss://h:6379/0?ssl_ca_certs=/ca.pem&ssl_cert_reqs=required"),
        ("rediss://h:6379/0?ssl_cert_reqs=none", "rediss://h:6379/0?ssl_cert_reqs=none"),
    ],
)
def test_celery_keeps_its_results_behind_tls_too(given, made):
    celery = make_celery(dataclasses.replace(Settings(), redis_url=given))
    assert celery.conf.broker_url == celery.conf.result_backend == celery.conf.redbeat_redis_url == made
    assert "ssl_cert_reqs" in celery.backend.connparams


def test_who_serves_todays_events_takes_no_backfills():
    for commands in (read_procfile().values(), [service.get("command", "") for service in OURS.values()]):
        for command in commands:
            taken = set(queues([command]))
            assert not (Queue.BACKFILL in taken and taken & {Queue.INGEST, Queue.ATTRIBUTION}), command


def test_who_may_wait_gets_the_processor_last():
    procfile = read_procfile()
    for name in ("backfill", "saturation"):
        assert words(procfile[name])[:3] == ["nice", "-n", "10"]
        assert SERVICES[name]["cpu_shares"] < 1024, "1024 is everybody else's"
