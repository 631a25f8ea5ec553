"""Automation rules in PostgreSQL."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar, cast
from uuid import UUID

from sqlalchemy import RowMapping, Update, delete, func, insert, select, text, update

from crm_chatbot.application.feed import Thing
from crm_chatbot.domain.automation import (
    Action,
    Assign,
    HandOver,
    LabelApplied,
    MessageMatches,
    OpenTicket,
    OrderBecame,
    OutsideHours,
    PutLabel,
    Reply,
    Rule,
    RuleId,
    RuleNameTaken,
    RuleNotFound,
    TicketBreached,
    When,
)
from crm_chatbot.domain.conversations.conversation import ConversationId
from crm_chatbot.domain.orders.order import OrderStatus
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.domain.tickets.ticket import Priority
from crm_chatbot.infrastructure.service_desk_tables import automation_rules
from crm_chatbot.infrastructure.tables import timeline
from shared.domain import ChangedMeanwhile
from shared.infrastructure.late import LateSession

Part = TypeVar("Part")

_r, _t = automation_rules.c, timeline.c
_IN_ORDER = select(automation_rules).order_by(_r.place, _r.id)
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('crm.rules ' || :whose, 0))")
_ARRANGE = text("""
    UPDATE crm.automation_rules AS rule SET place = wanted.place
      FROM unnest(CAST(:these AS uuid[])) WITH ORDINALITY AS wanted (id, place)
     WHERE rule.tenant_id = :whose AND rule.id = wanted.id""")

_WHEN: Mapping[str, type[When]] = {
    one.kind: one
    for one in (MessageMatches, LabelApplied, OutsideHours, OrderBecame, TicketBreached)
}
_THEN: Mapping[str, type[Action]] = {
    one.kind: one for one in (PutLabel, Assign, OpenTicket, Reply, HandOver)
}


class SqlRules:
    """Honours crm_chatbot.domain.automation.Rules."""

    def __init__(self, session: LateSession, tenant_id: TenantId) -> None:
        self._session = session
        self._tenant_id = tenant_id
        self._active: list[Rule] | None = None
        #: what ran in this transaction, and is not in the timeline yet
        self._ran: set[tuple[RuleId, ConversationId]] = set()

    async def hold(self) -> None:
        await self._session.execute(_ONE_AT_A_TIME, {"whose": str(self._tenant_id)})

    async def get(self, rule_id: RuleId, /) -> Rule:
        found = await self._session.execute(select(automation_rules).where(*self._is(rule_id)))
        for row in found.mappings():
            return _rule_of(row)
        raise RuleNotFound(rule_id=rule_id)

    async def all(self) -> Sequence[Rule]:
        found = await self._session.ahead(_IN_ORDER.where(_r.tenant_id == self._tenant_id))
        return [_rule_of(row) for row in found.mappings()]

    async def active(self) -> Sequence[Rule]:
        if self._active is None:
            self._active = [rule for rule in await self.all() if rule.is_active]
        return self._active

    async def add(self, rule: Rule, /) -> None:
        await self._refuse_taken(rule)
        last = select(func.coalesce(func.max(_r.place), 0)).where(_r.tenant_id == self._tenant_id)
        rule.place = 1 + await self._session.scalar(last)
        await self._session.execute(insert(automation_rules).values(_row_of(rule)))
        self._changed(rule.id)

    async def save(self, rule: Rule, /) -> None:
        await self._refuse_taken(rule)
        seen: Update = update(automation_rules).where(
            *self._is(rule.id), _r.version == rule.version
        )
        changed = {**_row_of(rule), "version": rule.version + 1}
        del changed["place"]
        version = await self._session.scalar(seen.values(changed).returning(_r.version))
        if version is None:
            raise ChangedMeanwhile
        rule.version = version
        self._changed(rule.id)

    async def remove(self, rule_id: RuleId, /) -> None:
        gone = delete(automation_rules).where(*self._is(rule_id)).returning(_r.id)
        if await self._session.scalar(gone) is None:
            raise RuleNotFound(rule_id=rule_id)
        self._changed(rule_id)

    async def arrange(self, rule_ids: Sequence[RuleId], /) -> None:
        facts = {"whose": self._tenant_id, "these": list(rule_ids)}
        await self._session.execute(_ARRANGE, facts)
        self._changed(*rule_ids)

    async def is_first_since(
        self, rule_id: RuleId, conversation_id: ConversationId, moment: datetime, /
    ) -> bool:
        if (rule_id, conversation_id) in self._ran:
            return False
        self._ran.add((rule_id, conversation_id))
        ran = select(_t.id).where(
            _t.tenant_id == self._tenant_id,
            _t.conversation_id == conversation_id,
            _t.what == "rule.ran",
            _t.at > moment,
            _t.facts["rule_id"].astext == str(rule_id),
        )
        return (await self._session.ahead(ran.limit(1))).first() is None

    def _changed(self, *rule_ids: RuleId) -> None:
        self._active = None
        self._session.touched(Thing.RULE, *rule_ids)

    def _is(self, rule_id: RuleId) -> Sequence[Any]:
        return _r.tenant_id == self._tenant_id, _r.id == rule_id

    async def _refuse_taken(self, rule: Rule) -> None:
        others = (_r.tenant_id == self._tenant_id, _r.name == rule.name, _r.id != rule.id)
        if await self._session.scalar(select(_r.id).where(*others)) is not None:
            raise RuleNameTaken(name=rule.name)


def _row_of(rule: Rule) -> dict[str, Any]:
    return {**vars(rule), "when": _plain(rule.when), "then": [_plain(one) for one in rule.then]}


def _plain(part: When | Action) -> dict[str, Any]:
    """As JSON: its kind, and what it holds."""
    return {"kind": part.kind} | {
        name: [*cast("tuple[str, ...]", value)] if isinstance(value, tuple) else str(value)
        for name, value in vars(part).items()
    }


def _rule_of(row: RowMapping) -> Rule:
    parts: dict[str, Any] = {
        "when": _part(_WHEN, row["when"]),
        "then": tuple(_part(_THEN, one) for one in row["then"]),
    }
    return Rule(**{**row, **parts})


def _statuses(names: Sequence[str]) -> tuple[OrderStatus, ...]:
    return tuple(map(OrderStatus, names))


#: How the fields that are no texts came to be texts.
_TYPED: Mapping[str, Callable[[Any], object]] = {
    "words": tuple,
    "statuses": _statuses,
    "label_id": UUID,
    "quick_reply_id": UUID,
    "priority": Priority,
}


def _part(kinds: Mapping[str, type[Part]], said: Mapping[str, Any]) -> Part:
    facts: dict[str, Any] = {**said}
    kind = kinds[facts.pop("kind")]
    return kind(**{name: _TYPED.get(name, str)(value) for name, value in facts.items()})
