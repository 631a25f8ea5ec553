"""How the demo tells what happens."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape

from standalone.chat import Chat


@dataclass(frozen=True)
class Teller:
    """Words for a person, on a console."""

    console: Console

    def title(self, text: str) -> None:
        self.console.print(f"\n[bold]{escape(text)}[/]")

    def said(self, who: str, words: str, *, colour: str = "cyan") -> None:
        indented = words.replace("\n", "\n" + " " * 13)
        self.console.print(f"   [bold {colour}]{who:<9}[/] ", end="")
        self.console.print(indented, markup=False, soft_wrap=True)

    async def exchange(self, chat: Chat, words: str) -> Sequence[str]:
        """Let the customer write, and tell all that is said in return. Raises PromiseBroken."""
        self.said(chat.customer.name, words)
        heard = await chat.exchange(words)
        for one in heard:
            self.said("bot", one, colour="green")
        return heard

    def aside(self, text: str) -> None:
        self.console.print(f"   [dim]{escape(text)}[/]", soft_wrap=True)
