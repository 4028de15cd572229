"""docker-compose.yml without an engine: what it promises can be read off the file."""

import base64
import importlib.util
import re
import stat
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).parents[2]
TEXT = (PROJECT / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
EXAMPLE = (PROJECT / ".env.example").read_text(encoding="utf-8")
ONE_SHOTS = ("roles", "init")
UNITS = {"m": 2**20, "g": 2**30}


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, PROJECT / "docker" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def keys(text: str) -> dict[str, str]:
    pairs = [line.partition("=") for line in text.splitlines() if not line.startswith("#")]
    return {key: value for key, equals, value in pairs if equals}


def test_the_example_lists_what_the_file_asks_for() -> None:
    # CODE_VERSION is the Makefile's to give; Compose itself reads COMPOSE_PROFILES.
    asked = set(re.findall(r"\$\{([A-Z_]+)", TEXT)) - {"CODE_VERSION"}
    assert set(keys(EXAMPLE)) == asked | {"COMPOSE_PROFILES"}


def test_every_secret_is_asked_for_and_none_has_a_default() -> None:
    secrets = re.findall(r"\$\{([A-Z_]*(?:PASSWORD|SECRET|_KEY|KEY)[A-Z_]*)([^}]*)\}", TEXT)
    assert len({name for name, _ in secrets}) == 13
    assert not [name for name, rest in secrets if rest.startswith(":-")]
    assert {name for name, rest in secrets if rest.startswith(":?")} == {n for n, _ in secrets}
    assert not [
        k for k, value in keys(EXAMPLE).items() if ("PASSWORD" in k or "KEY" in k) and value
    ]


def test_new_secrets_are_random_long_and_for_their_owner(tmp_path: Path) -> None:
    write_env = script("write_env")
    (tmp_path / ".env.example").write_text(EXAMPLE, encoding="utf-8")
    write_env.main(tmp_path)
    made = tmp_path / ".env"
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    first = made.read_text(encoding="utf-8")
    values = keys(first)
    secrets = {k: v for k, v in values.items() if keys(EXAMPLE)[k] == "" and v}
    assert len(secrets) == len(set(secrets.values())) == 13
    assert all(re.fullmatch(r"[\w-]{32,}=?", value) for value in secrets.values())
    assert len(base64.urlsafe_b64decode(secrets["FERNET_KEY"])) == 32
    assert values["COMPOSE_PROFILES"] == values["FIND_LINKS"] == ""
    write_env.main(tmp_path)
    assert made.read_text(encoding="utf-8") == first
    made.unlink()
    write_env.main(tmp_path)
    assert made.read_text(encoding="utf-8") != first


def test_memory_fits_into_8_gib_and_everybody_has_a_limit() -> None:
    limits = {
        name: int(one["mem_limit"][:-1]) * UNITS[one["mem_limit"][-1]]
        for name, one in SERVICES.items()
        # One ends before the others start; workers take the scheduler's tasks over.
        if name not in ONE_SHOTS and "profiles" not in one
    }
    assert sum(limits.values()) <= 8 * 2**30
    assert all("mem_limit" in one for one in SERVICES.values())


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_service_is_checked_and_keeps_to_itself(name: str) -> None:
    service = SERVICES[name]
    assert ("healthcheck" in service) == (name not in ONE_SHOTS)
    assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", []))
    if service["image"].startswith("campaign-propensity"):
        assert service["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in service["security_opt"]


def test_spark_and_mlflow_know_no_more_than_they_need() -> None:
    for name in ("spark-master", "spark-worker-1", "spark-worker-2"):
        assert not [
            key for key in SERVICES[name]["environment"] if "PASSWORD" in key or "URL" in key
        ]
    assert not [key for key in SERVICES["mlflow"]["environment"] if key.startswith("PROPENSITY")]


def test_the_servers_own_user_is_known_to_what_sets_up_alone() -> None:
    knows = [
        name for name, one in SERVICES.items()
        if "POSTGRES_PASSWORD" in str(one.get("environment", {}))
    ]  # fmt: skip
    assert sorted(knows) == ["init", "postgres", "roles"]
    for name in ("init", "roles"):
        # Of two merged mappings, the first wins.
        url = SERVICES[name]["environment"]["PROPENSITY_POSTGRES_URL"]
        assert url.startswith("postgresql://postgres:${POSTGRES_PASSWORD")
    url = SERVICES["airflow-scheduler"]["environment"]["PROPENSITY_POSTGRES_URL"]
    assert url == "postgresql://postgres:5432"


def test_each_service_logs_in_as_itself() -> None:
    scheduler, mlflow = SERVICES["airflow-scheduler"]["environment"], SERVICES["mlflow"]
    assert "//airflow:${AIRFLOW_PASSWORD" in scheduler["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    assert "//airflow:${AIRFLOW_PASSWORD" in scheduler["AIRFLOW__CELERY__RESULT_BACKEND"]
    assert "//mlflow:${MLFLOW_PASSWORD" in mlflow["environment"]["MLFLOW_BACKEND_STORE_URI"]
    assert mlflow["depends_on"] == {"roles": {"condition": "service_completed_successfully"}}
    assert not [
        name for name, one in SERVICES.items()
        if name not in ONE_SHOTS and "ANALYST_PASSWORD" in str(one.get("environment", {}))
    ]  # fmt: skip


def test_readers_leave_the_pipeline_its_connections() -> None:
    assert "reserved_connections=40" in SERVICES["postgres"]["command"]


def test_the_image_runs_as_nobody_in_particular() -> None:
    lines = (PROJECT / "docker" / "Dockerfile").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("USER")] == ["USER airflow"]
    assert lines[-1].startswith("USER")


@pytest.mark.parametrize(
    ("body", "component", "is_well"),
    [(b"{}", "", True),
     (b'{"triggerer": {"status": "healthy"}}', "triggerer", True),
     (b'{"triggerer": {"status": "unhealthy"}}', "triggerer", False)],
)  # fmt: skip
def test_health_checks_say_what_is_not_well(
    monkeypatch: pytest.MonkeyPatch, body: bytes, component: str, is_well: bool
) -> None:
    from io import BytesIO

    healthy = script("healthy")
    monkeypatch.setattr(healthy.urllib.request, "urlopen", lambda *_, **__: BytesIO(body))
    if is_well:
        healthy.main("http://x", component)
    else:
        with pytest.raises(SystemExit, match="triggerer is unhealthy"):
            healthy.main("http://x", component)
