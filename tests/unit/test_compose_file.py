"""What `make containers` proves with an engine, held to here without one: hardened, pinned, with names that exist."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from pbx_bridge.config import Settings
from tools.containers.keep import keep

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE: Mapping[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: Mapping[str, Mapping[str, Any]] = COMPOSE["services"]
STAGES = dict(re.findall(r"^FROM \S+ AS (\w+)\n(.*?)(?=^FROM |\Z)", DOCKERFILE, re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_hardened_watched_and_kept(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges"]
    assert service["restart"] == "unless-stopped"
    assert service["logging"]["options"]["max-size"]
    assert service["healthcheck"]["test"][0] == "CMD"
    assert "privileged" not in service
    assert "network_mode" not in service
    stage = STAGES[service["build"]["target"]]
    assert re.findall(r"^USER (\S+)", stage, re.MULTILINE) == ["5060:5060"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_keeps_what_it_writes_in_named_volumes_and_is_published_on_loopback(name: str) -> None:
    service = SERVICES[name]
    assert {volume.partition(":")[0] for volume in service["volumes"]} <= COMPOSE["volumes"].keys()
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    assert not (name == "database" and "ports" in service)


def test_only_the_database_is_optional() -> None:
    assert {name: service.get("profiles") for name, service in SERVICES.items()} == {
        "asterisk": None,
        "bridge": None,
        "database": ["postgresql"],
    }


def test_no_secret_stands_in_the_files() -> None:
    environment = " ".join(
        f"{name} {value}" for one in SERVICES.values() for name, value in one.get("environment", {}).items()
    )
    assert not re.search(r"passw|secret|token|//[^/\s]*:[^/\s]*@", environment, re.IGNORECASE)
    assert not re.search(r"^(ENV|ARG) .*(PASSW|SECRET|TOKEN)", DOCKERFILE, re.MULTILINE | re.IGNORECASE)


def test_every_setting_that_is_handed_in_is_one() -> None:
    known = set()
    for name, info in Settings.model_fields.items():
        inner = info.annotation
        fields = inner.model_fields if isinstance(inner, type) and issubclass(inner, BaseModel) else None
        known |= {f"{name}.{field}" for field in fields} if fields else {name}
    told = {name for service in SERVICES.values() for name in service.get("environment", {})}
    assert {name.removeprefix("PBX_BRIDGE_").lower().replace("__", ".") for name in told} <= known


def test_every_base_is_pinned() -> None:
    pinned = dict(
        re.findall(r"^ARG (\w*BASE)=docker\.io/library/debian:[a-z]+-20\d{6}-slim()$", DOCKERFILE, re.MULTILINE)
    )
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert len(bases) == len(STAGES) >= 4
    assert {base.strip("${}") for base in bases} == pinned.keys()


def test_what_the_build_copies_is_there_and_let_through() -> None:
    let_through = [
        line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] == "!"
    ]
    copied = re.findall(r"^COPY (?:--chmod=\d+ )?([^-\n].*) \S+$", DOCKERFILE, re.MULTILINE)
    sources = [source for line in copied for source in line.split()]
    assert len(sources) > 8
    for source in sources:
        assert (ROOT / source).exists(), source
        assert any(Path(source).is_relative_to(name) for name in let_through), source


@pytest.mark.parametrize(("program", "answers", "status"), [
    ("raise SystemExit(3)", lambda: True, 3),
    ("import time; time.sleep(60)", lambda: False, 1),  # stands still
    ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", lambda: True, 137),
])  # fmt: skip
def test_the_container_ends_with_its_daemon_or_when_that_stands_still(
    program: str, answers: Callable[[], bool], status: int, tmp_path: Path
) -> None:
    pid_file = tmp_path / "run" / "daemon.pid"
    assert keep([sys.executable, "-c", program], pid_file, answers, looks_s=0.02 if status == 1 else 30.0) == status
    assert int(pid_file.read_text(encoding="ascii")) > 0
