"""What the calls of WAHA's API must bring along; what else they bring is passed over."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True, strict=True)


class SendBody(_Body):
    """What every send to a chat has."""

    chat_id: str = Field(alias="chatId", min_length=1)
    reply_to: str | None = None
    #: chosen by the sender; honoured by some engines, and only in text and location
    id: str | None = None


class TextBody(SendBody):
    """POST /api/sendText."""

    text: str


class File(_Body):
    """By address or by content."""

    mimetype: str = "application/octet-stream"
    filename: str | None = None
    url: str | None = None
    data: str | None = None


class FileBody(SendBody):
    """POST /api/sendImage, sendFile, sendVoice and sendVideo."""

    file: File
    caption: str | None = None


class LocationBody(SendBody):
    """POST /api/sendLocation."""

    latitude: float
    longitude: float
    title: str | None = None


class ChatBody(_Body):
    """POST /api/sendSeen, startTyping and stopTyping."""

    chat_id: str = Field(alias="chatId", min_length=1)


class PresenceBody(_Body):
    """POST /api/{session}/presence."""

    presence: str = Field(pattern="^(online|offline|typing|recording|paused)$")


class ReactionBody(_Body):
    """PUT /api/reaction."""

    message_id: str = Field(alias="messageId", min_length=1)
    reaction: str


class EditBody(_Body):
    """PUT /api/{session}/chats/{chatId}/messages/{messageId}."""

    text: str


class SessionBody(_Body):
    """POST and PUT /api/sessions."""

    name: str | None = Field(default=None, pattern=r"^[a-zA-Z0-9_-]{1,54}$")
    start: bool = True
    config: Mapping[str, Any] = Field(default_factory=dict[str, Any])


class CodeBody(_Body):
    """POST /api/{session}/auth/request-code."""

    phone: str = Field(alias="phoneNumber", pattern=r"^\+?\d{6,15}$")
