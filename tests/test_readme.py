"""Every command that the README and its pages print is run word for word, and does what it says."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest

from standalone.chat import Chat
from standalone.demo_shop import PLAN, connected
from standalone.paying import Browser, link_in
from standalone.phones import Customer
from standalone.pretend import PretendWorld, pretend_world
from standalone.promises import ask
from standalone.shop import Opening, Shop
from tests.chaos.process import free_port
from tests.flows.platform import Platform
from tests.house.source import ROOT, tracked
from tests.printed import Printed, Terminal, printed
from tests.simulators.paying import shape
from tests.standalone.processes import READY_WITHIN_S, up
from tests.standalone.test_dead_letters import bury
from tests.test_images import COMPOSE, SERVICES
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

README = "README.md"
PAGES = (
    README,
    "docs/catalog.md",
    "docs/operations.md",
    "docs/orders.md",
    "docs/payments.md",
    "docs/service-desk.md",
)
#: What is run here, whatever words follow.
HERE = {"=", "curl", ".venv/bin/ai-platform", "ai-platform", "cp", "pip", "uvicorn", "python"}
#: Who else runs a command: a file, and words in it that are that command.
ELSEWHERE = {
    "make demo": ("tests/standalone/test_up.py", 'command(tmp_path, "demo", "--once"'),
    "make test": ("tests/test_readme.py", "def test_make_does_what_is_said_of_it("),
    "docker-compose up --build": ("tests/containers/conftest.py", '"up", "--build"'),
    "docker-compose up --scale ai-engine=4": ("tests/containers/test_platform.py", '"--scale"'),
}
#: All dialogues take minutes, and `tests/flows/test_rehearsal.py` plays them: here it is one.
SHORTER = {
    ".venv/bin/ai-platform rehearse": "--only attack-sql",
    ".venv/bin/ai-platform rehearse --config default-smart": "--only attack-sql",
}
COMPOSED = [one for one in printed(README) if one.program == "docker-compose"]
REHEARSALS = [one for one in printed(README) if " rehearse" in one.command]
ADDRESS = "kirim ke Jl. Dago No. 12, Bandung 40135"


def test_nothing_is_printed_that_nobody_runs() -> None:
    everything = [one for page in PAGES for one in printed(page)]

    assert len(everything) > 50, "they are found at all"
    untried = [one for one in everything if one.program not in HERE]
    assert sorted({one.command for one in untried}) == sorted(ELSEWHERE)


@pytest.mark.parametrize(("file", "words"), {*ELSEWHERE.values()})
def test_who_is_said_to_run_a_command_does(file: str, words: str) -> None:
    assert words in (ROOT / file).read_text(encoding="utf-8")


def test_make_does_what_is_said_of_it() -> None:
    """`make test` is what runs now; `make demo` is what another test runs."""
    assert ".venv/bin/ai-platform demo" in made("demo")
    assert re.search(r"^\.venv/bin/python -m pytest [^/]*$", made("test"), re.MULTILINE)


def test_make_knows_every_target_that_is_named() -> None:
    pages = ("CONTRIBUTING.md", *PAGES)
    text = "\n".join((ROOT / page).read_text(encoding="utf-8") for page in pages)
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", text, re.MULTILINE))

    assert len(named) > 5
    for target in named:
        assert made(target)


def made(target: str) -> str:
    """What it would run, were all installed that it needs."""
    stamps = [
        word for name in ("runtime", "dev", "bench", "audit") for word in ("-o", f".venv/.{name}")
    ]
    return output("make", "--no-print-directory", "-n", *stamps, target)


@pytest.mark.parametrize("one", COMPOSED, ids=lambda one: one.command)
def test_compose_takes_what_is_printed(one: Printed) -> None:
    scaled = re.findall(r"--scale ([a-z-]+)=", one.command)

    assert {*scaled} <= {*re.findall(r"^  ([a-z-]+):$", COMPOSE, re.MULTILINE)}


def output(*words: str) -> str:
    done = subprocess.run(  # noqa: S603 - the words are ours
        words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# -- what else is named: addresses of the API, and names in what it is told


@pytest.mark.parametrize("page", PAGES)
def test_every_address_that_is_named_is_there(page: str) -> None:
    """`...` stands for an address that came before."""
    text = (ROOT / page).read_text(encoding="utf-8")
    named = re.findall(r"`(?:(GET|POST|PUT|PATCH|DELETE) )?(/v1/|\.\.\./)([^`? ]+)[^`]*`", text)

    known = "\n".join(f"{method} {path}" for method, path in routes())
    for method, begin, rest in named:
        path = re.escape(nameless(rest if begin == "/v1/" else f"/{rest}"))
        prefix = "/v1/" if begin == "/v1/" else ".*"
        asked = f"^{method or '[A-Z]+'} {prefix}{path}$"
        assert re.search(asked, known, re.MULTILINE), f"{page}: {method} {begin}{rest}"


def test_every_word_of_a_request_that_the_readme_names_is_there() -> None:
    text = (ROOT / README).read_text(encoding="utf-8")
    said = "\n".join(line for line in text.splitlines() if line.startswith("| "))
    named = set(re.findall(r'"(\w+)": ', said))

    assert "thread_id" in named
    assert named - {name for service in SERVICES for name in names_of(documented(service))} == set()


def documented(service: str) -> dict[str, Any]:
    document: dict[str, Any] = import_module(f"{service}.main").app.openapi()
    return document


def routes() -> Iterator[tuple[str, str]]:
    for service in SERVICES:
        for path, methods in documented(service)["paths"].items():
            for method in methods:
                yield method.upper(), nameless(path)
        for page in import_module(f"{service}.main").app.routes:
            if page.path.endswith("/docs"):
                yield "GET", page.path


def nameless(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)


def names_of(document: dict[str, Any]) -> Iterator[str]:
    """Of all fields."""
    for schema in document["components"]["schemas"].values():
        yield from schema.get("properties", ())


# -- a terminal, and what is there when something is typed


@pytest.fixture
def environment(database_url: str, owner_database_url: str, redis_url: str) -> dict[str, str]:
    """For processes on this test's own servers; `ai-platform` is found."""
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "DATABASE_URL": database_url,
        "MIGRATIONS_DATABASE_URL": owner_database_url,
        "REDIS_URL": redis_url,
        "REDIS_TIMEOUT_S": "3",
        "LOG_LEVEL": "WARNING",
    }


