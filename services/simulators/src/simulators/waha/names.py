"""How WhatsApp and WAHA name chats, people, messages and events."""

import hashlib
import secrets
import time

#: Crockford's alphabet, as ULIDs use it
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def phone_chat(phone: str) -> str:
    """The direct chat with a phone number: digits only."""
    return f"{phone}@c.us"


def lid_chat(lid: str) -> str:
    """The direct chat with somebody whose number is hidden."""
    return f"{lid}@lid"


def jid(chat_id: str) -> str:
    """The same chat as engines name it inside."""
    user, _, server = chat_id.partition("@")
    return f"{user}@{'s.whatsapp.net' if server == 'c.us' else server}"


def chat_of(any_form: str) -> str:
    """`62812:5@s.whatsapp.net`, `+62812` or `62812@c.us` -> `62812@c.us`."""
    user, _, server = any_form.partition("@")
    user = user.partition(":")[0].removeprefix("+")
    return f"{user}@{server if server not in {'', 's.whatsapp.net'} else 'c.us'}"


def digits(chat_id: str) -> str:
    return chat_id.partition("@")[0]


def is_direct(chat_id: str) -> bool:
    return chat_id.endswith(("@c.us", "@lid"))


def message_id(plain: str, *, chat_id: str, from_me: bool, participant: str | None = None) -> str:
    """`false_62812@c.us_3EB0...`, and in groups the sender after it."""
    parts = ["true" if from_me else "false", chat_id, plain]
    return "_".join([*parts, participant] if participant else parts)


def plain_id(any_form: str) -> str:
    """The engine's own id, whether it came alone or within a message id."""
    parts = any_form.split("_")
    return parts[2] if len(parts) > 2 else any_form


def new_plain_id() -> str:
    return f"3EB0{secrets.token_hex(9).upper()}"


def new_event_id() -> str:
    """`evt_` and a ULID."""
    number = (int(time.time() * 1000) << 80) | secrets.randbits(80)
    return "evt_" + "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))


def usual_lid(phone: str) -> str:
    """The hidden identity that a phone number gets when nobody says otherwise."""
    number = int.from_bytes(hashlib.sha256(phone.encode()).digest()[:6])
    return f"1{number % 10**14:014d}"
