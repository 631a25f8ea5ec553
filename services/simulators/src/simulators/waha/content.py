"""What a message holds in WhatsApp's own protocol, which two engines hand on nearly as it is."""

from typing import Any

from simulators.waha.messages import Kind, Message

_FILES: dict[Kind, str] = {"image": "imageMessage", "video": "videoMessage"}
#: the length of every pretend voice note, to the receiver
VOICE_SECONDS = 4


def content(message: Message, *, flag: str, quoted_id: str) -> dict[str, Any]:
    """`flag` marks voice notes, `quoted_id` names what is replied to: engines spell them apart."""
    if place := message.location:
        where = {"degreesLatitude": place.latitude, "degreesLongitude": place.longitude}
        return {"locationMessage": {**where, "name": place.name, "address": place.address}}
    if (media := message.media) is None:
        return _text(message, quoted_id)
    if message.kind == "voice":
        voice = {"mimetype": media.mimetype, "seconds": VOICE_SECONDS, flag: True}
        return {"audioMessage": voice}
    name = _FILES.get(message.kind, "documentMessage")
    return {name: {"mimetype": media.mimetype, "caption": message.body}}


def _text(message: Message, quoted_id: str) -> dict[str, Any]:
    if quoted := message.reply_to:
        context = {quoted_id: quoted.plain_id, "quotedMessage": {"conversation": quoted.body}}
        return {"extendedTextMessage": {"text": message.body, "contextInfo": context}}
    if message.from_me:
        return {"extendedTextMessage": {"text": message.body}}
    return {"conversation": message.body}