@pytest.fixture
def terminal(environment: dict[str, str], tmp_path: Path) -> Terminal:
    """In a directory with what a clone has there after `make`, and which is no clone."""
    (tmp_path / ".venv").symlink_to(sys.prefix)
    shutil.copy(ROOT / ".env.example", tmp_path)
    return Terminal(tmp_path, environment)


@pytest.fixture
async def world() -> AsyncGenerator[PretendWorld]:
    async with pretend_world() as world:
        yield world


@pytest.fixture
async def platform(
    terminal: Terminal, world: PretendWorld, tmp_path: Path
) -> AsyncGenerator[Platform]:
    """`ai-platform up`, in a pretend world, and found by what is typed."""
    settings = {**terminal.environment, **world.settings, "WA_PACING": "false"}
    async with up(tmp_path, **settings) as platform:
        assert platform.http.base_url.port
        terminal.finds_at(platform.http.base_url.port)
        yield platform


# -- curl


def curls(page: str) -> list[Printed]:
    return [one for one in printed(page) if one.program in {"=", "curl"}]


async def test_the_readme_uses_it(
    terminal: Terminal, platform: Platform, world: PretendWorld
) -> None:
    terminal.instead |= {
        "https://waha.example.com": world.url,
        '"api_key": "..."': f'"api_key": "{world.waha_key}"',
    }
    told = dict[str, str]()

    for one in curls(README):
        if one.command == 'curl "$SHOP/whatsapp"':
            await begin_session(world, "kopi-ani")
        told[one.command] = await terminal.types(one)
        if one.answer:
            assert shape(json.loads(told[one.command])) == shape(json.loads(one.answer))

    *_, watched, listed, health, _, _, _, secret, whatsapp = told.values()
    assert "event: completed" in watched
    assert [job["status"] for job in json.loads(listed)["jobs"]] == ["COMPLETED"]
    assert json.loads(health)["status"] == "ok"
    assert json.loads(secret)["webhook"]["hmac"]["key"]
    assert json.loads(whatsapp)["status"] == "SCAN_QR_CODE"
    assert json.loads(whatsapp)["qr"]


async def test_the_pages_about_shops_use_it(
    terminal: Terminal, platform: Platform, world: PretendWorld
) -> None:
    shop = await connected(Opening(platform.http, world))
    (terminal.directory / "products.csv").write_text("sku,name,price\nKB-250,Kopi Bajawa,90000\n")

    async with httpx.AsyncClient(base_url=world.url, timeout=15) as outside:
        budi = await Customer.met(outside, PLAN.session, "Budi", "6281200000002")
        chat = Chat(platform.http, shop.tenant_id, budi)
        terminal.instead |= {
            "$SHOP": f"http://localhost:8000{shop.place}",
            "$TENANT": shop.tenant_id,
            "$ORDER": await an_order(chat, shop),
            "$CONVERSATION": str((await chat.conversation() or {})["id"]),
            "SB-Mid-server-...": shop.bank_key,
        }
        await types_all(terminal, "docs/payments.md")
        await Browser(outside).pays(str(link_in(await chat.hears("https?://"))), "QRIS")
        await chat.hears("sudah kami terima")

    for page in ("docs/orders.md", "docs/catalog.md", "docs/service-desk.md"):
        await types_all(terminal, page)


async def an_order(chat: Chat, shop: Shop) -> str:
    """The id of one that its customer has confirmed."""
    for words in ("pesan 2 kopi gayo 250gr", "checkout kak", ADDRESS, "ya"):
        await chat.exchange(words)
    orders: Any = (await ask(chat.http, "GET", f"{shop.place}/orders"))["orders"]
    return str(orders[0]["id"])


