"""The `ai-platform` command line."""

import asyncio
import os
import re
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Annotated, TypeVar
from uuid import UUID

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table
from rich.text import Text
from sqlalchemy.exc import ProgrammingError

from shared.availability import DatabaseUnavailable
from shared.embedded import EmbeddedServers, EmbeddedUnavailable
from shared.ground import Ground, Seed, ground, migrate
from shared.infrastructure.api_keys import ApiKeyRejected, ApiKeys, KeyScope, NoSuchApiKey
from shared.infrastructure.migrations import NewerDatabase, pending
from shared.messaging import CarrierUnavailable
from shared.settings import Infrastructure, Platform, load, refuse
from standalone.demo import DEMO
from standalone.doctor import examine
from standalone.pretend import PretendWorld, free_port
from standalone.up import is_told, serve

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
keys_cli = typer.Typer(no_args_is_help=True, help="API keys: make, list, revoke.")
letters_cli = typer.Typer(no_args_is_help=True, help="Messages that were set aside.")
cli.add_typer(keys_cli, name="keys")
cli.add_typer(letters_cli, name="dead-letters")

# Nobody reads a pipe's 80 columns: lines stay whole there.
console = Console(highlight=False, emoji=False, width=None if sys.stdout.isatty() else 200)
Answer = TypeVar("Answer")

#: as many as are looked through for one
MOST_LETTERS = 10_000


def main() -> None:
    """Run the command line; what cannot work is said in one line."""
    try:
        cli()
    except EmbeddedUnavailable as unavailable:
        raise SystemExit(f"{unavailable}") from None
    except CarrierUnavailable as away:
        raise SystemExit(f"the messages cannot be reached ({away})") from None
    except DatabaseUnavailable as away:
        raise SystemExit(f"PostgreSQL does not answer ({away})") from None


@cli.command()
def up() -> None:
    """Serve the whole platform until Ctrl-C."""
    raise typer.Exit(serve(console))


@cli.command()
def demo(
    *,
    once: Annotated[bool, typer.Option(help="Tell the story, then stop.")] = False,
    platform: Annotated[str, typer.Option(help="The URL of one that runs already.")] = "",
    world: Annotated[str, typer.Option(help="With it: where the simulators are found.")] = "",
) -> None:
    """Start the platform, open a shop, submit jobs, tell what happens, and go on serving.

    With --platform and --world nothing is started: the story is told of what runs there.
    """
    if bool(platform) != bool(world):
        raise typer.BadParameter("--platform and --world: give both, or neither")
    if platform:
        told = is_told(partial(DEMO.story, platform, PretendWorld(world), console), console)
        raise typer.Exit(not asyncio.run(told))
    once = once or os.environ.get("ONCE") == "1"
    raise typer.Exit(serve(console, DEMO, once=once))


