"""Codes in words: why a person answers, why nobody does, why something was not sent."""

from collections.abc import Mapping

from crm_chatbot.domain.conversations.conversation import TakeoverReason

#: Why a person answers, or why the bot does again.
WHO_ANSWERS: Mapping[TakeoverReason, str] = {
    TakeoverReason.API: "somebody asked for it through the API",
    TakeoverReason.PHONE: "the owner typed on the phone",
    TakeoverReason.CUSTOMER: "the customer asked for one",
    TakeoverReason.FAILURE: "the bot failed again and again",
    TakeoverReason.LOOP: "the other side seems to be a bot, too",
    TakeoverReason.BUDGET: "this chat, or this shop, has had its share of answers",
    TakeoverReason.STALE: "messages arrived long after they were sent",
    TakeoverReason.FLOOD: "more messages waited than anybody answers one by one",
    TakeoverReason.RULE: "one of the shop's automation rules says so",
    TakeoverReason.SAFETY: "somebody may come to harm",
    TakeoverReason.TIMEOUT: "no person wrote for a while",
}

#: Why an incoming message is not the bot's to answer.
NOT_ANSWERED: Mapping[str, str] = {
    "call": "it was a call, which nobody here can take",
    "empty": "there was nothing in it",
    "erased": "the customer was erased",
    "merged": "a person was answering when two chats turned out to be one",
    "opted_in": "the customer only said that they want to hear from the shop again",
    "opted_out": "the customer wants to hear nothing more",
    "person_answered": "a person was answering",
    "revoked": "the customer took it back",
    "stale": "it arrived long after it was sent",
    "tenant_suspended": "the shop was suspended",
}

#: Why an outgoing message did not leave.
NOT_SENT: Mapping[str, str] = {
    "account_restricted": "WhatsApp lets this number write to nobody new for now",
    "chat_not_direct": "the chat is not with one person",
    "erased": "the customer was erased",
    "media_too_large": "the file is too large",
    "not_connected": "the shop's WhatsApp is not connected",
    "not_sent_in_time": "it could not leave for too long",
    "not_supported": "the WAHA server cannot send this",
    "nothing_to_send": "there was nothing in it",
    "session_not_connected": "the session is not the shop's any more",
    "session_not_working": "the WhatsApp session does not work",
    "suppressed_takeover": "a person had taken over",
    "waha_refused": "the WAHA server refused it",
    "waha_unreachable": "the WAHA server could not be reached",
    "withdrawn": "it was not wanted any more",
}

#: Why nobody could tell what a picture shows, or a voice says.
NOT_READ: Mapping[str, str] = {
    "budget_exceeded": "the day's budget for language models is spent",
    "llm_auth": "the model's provider refused the key, or its quota is spent",
    "llm_bad_answer": "the model told nothing that makes sense",
    "llm_rejected": "the model's provider would not take it",
    "llm_unavailable": "the model could not be reached",
    "media_elsewhere": "it does not lie on the shop's own WAHA server",
    "media_gone": "the WAHA server does not have the file any more",
    "media_not_kept": "the WAHA server has not kept the file",
    "media_unknown": "the file is of no kind that can be read",
    "not_able": "no model of the shop's LLM config can take in such a thing",
    "too_slow": "it took too long",
}

_EVERY: Mapping[str, str] = {
    **NOT_READ,
    **NOT_SENT,
    **NOT_ANSWERED,
    **{reason.value: words for reason, words in WHO_ANSWERS.items()},
}


def in_words(code: str) -> str:
    """What a code means; the code itself where newer code than this noted it."""
    return _EVERY.get(code, code)