async def types_all(terminal: Terminal, page: str) -> None:
    for one in curls(page):
        if one.answer:
            await shows_as_printed(terminal, one)
        elif one.program == "curl":
            assert await terminal.types(one), one
        else:
            await terminal.types(one)


async def begin_session(world: PretendWorld, name: str) -> None:
    """What is done at WAHA: there is a session, and it waits for a scan."""
    headers = {"X-Api-Key": world.waha_key}
    async with httpx.AsyncClient(base_url=world.url, headers=headers) as waha:
        await ask(waha, "POST", "/api/sessions", {"name": name, "start": True})


async def shows_as_printed(terminal: Terminal, one: Printed) -> None:
    """A stream that goes on for ever: its first event, name by name."""
    stream = terminal.process(one)
    stream.start()
    first, _, _ = one.answer.partition("\n\n")
    try:
        await until(lambda: first in stream.program.log.read_text(), first, within=20)
    finally:
        await stream.destroy()


# -- the command line


@pytest.mark.parametrize("one", REHEARSALS, ids=lambda one: one.command)
async def test_customers_who_do_not_exist_come(terminal: Terminal, one: Printed) -> None:
    told = await terminal.types(one, more=SHORTER.get(one.command, ""))

    assert lines_of(one.answer) - lines_of(told) == set()
    if "--list" not in one.command:
        assert "dialogues went as they must" in told


def lines_of(text: str) -> set[str]:
    """Without what differs each time: numbers, and the blanks before them."""
    numberless = re.sub(r"\d[\d.,]*", "#", text.replace("─", ""))
    return {" ".join(line.split()) for line in numberless.splitlines()} - {"..."}


async def test_the_command_line_looks_after_the_rest(
    terminal: Terminal, platform: Platform
) -> None:
    wanted = (".venv/bin/ai-platform", "ai-platform", "cp")
    letter = await bury(terminal.environment["DATABASE_URL"])
    terminal.instead[" ID"] = f" {letter}"
    told = dict[str, str]()

    for one in (*printed(README), *printed("docs/operations.md")):
        if one.program in wanted and one not in REHEARSALS:
            told[one.command] = await terminal.types(one)

    assert len(told) == 8
    assert letter in told["ai-platform dead-letters list ai_tasks"]
    assert told["ai-platform dead-letters replay ai_tasks ID"] == "1 put back on ai_tasks.\n"


# -- without containers


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What git keeps."""
    clone = tmp_path / "clone"
    for file in tracked():
        (clone / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, clone / file)
    return clone


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """The programs of an environment with all that the workspace needs, and nothing of it."""
    packages = tmp_path / "packages"
    packages.mkdir()
    for package in Path(sysconfig.get_path("purelib")).iterdir():
        if not re.match(r"_*(editable_impl_)?ai_platform", package.name):
            (packages / package.name).symlink_to(package)
    venv.create(tmp_path / "venv")
    where = sysconfig.get_path("purelib", vars={"base": str(tmp_path / "venv")})
    (Path(where) / "packages.pth").write_text(str(packages))
    programs = tmp_path / "venv/bin"
    for name in ("pip", "uvicorn"):
        script = (Path(sys.executable).with_name(name)).read_text(encoding="utf-8")
        _, _, rest = script.partition("\n")
        (programs / name).write_text(f"#!{programs}/python\n{rest}")
        (programs / name).chmod(0o755)
    return programs


async def test_it_runs_without_containers(clone: Path, python: Path) -> None:
    environment = {
        "PATH": f"{python}:{os.environ['PATH']}",
        # What the lock named is there already.
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    terminal = Terminal(clone, environment)
    everything = printed(README)
    for one in everything:
        if one.program == "pip":
            await terminal.types(one)

    async with AsyncExitStack() as running:
        ports = [
            await running.enter_async_context(serving(terminal, one))
            for one in everything
            if one.program in {"uvicorn", "python"}
        ]
        await until(lambda: all(map(is_well, ports)), "all answer", within=READY_WITHIN_S)
        terminal.finds_at(ports[0])
        job, how_far = [one for one in curls(README) if "/v1/jobs" in one.command][:2]
        await terminal.types(job)

        async def is_answered() -> bool:
            return "COMPLETED" in await terminal.types(how_far)

        await until(is_answered, "a worker answers", within=60, every=0.5)


@asynccontextmanager
async def serving(terminal: Terminal, one: Printed) -> AsyncGenerator[int]:
    """A service, on a port that is free instead of its own."""
    port = free_port()
    terminal.instead["--port 8001"] = f"--port {port}"
    process = terminal.process(one, PORT=str(port), UVICORN_PORT=str(port))
    process.start()
    try:
        yield port
        assert process.is_running, process.tail()
    finally:
        await process.stop()


def is_well(port: int) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200
    return False