@cli.command()
def rehearse(
    *,
    config: Annotated[str, typer.Option(help="The LLM config that answers.")] = "offline",
    only: Annotated[str, typer.Option(help="A pattern: those whose name fits it.")] = "",
    list_: Annotated[bool, typer.Option("--list", help="Name them, and play none.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="With every chat.")] = False,
) -> None:
    """Let scripted customers buy, haggle and attack; exit 1 unless all ends as it must."""
    from standalone.rehearse import Rehearse, chosen, list_dialogues  # noqa: PLC0415 - rarely used

    if list_:
        list_dialogues(console)
        return
    try:
        dialogues = chosen(only)
    except re.error as bad:
        raise typer.BadParameter(f"--only is no pattern: {bad}") from None
    if not dialogues:
        raise typer.BadParameter(f"there is no dialogue like {only}: see --list")
    wanted = Rehearse(config=config, dialogues=dialogues, is_verbose=verbose)
    raise typer.Exit(serve(console, wanted.staging, once=True, default_port=free_port()))


@cli.command(name="migrate")
def migrate_tables() -> None:
    """Bring the database's tables up to date."""
    from standalone.services import SEEDS  # noqa: PLC0415 - slow to load

    infrastructure, platform = load(Infrastructure), load(Platform)
    if platform.is_production and infrastructure.has_example_secrets:
        refuse("example_secrets: a password is still the one of .env.example, which all know")
    url = infrastructure.migrations_database_url or infrastructure.database_url
    if url is not None:
        asyncio.run(_migrate(url.get_secret_value(), SEEDS))
    else:
        servers = EmbeddedServers(platform.data_dir, valkey=False, say=console.print)
        with servers as embedded:
            asyncio.run(migrate(embedded.owner_database_url, SEEDS))
    console.print("The tables are up to date.")


@cli.command()
def seed() -> None:
    """Put back what must be there from the start (configs, templates, agents)."""
    migrate_tables()


@cli.command()
def doctor() -> None:
    """Look at dependencies, migrations and invariants; exit 1 if anything is wrong."""

    async def look(base: Ground) -> bool:
        is_well = True
        async for finding in examine(base):
            mark = "[green]ok [/]" if finding.is_well else "[red]BAD[/]"
            console.print(f"{mark} {escape(f'{finding.what}: {finding.says}')}", soft_wrap=True)
            is_well = is_well and finding.is_well
        return is_well

    if not _with_ground(look):
        raise typer.Exit(1)


@keys_cli.command("create")
def create_key(
    name: str,
    scope: Annotated[KeyScope, typer.Option(help="What it may do.")] = KeyScope.PLATFORM,
    tenant: Annotated[UUID | None, typer.Option(help="The tenant's id.")] = None,
) -> None:
    """Make a key; its secret is shown once."""

    async def create(base: Ground) -> str:
        return (await ApiKeys(base.sessions).create(name, scope, tenant)).secret

    try:
        console.out(_with_ground(create))
    except ApiKeyRejected as refusal:
        raise typer.BadParameter(str(refusal)) from None


@keys_cli.command("list")
def list_keys() -> None:
    """Every key, without its secret."""
    table = _table("prefix", "name", "scope", "tenant", "created", "revoked")
    for key in _with_ground(lambda base: ApiKeys(base.sessions).list()):
        cells = (
            str(key.id),
            key.prefix,
            key.name,
            key.scope,
            str(key.tenant_id or ""),
            f"{key.created_at:%Y-%m-%d}",
            f"{key.revoked_at:%Y-%m-%d}" if key.revoked_at else "",
        )
        table.add_row(*map(Text, cells))
    console.print(table)


@keys_cli.command("revoke")
def revoke_key(key_id: UUID) -> None:
    """Make a key useless, within two seconds and for good."""
    try:
        _with_ground(lambda base: ApiKeys(base.sessions).revoke(key_id))
    except NoSuchApiKey as refusal:
        raise typer.BadParameter(str(refusal)) from None
    console.print("Revoked.")


@letters_cli.command("list")
def list_letters(queue: str, limit: Annotated[int, typer.Option(min=1)] = 100) -> None:
    """What was set aside from a queue, oldest first."""
    table = _table("kind", "bytes")
    for letter in _with_ground(lambda base: base.transport.dead_letters(queue, limit=limit)):
        table.add_row(*map(Text, (letter.id, letter.kind, str(len(letter.body)))))
    console.print(table)


@letters_cli.command("show")
def show_letter(queue: str, letter_id: str) -> None:
    """One message, whole. It may hold what a customer wrote."""
    for letter in _with_ground(lambda base: base.transport.dead_letters(queue, limit=MOST_LETTERS)):
        if letter.id == letter_id:
            console.out(letter.body.decode(errors="replace"))
            return
    raise typer.BadParameter(f"there is no dead letter {letter_id} in {queue}")


@letters_cli.command("replay")
def replay_letters(queue: str, ids: list[str]) -> None:
    """Put messages back on their queue."""
    moved = _with_ground(lambda base: base.transport.replay(queue, ids))
    console.print(f"{moved} put back on {queue}.")


def _table(*columns: str) -> Table:
    """Its first column, `id`, stays whole on the narrowest terminal: it is there to be copied."""
    return Table(
        Column("id", no_wrap=True), *(Column(name, overflow="fold") for name in columns), box=SIMPLE
    )


async def _migrate(url: str, seeds: Sequence[Seed]) -> None:
    """Raises DatabaseUnavailable."""
    try:
        await pending(url)
        await migrate(url, seeds)
    except NewerDatabase as newer:
        refuse(f"the database is at revision {newer}, which is newer than this code")
    except ProgrammingError as refused:
        reason = str(refused.orig).partition("\n")[0]
        refuse(f"MIGRATIONS_DATABASE_URL must be the tables' owner's: {reason}")


def _with_ground(act: Callable[[Ground], Awaitable[Answer]]) -> Answer:
    async def run() -> Answer:
        async with ground("ai-platform") as base:
            return await act(base)

    os.environ.setdefault("LOG_LEVEL", "WARNING")
    return asyncio.run(run())
