"""docker-compose.yml is valid Compose, says what the design says, and starts workers as the code does."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from troupe_batch.dispatch.fleet import FleetKeys
from troupe_batch.dispatch.flower import FlowerSettings, flower_command
from troupe_batch.dispatch.worker_processes import WorkerCommand
from troupe_batch.settings import load_settings

PROJECT = Path(__file__).resolve().parents[2]
SCHEMA = resources.files("check_jsonschema.builtin_schemas.vendor") / "compose-spec.json"
SECRETS = {"FLOWER_USER": "u", "FLOWER_PASSWORD": "p", "BROKER_PASSWORD": "b", "CACHE_PASSWORD": "c"}
MODEL = {"OPENAI_API_KEY", "AZURE_OPENAI_KEY", "AZURE_OPENAI_ENDPOINT"}
STORE = {
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ALLOW_HTTP",
}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
    return loaded


def compose_tool() -> list[str] | None:
    """`docker compose` where the plugin is there, Debian's `docker-compose` where it is not, else None."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]) is None:
            continue
        if subprocess.run([*command, "version"], capture_output=True, check=False).returncode == 0:
            return command
    return None


def configured(env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    tool = compose_tool()
    if tool is None:
        pytest.skip("neither `docker compose` nor `docker-compose` is installed; the schema test stands in")
    clean = {k: v for k, v in os.environ.items() if k not in SECRETS}
    return subprocess.run(
        [*tool, "-f", "docker-compose.yml", "config"],
        cwd=PROJECT,
        env={**clean, **env},
        capture_output=True,
        text=True,
        check=False,
    )


def options(command: list[str]) -> dict[str, str]:
    return {name: value for name, value in itertools.pairwise(command) if name.startswith("--")}


def test_the_file_follows_the_compose_specification(compose: dict[str, Any]) -> None:
    schema = json.loads(SCHEMA.read_text())

    mistakes = [e.message for e in jsonschema.validators.validator_for(schema)(schema).iter_errors(compose)]

    assert mistakes == []


def test_the_schema_would_notice_a_mistake(compose: dict[str, Any]) -> None:
    schema = json.loads(SCHEMA.read_text())
    broken = {**compose, "services": {**compose["services"], "worker": {"stop_grace": "45s"}}}

    assert not jsonschema.validators.validator_for(schema)(schema).is_valid(broken)


def test_compose_itself_takes_the_file() -> None:
    done = configured(SECRETS)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("password", ["FLOWER_PASSWORD", "BROKER_PASSWORD", "CACHE_PASSWORD"])
def test_compose_refuses_to_start_without_a_password(password: str) -> None:
    done = configured({name: value for name, value in SECRETS.items() if name != password})

    assert done.returncode != 0
    assert password in done.stderr


def test_the_broker_never_evicts_and_persists(compose: dict[str, Any]) -> None:
    told = options(compose["services"]["broker"]["command"])

    assert told["--maxmemory-policy"] == "noeviction"
    assert told["--appendonly"] == "yes"
    assert told["--appendfsync"] == "everysec"


def test_the_cache_is_another_server_with_a_bound(compose: dict[str, Any]) -> None:
    told = options(compose["services"]["cache"]["command"])

    assert told["--maxmemory-policy"] == "allkeys-lfu"
    assert told["--maxmemory"]
    assert compose["services"]["cache"]["volumes"] != compose["services"]["broker"]["volumes"]


def test_only_flower_is_reachable_and_only_from_this_host(compose: dict[str, Any]) -> None:
    ports = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}

    assert ports == {"flower": ["127.0.0.1:5555:5555"]}


def test_no_secret_has_a_default(compose: dict[str, Any]) -> None:
    text = (PROJECT / "docker-compose.yml").read_text()
    settings = compose["services"]["worker"]["environment"]

    assert re.findall(r"\$\{(?:FLOWER_USER|\w+_PASSWORD)(?!:\?)", text) == []
    assert {settings[name] for name in MODEL | STORE} == {None}


def test_every_redis_asks_for_a_password_of_its_own(compose: dict[str, Any]) -> None:
    services = compose["services"]

    for name in ("broker", "cache"):
        password = options(services[name]["command"])["--requirepass"]
        assert password == services[name]["environment"]["REDISCLI_AUTH"]
        assert password.startswith(f"${{{name.upper()}_PASSWORD:?")
        # Without a password `valkey-cli ping` says NOAUTH and ends with 0.
        assert "grep" in services[name]["healthcheck"]["test"][1]


