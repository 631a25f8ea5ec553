"""What a message of WAHA's holds: its kind, its words, and whatever else it is."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast
from urllib.parse import urlsplit

from crm_chatbot.domain.conversations.message import Kind
from crm_chatbot.domain.whatsapp import LONGEST_TEXT
from shared.llm.storable import storable

Fields = Mapping[str, Any]

_LONGEST_NAME = 100
_LONGEST_FACT = 300
_MOST_ENTRIES = 20
#: A card has a name and a few numbers; what goes on is a picture.
_LONGEST_CARD = 2_000

#: What engines call kinds of messages, where the common fields do not tell.
_ENGINE_KINDS: Mapping[str, Kind] = {
    "image": Kind.IMAGE,
    "ptt": Kind.VOICE,
    "audio": Kind.VOICE,
    "video": Kind.VIDEO,
    "gif": Kind.VIDEO,
    "ptv": Kind.VIDEO,
    "document": Kind.FILE,
    "sticker": Kind.STICKER,
    "location": Kind.LOCATION,
    "vcard": Kind.CONTACT,
    "multi_vcard": Kind.CONTACT,
    "contact": Kind.CONTACT,
    "poll_creation": Kind.POLL,
    "poll": Kind.POLL,
    "call_log": Kind.CALL,
}

_RAW_KINDS: Mapping[str, Kind] = {
    "imageMessage": Kind.IMAGE,
    "audioMessage": Kind.VOICE,
    "videoMessage": Kind.VIDEO,
    "documentMessage": Kind.FILE,
    "documentWithCaptionMessage": Kind.FILE,
    "stickerMessage": Kind.STICKER,
    "locationMessage": Kind.LOCATION,
    "liveLocationMessage": Kind.LOCATION,
    "contactMessage": Kind.CONTACT,
    "contactsArrayMessage": Kind.CONTACT,
    "pollCreationMessage": Kind.POLL,
    "pollCreationMessageV2": Kind.POLL,
    "pollCreationMessageV3": Kind.POLL,
}

_MIMETYPES = (
    ("image/webp", Kind.STICKER),
    ("image/", Kind.IMAGE),
    ("audio/", Kind.VOICE),
    ("video/", Kind.VIDEO),
)


def content_of(payload: Fields) -> tuple[Kind, str, dict[str, Any]]:
    """Its kind, its text or caption, and the rest."""
    text = storable(_text(payload.get("body")))
    content: dict[str, Any] = {}
    if len(text) > LONGEST_TEXT:
        content["cut_from"] = len(text)
    kind = _kind_of(payload, text)
    if describe := _DESCRIBED.get(kind, _media if payload.get("hasMedia") is True else None):
        content |= describe(payload)
    if quoted := _quoted(payload):
        content["quoted"] = quoted
    return kind, text[:LONGEST_TEXT], content


def push_name_of(payload: Fields) -> str | None:
    """What the sender calls themselves, fit to be shown."""
    raw = _fields(payload.get("_data"))
    names = (raw.get("pushName"), raw.get("notifyName"), _fields(raw.get("Info")).get("PushName"))
    for name in names:
        shown = "".join(c for c in storable(_text(name)) if c.isprintable()).strip()
        if shown:
            return shown[:_LONGEST_NAME].strip()
    return None


def alternative_of(payload: Fields) -> str | None:
    """The sender's other identity, where the engine tells it."""
    raw = _fields(payload.get("_data"))
    info, key = _fields(raw.get("Info")), _fields(raw.get("key"))
    side = "RecipientAlt" if payload.get("fromMe") is True else "SenderAlt"
    return _text(info.get(side)) or _text(key.get("remoteJidAlt")) or None


def _kind_of(payload: Fields, text: str) -> Kind:
    if _fields(payload.get("location")):
        return Kind.LOCATION
    if _list(payload.get("vCards")):
        return Kind.CONTACT
    told = _told_by_engine(payload)
    media = _fields(payload.get("media"))
    if payload.get("hasMedia") is True or media:
        return told or _by_type(_text(media.get("mimetype")).lower())
    if told is not None and told in {
        Kind.STICKER,
        Kind.POLL,
        Kind.LOCATION,
        Kind.CONTACT,
        Kind.CALL,
    }:
        return told
    return Kind.TEXT if text.strip() else told or Kind.UNKNOWN


