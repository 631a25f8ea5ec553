"""The catalogue, its entries, budgets and models in memory; they pass the real ones' tests."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Generic, cast
from uuid import uuid4

from shared.domain import ChangedSince, NotFound
from shared.llm.budgets import BudgetExceeded, Reservation, Scope, Standing, named
from shared.llm.catalogue import Catalogue, LLMConfig, NameTaken, PromptTemplate
from shared.llm.chat import ChatMessage, File, ModelCall, OnToken, Reply, ToolCall, ToolSpec
from shared.llm.entries import Change, EntryT
from shared.llm.tokens import estimate


class MemoryCatalogue:
    """Fits `shared.llm.catalogue.ReadCatalogue`."""

    def __init__(
        self, configs: Sequence[LLMConfig] = (), templates: Sequence[PromptTemplate] = ()
    ) -> None:
        self.now = Catalogue(
            configs={config.name: config for config in configs},
            templates={template.name: template for template in templates},
        )

    async def __call__(self, *, at_least: Sequence[str] = ()) -> Catalogue:
        return self.now


@dataclass
class MemoryEntries(Generic[EntryT]):
    """Fits `shared.llm.entries.Entries`; there are no transactions here."""

    kind: str
    absent: type[NotFound]
    facts: Callable[[EntryT], dict[str, Any]]
    actor: str = ""
    entries: dict[str, EntryT] = field(default_factory=dict[str, EntryT])
    changes: list[Change] = field(default_factory=list[Change])

    async def all(self) -> Sequence[EntryT]:
        return [self.entries[name] for name in sorted(self.entries)]

    async def get(self, name: str, /) -> EntryT:
        try:
            return self.entries[name]
        except KeyError:
            raise self.absent(name=name) from None

    async def add(self, entry: EntryT, /) -> EntryT:
        if entry.name in self.entries:
            raise NameTaken(name=entry.name)
        versions = [change.version for change in self.changes if change.name == entry.name]
        return self._store(entry, max(versions, default=0) + 1, before=None)

    async def replace(self, entry: EntryT, /, *, expected: int | None = None) -> EntryT:
        stored = await self._at(entry.name, expected)
        if self.facts(stored) == self.facts(entry):
            return stored
        return self._store(entry, stored.version + 1, before=self.facts(stored))

    async def remove(self, name: str, /, *, expected: int | None = None) -> None:
        stored = await self._at(name, expected)
        del self.entries[name]
        self._remember(name, stored.version + 1, before=self.facts(stored), after=None)

    async def history(self, name: str, /) -> Sequence[Change]:
        return [change for change in reversed(self.changes) if change.name == name][:100]

    async def _at(self, name: str, expected: int | None) -> EntryT:
        stored = await self.get(name)
        if expected is not None and stored.version != expected:
            raise ChangedSince(name=name, version=stored.version)
        return stored

    def _store(self, entry: EntryT, version: int, *, before: dict[str, Any] | None) -> EntryT:
        stored = cast("EntryT", replace(cast("Any", entry), version=version))
        self.entries[entry.name] = stored
        self._remember(entry.name, version, before=before, after=self.facts(stored))
        return stored

    def _remember(
        self,
        name: str,
        version: int,
        *,
        before: dict[str, Any] | None,
        after: dict[str, Any] | None,
    ) -> None:
        self.changes.append(
            Change(
                id=len(self.changes) + 1,
                kind=self.kind,
                name=name,
                version=version,
                actor=self.actor,
                before=before,
                after=after,
                changed_at=datetime(2026, 5, 4, 12, 0, tzinfo=UTC),
            )
        )


@dataclass
class MemoryBudgets:
    """Fits `shared.llm.budgets.Budgets`."""

    caps: dict[str, int] = field(default_factory=dict[str, int])
    spent: dict[str, int] = field(default_factory=dict[str, int])
    held: list[Reservation] = field(default_factory=list[Reservation])

    async def has_room(self, scopes: Sequence[Scope], /) -> bool:
        return all(self._standing(scope).has_room for scope in self._capped(scopes))

    async def reserve(self, scopes: Sequence[Scope], amount: int, /) -> Reservation:
        capped = self._capped(scopes)
        for scope in capped:
            now = self._standing(scope)
            if now.spent >= now.cap or now.spent + now.reserved + amount > now.cap:
                raise BudgetExceeded(scope=scope)
        reservation = Reservation(uuid4(), amount, tuple(capped) if amount else ())
        self.held.append(reservation)
        return reservation

    async def settle(self, reservation: Reservation, actual: int) -> None:
        """What `shared.llm.budget_store.settle` does in a transaction."""
        self.held.remove(reservation)
        for scope in reservation.scopes:
            self.spent[scope] = self.spent.get(scope, 0) + actual

    def _capped(self, scopes: Sequence[Scope]) -> list[str]:
        return [scope for scope in named(scopes) if scope in self.caps]

    def _standing(self, scope: str) -> Standing:
        return Standing(
            scope=scope,
            cap=self.caps[scope],
            spent=self.spent.get(scope, 0),
            reserved=sum(one.amount for one in self.held if scope in one.scopes),
        )


#: What a model answers to these messages, offered these tools; a plain text is a reply too.
#: ModelFailed (or whatever is to go wrong) is raised in there.
Answers = Callable[[Sequence[ChatMessage], Sequence[ToolSpec]], Reply | str]


def says(text: str, *calls: ToolCall) -> Reply:
    """A reply, with the calls that it asks for."""
    return Reply(text=text, provider="fake", model="fake-1", tool_calls=calls)


def calls(name: str, /, *, id: str = "call-1", **arguments: Any) -> ToolCall:  # noqa: A002 - the word for it
    return ToolCall(id, name, arguments, json.dumps(arguments))


@dataclass(frozen=True)
class Asked:
    """One `reply`, as the model saw it."""

    config: str
    messages: Sequence[ChatMessage]
    tools: Sequence[ToolSpec]
    temperature: float | None = None
    max_tokens: int | None = None
    retries: int | None = None

    @property
    def system(self) -> str:
        return "\n\n".join(one.text for one in self.messages if one.role == "system")


@dataclass
class FakeModels:
    """Fits `shared.llm.chat.ChatModels`; the first candidate answers."""

    answers: Answers = lambda _messages, _tools: "Halo!"
    asked: list[Asked] = field(default_factory=list[Asked])

    async def reply(  # noqa: PLR0913 - as the port has it
        self,
        candidates: Sequence[LLMConfig],
        messages: Sequence[ChatMessage],
        /,
        *,
        temperature: float | None = None,
        max_tokens: int | None = None,
        retries: int | None = None,
        on_token: OnToken | None = None,
        tools: Sequence[ToolSpec] = (),
    ) -> Reply:
        config = candidates[0]
        facts = (temperature, max_tokens, retries)
        self.asked.append(Asked(config.name, list(messages), list(tools), *facts))
        answered = self.answers(messages, tools)
        reply = says(answered) if isinstance(answered, str) else answered
        if on_token and reply.text:
            for number, word in enumerate(reply.text.split(" ")):
                await on_token(f" {word}" if number else word)
        provider, model = config.provider.value, config.model_name.text
        paid = [_call(config, messages, reply)]
        return replace(reply, provider=provider, model=model, calls=reply.calls or paid)


@dataclass
class FakeTranscribers:
    """Fits `shared.llm.chat.Transcribers`: hears what it is told is said."""

    words: str = "Halo"
    heard: list[File] = field(default_factory=list[File])

    async def transcribe(self, candidates: Sequence[LLMConfig], recording: File, /) -> Reply:
        config = candidates[0]
        self.heard.append(recording)
        said = says(self.words)
        model = config.transcription_model or ""
        provider = config.provider.value
        paid = replace(_call(config, [ChatMessage("user", self.words)], said), model=model)
        return replace(said, provider=provider, model=model, calls=[paid])


def _call(config: LLMConfig, messages: Sequence[ChatMessage], reply: Reply) -> ModelCall:
    asked = estimate(sum(len(message.text) for message in messages))
    said = estimate(len(reply.text) + sum(len(call.raw) for call in reply.tool_calls))
    return ModelCall(
        config_name=config.name,
        provider=config.provider.value,
        model=config.model_name.text,
        input_tokens=asked,
        output_tokens=said,
        cost_micro_usd=config.cost_micro_usd(asked, said),
    )