def test_each_service_gets_the_secrets_that_it_needs_and_no_others(compose: dict[str, Any]) -> None:
    services = compose["services"]
    texts = {name: json.dumps(service) for name, service in services.items()}

    for name in ("worker", "troupe"):
        assert services[name]["environment"].keys() >= MODEL | STORE
    for name in ("broker", "cache", "flower"):
        assert not [secret for secret in MODEL | STORE if secret in texts[name]]
    holders = {
        password: {name for name, text in texts.items() if password in text}
        for password in ("BROKER_PASSWORD", "CACHE_PASSWORD", "FLOWER_PASSWORD")
    }
    assert holders == {
        "BROKER_PASSWORD": {"broker", "worker", "troupe", "flower"},
        "CACHE_PASSWORD": {"cache", "worker", "troupe"},
        "FLOWER_PASSWORD": {"flower"},
    }


def test_flower_keeps_its_state_where_no_other_service_writes(compose: dict[str, Any]) -> None:
    mounts = {
        name: {mount.split(":")[0] for mount in service.get("volumes", [])}
        for name, service in compose["services"].items()
    }

    assert mounts.pop("flower") == {"flower"}
    assert all("flower" not in others for others in mounts.values())
    assert "-m 700 /flower" in (PROJECT / "Dockerfile").read_text()


def test_the_image_holds_the_byte_code_of_the_standard_library_before_it_gives_up_its_rights() -> None:
    lines = (PROJECT / "Dockerfile").read_text().splitlines()

    compiling = next(number for number, line in enumerate(lines) if line.startswith("RUN python -m compileall"))

    assert compiling < lines.index("USER troupe")
    assert not any("PYTHONDONTWRITEBYTECODE" in line for line in lines)


def test_workers_start_as_the_code_starts_them(compose: dict[str, Any]) -> None:
    ours = WorkerCommand(FleetKeys(), concurrency=2).arguments()[1:]

    told = ["2" if word == "${WORKER_PROCESSES:-2}" else word for word in compose["services"]["worker"]["command"]]

    # A container has a name of its own; on one machine each start needs one.
    assert told == ["python", *(re.sub(r"-[0-9a-f]{6}@", "@", word) for word in ours)]


def test_flower_starts_as_the_code_starts_it(compose: dict[str, Any]) -> None:
    settings = FlowerSettings(Path("/flower/state"), address="0.0.0.0", user="u", password="p")  # noqa: S104, S106 - as in the container
    ours, secrets = flower_command(settings)

    service = compose["services"]["flower"]

    assert service["command"] == ["python", *ours[1:]]
    assert secrets.keys() <= service["environment"].keys()


def test_the_image_takes_the_code_from_the_installed_package_alone() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (PROJECT / "Dockerfile").read_text(), flags=re.MULTILINE)

    assert "troupe_batch" in copied
    assert "workers" not in copied


def test_a_worker_may_finish_its_calls_before_it_is_killed(compose: dict[str, Any]) -> None:
    worker = compose["services"]["worker"]

    assert int(worker["stop_grace_period"].removesuffix("s")) >= 15 + 15
    assert "container_name" not in worker  # it could not be scaled
    assert "healthcheck" in worker


@pytest.mark.parametrize("service", ["worker", "troupe", "flower"])
def test_every_setting_of_the_file_is_one_of_ours(compose: dict[str, Any], service: str) -> None:
    told = compose["services"][service]["environment"]
    ours = {name: "" if value is None else value for name, value in told.items() if name.startswith("TROUPE_")}
    given = {name: re.sub(r"\$\{(\w+):\?.*?\}", lambda found: SECRETS[found[1]], value) for name, value in ours.items()}
    filled = {name: re.sub(r"\$\{\w+:-(.*?)\}", r"\1", value) for name, value in given.items()}

    settings = load_settings(environment=filled)

    assert settings.redis.broker_url == "redis://:b@broker:6379/0"
    if service != "flower":
        assert settings.redis.cache_url == "redis://:c@cache:6379/0"
        assert settings.storage.url == "/runs"
