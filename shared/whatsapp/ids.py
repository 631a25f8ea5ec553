"""WhatsApp's identifiers: what kind of chat an id names, whose phone it is, which message."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

from shared.domain import Invalid
from shared.redaction import HIDDEN, mask_phone


class ChatKind(StrEnum):
    """With whom a chat is."""

    PHONE = "phone"  #: one person, known by their number
    LID = "lid"  #: one person whose number is hidden; the digits are no phone number
    GROUP = "group"
    NEWSLETTER = "newsletter"
    STATUS = "status"  #: stories
    BROADCAST = "broadcast"
    UNKNOWN = "unknown"

    @property
    def is_direct(self) -> bool:
        """Whether it is a chat with one person."""
        return self in {ChatKind.PHONE, ChatKind.LID}


_KINDS = {
    "c.us": ChatKind.PHONE,
    "s.whatsapp.net": ChatKind.PHONE,
    "lid": ChatKind.LID,
    "g.us": ChatKind.GROUP,
    "newsletter": ChatKind.NEWSLETTER,
    "broadcast": ChatKind.BROADCAST,
}

#: An Indonesian mobile number after its country code.
_INDONESIAN_MOBILE = re.compile(r"628[1-35-9][0-9]{7,10}")
_ANY_PHONE = re.compile(r"[0-9]{8,15}")


class NotAPhoneNumber(Invalid):
    message = "This is no phone number."


def kind_of(chat_id: str) -> ChatKind:
    """What an id names; engine-internal forms are understood, too."""
    if chat_id == "status@broadcast":
        return ChatKind.STATUS
    user, _, server = chat_id.rpartition("@")
    kind = _KINDS.get(server, ChatKind.UNKNOWN)
    if kind.is_direct and not _digits_of(user):
        return ChatKind.UNKNOWN
    return kind


def canonical(chat_id: str) -> str:
    """One spelling for each chat: no device part, and never the engine-internal server."""
    user, at, server = chat_id.rpartition("@")
    if not kind_of(chat_id).is_direct:
        return chat_id
    return f"{_digits_of(user)}{at}{'c.us' if server == 's.whatsapp.net' else server}"


def phone_of(chat_id: str) -> str | None:
    """The digits of a chat that is named by its number, country code first."""
    if kind_of(chat_id) is not ChatKind.PHONE:
        return None
    return _digits_of(chat_id.rpartition("@")[0])


def chat_of_phone(phone: str) -> str:
    """The chat with a normalised number."""
    return f"{phone}@c.us"


def normalised_phone(text: str) -> str:
    """Digits with the country code, from any way to write a number; Indonesian unless it says else.

    Raises NotAPhoneNumber.
    """
    if "@" in text:
        phone = phone_of(text.strip())
        if phone is None:
            raise NotAPhoneNumber
        # WhatsApp's own ids always begin with a country code.
        return _checked(phone)
    written = text.strip().partition(":")[0]
    digits = re.sub(r"[^0-9]", "", written)
    has_country = written.startswith("+")
    if not has_country and digits.startswith("00"):
        digits, has_country = digits[2:], True
    if not has_country and digits.startswith("0"):
        digits = f"62{digits[1:]}"
    elif not has_country and re.fullmatch("8[0-9]{8,11}", digits):
        digits = f"62{digits}"
    return _checked(re.sub("^620", "62", digits))


def masked(chat_id: str) -> str:
    """Fit for a log: `+62•••1234`; of what is no phone number only its kind and its end."""
    if kind_of(chat_id) is ChatKind.PHONE:
        return mask_phone(chat_id)
    user, _, server = chat_id.rpartition("@")
    return f"{HIDDEN}{user[-4:] if len(user) > 8 else ''}@{server}"


@dataclass(frozen=True)
class MessageKey:
    """A message id, taken apart: `{fromMe}_{chat}_{stanza}`, in groups with `_{participant}`."""

    is_from_me: bool
    chat_id: str
    #: the engine's own id: the same in every form, event and engine
    stanza_id: str
    participant: str | None = None


def key_of(message_id: str) -> MessageKey | None:
    """None for an id that is the plain stanza id, or nothing of WAHA's."""
    sender, *rest = message_id.split("_")
    if sender not in {"true", "false"} or len(rest) < 2 or "@" not in rest[0]:
        return None
    chat_id, stanza_id, *more = rest
    participant = more[0] if more and "@" in more[0] else None
    return MessageKey(sender == "true", chat_id, stanza_id, participant)


def stanza_of(message_id: str) -> str:
    """The stanza id, whether it came alone or within a message id."""
    key = key_of(message_id)
    return key.stanza_id if key else message_id


def stanza_in(answer: object) -> str | None:
    """The stanza id in a message as any engine describes it; None where it tells none.

    GOWS has an `id`, WEBJS an object with `_serialized` as its `id`, NOWEB a `key` with an `id`.
    """
    if not isinstance(answer, Mapping):
        return None
    message = cast("Mapping[str, Any]", answer)
    for found in (message.get("id"), _inside(message.get("id"), "_serialized", "id")):
        if isinstance(found, str) and found:
            return stanza_of(found)
    found = _inside(message.get("key"), "id")
    return stanza_of(found) if isinstance(found, str) and found else None


def _inside(value: object, *names: str) -> object:
    if not isinstance(value, Mapping):
        return None
    inner = cast("Mapping[str, object]", value)
    return next((inner[name] for name in names if inner.get(name)), None)


def _digits_of(user: str) -> str | None:
    digits = user.partition(":")[0].removeprefix("+")
    return digits if digits.isascii() and digits.isdigit() else None


def _checked(digits: str) -> str:
    shape = _INDONESIAN_MOBILE if digits.startswith("628") else _ANY_PHONE
    if not shape.fullmatch(digits):
        raise NotAPhoneNumber
    return digits
