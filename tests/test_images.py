"""What is shipped agrees with the code: images, queues, routes, and the names of variables."""

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib import import_module

import pytest

from shared.infrastructure.amqp import DEAD_ARGUMENTS, arguments_of, dead
from shared.interface.access import PROXIED
from shared.settings import Infrastructure
from tests.house.source import ROOT

#: a service, its name among containers, and its port
SERVICES = {
    "gateway": ("gateway", 8000),
    "crm_chatbot": ("crm-chatbot", 8001),
    "ai_engine": ("ai-engine", 8002),
    "waha_sender": ("waha-sender", 8003),
}
COMPOSE = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
CADDYFILE = (ROOT / "infra/docker/caddy/Caddyfile").read_text(encoding="utf-8")


def dockerfile(service: str) -> str:
    return (ROOT / "services" / service / "Dockerfile").read_text(encoding="utf-8")


def recipe(service: str) -> str:
    """Without the lines that say what is started."""
    _, _, rest = dockerfile(service).partition("\n")
    return rest.partition("\nENV PORT=")[0]


@pytest.mark.parametrize("service", SERVICES)
def test_the_images_have_one_recipe(service: str) -> None:
    assert recipe(service) == recipe("gateway")
    assert "HEALTHCHECK" in recipe(service)


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_starts_its_service(service: str) -> None:
    name, port = SERVICES[service]
    first, *_ = dockerfile(service).splitlines()
    _, _, started = dockerfile(service).partition("\nENV PORT=")

    assert f"docker build -f services/{service}/Dockerfile -t ai-platform-{name} ." in first
    assert started.startswith(f"{port}\nEXPOSE {port}\nCMD [")
    assert f'"{service}.main' in started


@pytest.mark.parametrize("service", SERVICES)
def test_old_builders_and_local_bases_will_do(service: str) -> None:
    for newer in ("# syntax", "<<", "--link", "@sha256"):
        assert newer not in dockerfile(service)


def test_the_broker_begins_with_the_queues_that_we_declare() -> None:
    text = (ROOT / "infra/docker/rabbitmq/definitions.json").read_text(encoding="utf-8")
    declared = {queue["name"]: queue["arguments"] for queue in json.loads(text)["queues"]}

    queues = Infrastructure.model_validate({}).queues
    ours = {queue: arguments_of(queue) for queue in queues}
    assert declared == ours | {dead(queue): DEAD_ARGUMENTS for queue in queues}


def routes() -> Iterator[tuple[str, str]]:
    for service, (name, _) in SERVICES.items():
        app = import_module(f"{service}.main").app
        for path in [*app.openapi()["paths"], app.openapi_url]:
            if path.startswith("/v1/"):
                yield path, name


def upstream_of(path: str) -> str:
    """Where the edge sends a request, by the order of its matchers."""
    matchers = dict(re.findall(r"@(\w+) path (.+)", CADDYFILE))
    for matcher, upstream in re.findall(
        r"handle(?: @(\w+))? \{\s+reverse_proxy \{\s+dynamic a (\S+)", CADDYFILE
    ):
        if not matcher or any(fnmatch(path, one) for one in matchers[matcher].split()):
            return str(upstream)
    raise AssertionError(path)


@pytest.mark.parametrize(("path", "service"), sorted(set(routes())))
def test_the_edge_sends_every_route_to_its_service(path: str, service: str) -> None:
    assert upstream_of(path) == service


def test_the_edge_notices_whoever_came_through_a_proxy() -> None:
    """In development it is itself one, that the services believe."""
    [matcher] = re.findall(r"@tunnelled expression `(.+)`", CADDYFILE)

    noticed = {name.lower().encode() for name in re.findall(r"'([\w-]+)': '\*'", matcher)}
    assert noticed == PROXIED
    assert matcher.count("||") == len(PROXIED) - 1


def test_the_edge_knows_the_ports_of_the_services() -> None:
    ports = dict(SERVICES.values())
    found = dict(re.findall(r"dynamic a (\S+) (\d+)", CADDYFILE))

    assert found == {name: str(ports[name]) for name in found}
    for name, port in SERVICES.values():
        assert re.search(rf"\n  {name}:\n(?:    .*\n)+?      PORT: {port}\n", COMPOSE)


def test_every_variable_of_the_compose_file_is_in_the_example_environment() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")

    asked = set(re.findall(r"\$\{([A-Z0-9_]+)", COMPOSE))
    named = set(re.findall(r"^#([A-Z0-9_]+)=", example, re.MULTILINE))

    assert len(asked) > 10
    assert sorted(asked - named) == []
