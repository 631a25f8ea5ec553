"""What a rehearsal prints: each dialogue as it ends, and all of them in a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from standalone.rehearsal.running import Performance
from standalone.rehearsal.stage import Facts


@dataclass(frozen=True)
class Report:
    """For a person, on a console."""

    console: Console
    #: the whole chat of each dialogue, not only of those that went wrong
    is_verbose: bool = False

    def one(self, performance: Performance) -> None:
        """A dialogue has ended."""
        dialogue, facts = performance.dialogue, performance.facts
        mark = "[green]ok [/]" if performance.is_well else "[red]BAD[/]"
        self._say(f"\n{mark} [bold]{dialogue.name}[/]: {escape(dialogue.about)}")
        if facts is not None:
            self._say(f"    [dim]ordered[/] {escape(_ordered(facts))}")
            self._say(f"    [dim]paid[/]    {_rupiah(facts.taken)}")
            self._say(f"    [dim]said[/]    {_said(facts)}")
            self._say(f"    [dim]spent[/]   {_spent(facts)}, {performance.seconds:.1f} s")
            if self.is_verbose or not performance.is_well:
                self._chat(facts)
        for fault in performance.faults:
            self._say(f"    [red]-[/] {escape(fault)}")

    def all(self, performances: Sequence[Performance], *, seconds: float) -> None:
        """The table at the end."""
        table = Table(
            Column("dialogue", no_wrap=True),
            Column("ordered", overflow="fold"),
            Column("paid", justify="right"),
            Column("turns", justify="right"),
            Column("calls", justify="right"),
            Column("tokens", justify="right"),
            Column("USD", justify="right"),
            Column("s", justify="right"),
            "",
            box=SIMPLE,
        )
        for one in performances:
            table.add_row(*_row(one))
        self.console.print(table)
        well = sum(one.is_well for one in performances)
        seen = [one.facts for one in performances if one.facts]
        models = " and ".join(sorted({model for facts in seen for model in facts.models}))
        usd = sum(facts.usage["cost_usd"] for facts in seen)
        self._say(
            f"{well} of {len(performances)} dialogues went as they must, in {seconds:.0f} s: "
            f"{sum(map(_tokens, seen)):,} tokens, ${usd:.4f}, by {models or 'no model'}"
        )

    def _chat(self, facts: Facts) -> None:
        for one in facts.chat:
            is_shop = one["from"] == "shop"
            who, colour = ("shop", "green") if is_shop else ("customer", "cyan")
            words = one["text"] if one["type"] == "text" else f"[{one['type']}] {one['text']}"
            self.console.print(f"      [{colour}]{who:<9}[/]", end="")
            indented = str(words).replace("\n", "\n" + " " * 15)
            self.console.print(indented, markup=False, soft_wrap=True)

    def _say(self, text: str) -> None:
        self.console.print(text, soft_wrap=True)


def _row(one: Performance) -> tuple[str, ...]:
    verdict = "[green]ok[/]" if one.is_well else "[red]BAD[/]"
    if one.facts is None:
        return (one.dialogue.name, "", "", "", "", "", "", f"{one.seconds:.1f}", verdict)
    facts = one.facts
    turns = sum(message["from"] == "customer" for message in facts.chat)
    return (
        one.dialogue.name,
        escape(_ordered(facts)),
        f"{facts.taken:,}".replace(",", "."),
        str(turns),
        str(int(facts.usage["calls"])),
        f"{_tokens(facts):,}",
        f"{facts.usage['cost_usd']:.4f}",
        f"{one.seconds:.1f}",
        verdict,
    )


def _ordered(facts: Facts) -> str:
    return "; ".join(map(_order, facts.orders)) or "nothing"


def _order(order: Mapping[str, Any]) -> str:
    lines = " + ".join(f"{one['quantity']} {one['sku']}" for one in order["lines"])
    return f"{lines or 'empty'} = {order['total']['formatted']} {order['status']}"


def _said(facts: Facts) -> str:
    written = sum(one["from"] == "customer" for one in facts.chat)
    return f"{written} by the customer, {len(facts.said)} by the shop; then {facts.state}"


def _spent(facts: Facts) -> str:
    usage, models = facts.usage, " and ".join(facts.models) or "no model"
    spent = f"{usage['calls']:.0f} calls, {_tokens(facts):,} tokens, ${usage['cost_usd']:.4f}"
    return f"{spent} by {models}"


def _tokens(facts: Facts) -> int:
    return int(facts.usage["input_tokens"] + facts.usage["output_tokens"])


def _rupiah(amount: int) -> str:
    return "Rp" + f"{amount:,}".replace(",", ".")
