"""What the image, the compose file and the page for operators promise is there."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.services.installation import GUNICORN, ROOT, Installation
from tests.services.servers import free_port, wait_until

COMPOSE = yaml.safe_load((ROOT / "docker" / "compose.yml").read_text())
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text()
EXAMPLE = (ROOT / "docker" / "env.example").read_text()
OURS = {name: service for name, service in COMPOSE["services"].items() if service["image"] == "oubli"}


def words_of(service: dict[str, Any]) -> list[str]:
    """The command of a service as words, whether it is a list or a line for the shell."""
    command = service.get("command") or yaml.safe_load(re.findall(r"(?m)^CMD (.*)$", DOCKERFILE)[-1])
    return [word for part in command for word in part.split()]


def names_read_by_settings() -> set[str]:
    """Every environment variable that settings.py asks for: ``env.kind("NAME")`` and ``_secret("NAME")``."""
    names = set()
    for node in ast.walk(ast.parse((ROOT / "compliance" / "settings.py").read_text())):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            asked = ast.unparse(node.func)
            if asked == "_secret" or (re.fullmatch(r"env\.\w+", asked) and asked != "env.read_env"):
                names.add(str(node.args[0].value))
    return names


def test_the_services_are_those_of_the_house() -> None:
    assert set(COMPOSE["services"]) == {"migrate", "web", "worker", "gpu-worker", "beat", "db", "broker"}
    assert COMPOSE["services"]["gpu-worker"]["profiles"] == ["gpu"]


@pytest.mark.parametrize("name", OURS)
def test_the_command_of_a_service_names_what_exists(name: str) -> None:
    words = words_of(OURS[name])
    modules = [words[at + 1] for at, word in enumerate(words) if word == "-m"]
    scripts = [word for word in words if word.endswith(".py")]
    assert modules or scripts
    assert all(find_spec(module) for module in modules)
    assert all((ROOT / script).is_file() for script in scripts)
    if "celery" in modules:
        from compliance.celery import app

        verb = words[words.index("compliance") + 1]
        known = {option for param in app_command(verb) for option in param}
        assert app.main == "oubli"
        assert {word for word in words if word.startswith("--")} <= known


def app_command(verb: str) -> list[list[str]]:
    """The options of a celery command."""
    from celery.bin.celery import celery

    return [list(param.opts) for param in celery.commands[verb].params]


def test_whatever_the_image_copies_is_there() -> None:
    copied = [word for line in re.findall(r"(?m)^COPY (.*)$", DOCKERFILE) for word in line.split()[:-1]]
    assert copied
    assert [path for path in copied if not (ROOT / path).exists()] == []
    sent = {line[1:] for line in (ROOT / "docker" / "Dockerfile.dockerignore").read_text().split() if line[0] == "!"}
    assert set(copied) == sent


def test_the_image_drops_root_and_installs_the_lock_by_digest_after_torch() -> None:
    assert re.findall(r"(?m)^USER (\w+)$", DOCKERFILE)[-1] == "oubli"
    assert DOCKERFILE.index('"$TORCH"') < DOCKERFILE.index("--require-hashes -r requirements.txt")
    pinned = re.search(r"(?m)^torch==(\S+)$", (ROOT / "requirements.in").read_text())
    assert pinned is not None
    assert f"ARG TORCH=torch=={pinned[1]}+cpu" in DOCKERFILE


def test_no_password_has_a_default_and_every_name_is_in_the_example() -> None:
    text = re.sub(r"(?m)^\s*#.*$", "", (ROOT / "docker" / "compose.yml").read_text())
    asked = dict(re.findall(r"(?<!\$)\$\{(\w+)(:[-?][^}]*)?\}", text))
    offered = set(re.findall(r"(?m)^#?([A-Z_]+)=", EXAMPLE))
    assert set(asked) <= offered
    for secret in ("DB_PASSWORD", "BROKER_PASSWORD"):
        assert asked[secret].startswith(":?")
        assert re.search(rf"(?m)^{secret}=$", EXAMPLE)


def test_every_setting_stands_in_the_page_for_operators_and_no_other() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    table = page.partition("## Settings")[2].partition("\n## ")[0]
    told = set(re.findall(r"(?m)^\| `([A-Z_]+)`", table))
    assert told == names_read_by_settings()


def test_compose_hands_on_every_setting_and_no_other() -> None:
    fixed_by_the_image = {"OUBLI_VAR", "OUBLI_KEYS", "OUBLI_BIND"}
    for service in OURS.values():
        assert set(service["environment"]) == names_read_by_settings() - fixed_by_the_image
    assert OURS["web"]["environment"]["OUBLI_PROXIES"] == "${OUBLI_PROXIES:-1}"


@pytest.mark.services
@pytest.mark.enable_socket
def test_the_health_check_believes_the_web_process_and_nobody_else(house: Installation) -> None:
    port = free_port()
    house.settings.update(OUBLI_HTTPS="1", OUBLI_HOSTS="privacy.example.org", OUBLI_HEALTH_PORT=str(port))
    assert health(house) == 1
    house.start("web", [*GUNICORN, "--bind", f"127.0.0.1:{port}"])
    wait_until(lambda: health(house) == 0, 300, "the web process to be healthy")


def health(house: Installation) -> int:
    check = [sys.executable, str(Path("docker") / "healthcheck.py")]
    return subprocess.run(check, cwd=ROOT, env=house.environment, check=False).returncode


@pytest.mark.services
@pytest.mark.enable_socket
def test_the_deployment_check_has_no_complaint_with_https(house: Installation) -> None:
    house.settings.update(OUBLI_HTTPS="1", OUBLI_HOSTS="privacy.example.org")
    done = house.manage("check", "--deploy", "--fail-level", "WARNING")
    assert done.returncode == 0, done.stderr
