"""What a script may say about WAHA's answers: everything that befalls sends in real life."""

from collections.abc import Mapping
from typing import Any, Literal

from simulators.script import Rule

Trouble = Literal["timelock", "not_on_whatsapp", "stuck", "not_working"]
Acks = Literal["usual", "never", "refused"]


class WahaRule(Rule):
    """How to treat a call of the API; what is left out stays as it would have been."""

    #: the call's name, such as sendText; `send*` is every send
    call: str | None = None
    session: str | None = None
    #: a chat id
    chat: str | None = None
    #: found in the text or the caption
    when: str | None = None

    #: WAHA's own words for: error 463 (no new chats for now), a number without WhatsApp, an
    #: engine that only a restart cures, a session that is not WORKING
    trouble: Trouble | None = None
    #: `status`, `hang` and `trouble` strike when the work is done: the message is on the phone,
    #: but the caller cannot know (`reset: after` does that by itself)
    in_effect: bool = False
    #: the message is taken, but then its ticks never come, or an ack says ERROR (463)
    acks: Acks = "usual"

    def fits(self, call: str, facts: Mapping[str, Any]) -> bool:
        return (
            self._names(call)
            and (self.session is None or self.session == facts.get("session"))
            and (self.chat is None or self.chat == facts.get("chat"))
            and (self.when is None or self.when in facts.get("text", ""))
        )

    def _names(self, call: str) -> bool:
        if self.call is not None and self.call.endswith("*"):
            return call.startswith(self.call[:-1])
        return self.call in {None, call}