def _by_type(mimetype: str) -> Kind:
    return next((kind for start, kind in _MIMETYPES if mimetype.startswith(start)), Kind.FILE)


def _told_by_engine(payload: Fields) -> Kind | None:
    raw = _fields(payload.get("_data"))
    info = _fields(raw.get("Info"))
    for name in (_text(raw.get("type")), _text(info.get("MediaType"))):
        if kind := _ENGINE_KINDS.get(name.lower()):
            return kind
    inside = (*_fields(raw.get("message")), *_fields(raw.get("Message")))
    return next((_RAW_KINDS[name] for name in inside if name in _RAW_KINDS), None)


def _media(payload: Fields) -> dict[str, Any]:
    """Where WAHA keeps the file, by path alone: the server is the tenant's, whatever a URL says."""
    media = _fields(payload.get("media"))
    facts = {
        "path": _path_in(_text(media.get("url"))),
        "mimetype": _fact(media.get("mimetype")),
        "filename": _fact(media.get("filename")),
        "size": _size(media),
    }
    known = {name: value for name, value in facts.items() if value}
    filename = known.get("filename")
    return {"media": known, **({"filename": filename} if filename else {})}


def _path_in(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    is_file = parts.path.startswith("/api/files/") and ".." not in parts.path
    return storable(parts.path)[:1_000] if is_file else ""


def _size(media: Fields) -> int | None:
    size = media.get("filesize", media.get("size"))
    is_number = isinstance(size, int) and not isinstance(size, bool)
    return size if is_number and 0 < size < 2**40 else None


def _place(payload: Fields) -> dict[str, Any]:
    """Degrees are texts in WAHA's events."""
    place = _fields(payload.get("location"))
    named = {name: _fact(place.get(name)) for name in ("name", "address")}
    degrees = {
        "latitude": _degrees(place.get("latitude"), 90),
        "longitude": _degrees(place.get("longitude"), 180),
    }
    return {name: value for name, value in {**degrees, **named}.items() if value not in {None, ""}}


def _degrees(value: object, most: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        degrees = float(value)
    except (ValueError, OverflowError):
        return None
    return degrees if -most <= degrees <= most else None


def _contacts(payload: Fields) -> dict[str, Any]:
    cards = [_text(card)[:_LONGEST_CARD] for card in _list(payload.get("vCards"))[:_MOST_ENTRIES]]
    names = [name for card in cards if (name := _name_in(card))]
    return {"names": names} if names else {}


def _name_in(card: str) -> str:
    lines = (line.partition(":") for line in card.splitlines())
    return next((_fact(value) for field, _, value in lines if field.split(";")[0] == "FN"), "")


def _poll(payload: Fields) -> dict[str, Any]:
    raw = _fields(payload.get("_data"))
    poll = _fields(payload.get("poll"))
    for inside in (_fields(raw.get("message")), _fields(raw.get("Message"))):
        found = next((v for k, v in inside.items() if k.startswith("pollCreation")), None)
        poll = poll or _fields(found)
    name = _fact(poll.get("name")) or _fact(raw.get("pollName"))
    options = [_option(one) for one in _list(poll.get("options"))[:_MOST_ENTRIES]]
    facts = {"name": name, "options": [one for one in options if one]}
    return {name: value for name, value in facts.items() if value}


def _option(option: object) -> str:
    fields = _fields(option)
    return _fact(fields.get("optionName") or fields.get("name")) if fields else _fact(option)


_DESCRIBED: Mapping[Kind, Callable[[Fields], dict[str, Any]]] = {
    Kind.LOCATION: _place,
    Kind.CONTACT: _contacts,
    Kind.POLL: _poll,
}


def _quoted(payload: Fields) -> dict[str, Any]:
    """The message that it answers: its words, and its id, by which we may know it."""
    quoted = _fields(payload.get("replyTo"))
    facts = {"text": _fact(quoted.get("body")), "stanza_id": _fact(quoted.get("id"))[:128]}
    return {name: value for name, value in facts.items() if value}


def _fact(value: object) -> str:
    return storable(_text(value))[:_LONGEST_FACT].strip()


def _fields(value: object) -> Fields:
    return cast("Fields", value) if isinstance(value, Mapping) else {}


def _list(value: object) -> Sequence[object]:
    return cast("Sequence[object]", value) if isinstance(value, list) else ()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
