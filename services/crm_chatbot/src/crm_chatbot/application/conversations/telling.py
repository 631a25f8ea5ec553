"""The timeline in words: a sentence for everything that a conversation's timeline may note."""

from collections.abc import Callable, Mapping
from typing import Any

from crm_chatbot.application.conversations.reasons import in_words
from crm_chatbot.domain.conversations.conversation import Happened
from crm_chatbot.domain.orders.concern import SENTENCES as MONEY

Facts = Mapping[str, Any]

_WRITERS = {
    "customer": "The customer wrote",
    "phone": "The owner wrote on the phone",
}


def say(happened: Happened) -> str:
    """One sentence; what is noted by newer code than this is told by its name."""
    sentence = SENTENCES.get(happened.what)
    if sentence is None:
        return f"{happened.what.replace('.', ' ').replace('_', ' ').capitalize()}."
    return sentence(happened.facts)


_MEDIA = {"voice": "voice message", "image": "picture"}


def _read(facts: Facts) -> str:
    what = "listened to" if facts.get("kind") == "voice" else "looked at"
    return f"The bot {what} the {_MEDIA.get(str(facts.get('kind')), 'file')}."


def _unread(facts: Facts) -> str:
    what = _MEDIA.get(str(facts.get("kind")), "file")
    return _because(f"The bot could not take in the {what}")(facts)


def _always(sentence: str) -> Callable[[Facts], str]:
    return lambda _: sentence


def _because(sentence: str) -> Callable[[Facts], str]:
    """With the code that was noted, in words where there are any."""

    def told(facts: Facts) -> str:
        code = facts.get("code") or facts.get("reason")
        return f"{sentence}: {in_words(str(code))}." if code else f"{sentence}."

    return told


def _received(facts: Facts) -> str:
    who = _WRITERS.get(facts.get("author", "customer"), "Somebody wrote")
    kind, why = _kind(facts), facts.get("code")
    left = f"; it is left to a person: {in_words(str(why))}." if why else "."
    return f"{who} ({kind}){left}"


def _kind(facts: Facts) -> str:
    return {"text": "words"}.get(str(facts.get("kind")), str(facts.get("kind", "a message")))


def _started(facts: Facts) -> str:
    return f"The bot began to decide on {_count(facts, 'messages', 'message')}."


def _restarted(facts: Facts) -> str:
    return (
        "Newer words came before anything was done: the bot began anew, with "
        f"{_count(facts, 'messages', 'message')}."
    )


def _model_called(facts: Facts) -> str:
    model, error = facts.get("model", "a model"), facts.get("error")
    if error:
        return f"The model {model} was asked, and failed: {error}."
    return f"The model {model} was asked, and answered after {facts.get('milliseconds', '?')} ms."


def _tool_called(facts: Facts) -> str:
    error = facts.get("error")
    return f"The tool {facts.get('tool')} was used" + (f", and refused: {error}." if error else ".")


def _committed(facts: Facts) -> str:
    how = _OUTCOMES.get(str(facts.get("outcome")), str(facts.get("outcome", "decided")))
    found = ", ".join(map(str, facts.get("findings") or ()))
    return f"It was decided: {how}" + (f" (noticed: {found})." if found else ".")


def _failed(facts: Facts) -> str:
    return f"The bot failed ({facts.get('code')}), {_count(facts, 'failures', 'time')} so far."


def _not_sent(facts: Facts) -> str:
    state, code = str(facts.get("state", "")), facts.get("code")
    why = f": {in_words(str(code))}." if code else "."
    return _FATES.get(state, "The message was not sent") + why


def _moved(facts: Facts) -> str:
    return f"The conversation went from {facts.get('before')} to {facts.get('after')}."


def _described(facts: Facts) -> str:
    fields = ", ".join(map(str, facts.get("fields") or ()))
    return f"The bot wrote down what the customer said of themselves ({fields})."


def _labelled(how: str) -> Callable[[Facts], str]:
    return lambda facts: f"The label {facts.get('label', '?')} was {how} by {_who(facts)}."


def _who(facts: Facts) -> str:
    kind, _, _ = str(facts.get("by", "")).partition(":")
    return {"bot": "the bot", "rule": "a rule of the shop"}.get(kind, "a person")


def _merged(facts: Facts) -> str:
    return (
        "Two chats turned out to be one customer's: "
        f"{_count(facts, 'messages', 'message')} came from the other."
    )


def _reaction(facts: Facts) -> str:
    if facts.get("is_removed"):
        return "The customer took a reaction away."
    return "The customer reacted to a message."


def _count(facts: Facts, name: str, noun: str) -> str:
    count = facts.get(name, 1)
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


_OUTCOMES = {
    "answered": "the bot answers",
    "fallback": "the model came to no end, and a fixed text is said",
    "refused": "moderation let nothing through, and a fixed text is said",
    "handed_over": "a person is called",
    "limited": "a limit was reached, and a fixed text is said",
    "swamped": "too many messages waited, a fixed text is said, and a person is called",
    "unheard": "it cannot be taken in, and the bot says so",
    "silent": "nothing is said, because it was said a while ago",
    "given_up": "it failed again and again, and a person is called",
}

_DONE = {
    "label": "a label was put on",
    "assign": "a ticket was given to somebody",
    "open_ticket": "a ticket was opened",
    "quick_reply": "a quick reply was sent",
    "hand_over": "a person answers",
}

_FATES = {
    "failed": "The message could not be sent",
    "unknown": "Nobody can tell whether the message arrived",
    "withdrawn": "The message was taken back before it left",
}


def _of_order(sentence: str) -> Callable[[Facts], str]:
    """With its number in the place of {}."""
    return lambda facts: sentence.replace("{}", str(facts.get("number", "")).strip() or "?")


def _of_ticket(sentence: str) -> Callable[[Facts], str]:
    return lambda facts: sentence.replace("{}", str(facts.get("number", "?")))


def _questioned(facts: Facts) -> str:
    why = MONEY.get(str(facts.get("code")), "something is odd about it.")
    return f"Somebody has to look at the money of order {facts.get('number', '?')}: {why}"


def _payment_moved(facts: Facts) -> str:
    status = str(facts.get("status", "")).replace("_", " ").lower()
    return f"The payment of order {facts.get('number', '?')} is {status or 'what it was'}."


def _payment_reviewed(facts: Facts) -> str:
    verdict = "approved" if facts.get("is_approved") else "rejected"
    return f"The transfer for order {facts.get('number', '?')} was {verdict} by a person."


def _quick_reply(facts: Facts) -> str:
    return f"The quick reply /{facts.get('shortcut', '?')} was used."


def _rule_ran(facts: Facts) -> str:
    done = [_DONE.get(str(one), str(one)) for one in facts.get("done") or ()]
    skipped = [str(one) for one in facts.get("skipped") or ()]
    why = f" Not done: {', '.join(skipped)}." if skipped else ""
    return f"One of the shop's automation rules ran: {', '.join(done) or 'nothing was done'}.{why}"


#: By what was noted. A test looks for every name that the code notes.
SENTENCES: Mapping[str, Callable[[Facts], str]] = {
    "message.received": _received,
    "message.ignored": _because("A message was ignored"),
    "message.edited": _always("The customer changed the words of a message."),
    "message.revoked": _always("The customer took a message back."),
    "message.reaction": _reaction,
    "message.queued": _always("A message was written, and waits to leave."),
    "message.handed": _always("The message was handed to the sender."),
    "message.sent": _always("The message was sent."),
    "message.not_sent": _not_sent,
    "message.delivered": _always("The message was delivered."),
    "message.read": _always("The customer has read the message."),
    "message.not_delivered": _because("WhatsApp did not deliver the message"),
    "turn.started": _started,
    "turn.restarted": _restarted,
    "turn.taken_up": _always("Another try took up where the last one had to leave off."),
    "turn.model_called": _model_called,
    "turn.tool_called": _tool_called,
    "turn.delayed": _always("The answer takes long: the customer was asked for patience."),
    "turn.committed": _committed,
    "turn.suppressed": _because("What was being decided was thrown away"),
    "turn.failed": _failed,
    "limit.reached": _always("This chat, or this shop, has had its share of answers."),
    "media.read": _read,
    "media.unread": _unread,
    "media.unheard": _always("The message was of a kind that the bot cannot take in."),
    "call.accepted": _always("The customer's call was answered on the phone."),
    "call.rejected": _always("The customer's call was not answered."),
    "quick_reply.used": _quick_reply,
    "conversation.taken_over": _because("A person took over, and the bot fell silent"),
    "conversation.handed_back": _because("The conversation was handed back to the bot"),
    "conversation.state_changed": _moved,
    "conversation.merged": _merged,
    "conversation.labelled": _labelled("applied"),
    "conversation.unlabelled": _labelled("taken off"),
    "payment.asked": _of_order("The way to pay order {} is being made."),
    "payment.opened": _of_order("There is a way to pay order {}."),
    "payment.moved": _payment_moved,
    "payment.refused": _of_order("The provider would not make a link for order {}."),
    "payment.heard": _of_order("The provider told of the payment of order {}, and was asked."),
    "payment.refund_asked": _of_order("A refund of order {} was asked for."),
    "payment.refund_failed": _of_order("A refund of order {} has to be sent by hand."),
    "payment.proof_kept": _of_order("The customer sent a receipt for order {}: it awaits review."),
    "payment.reviewed": _payment_reviewed,
    "rule.ran": _rule_ran,
    "order.created": _of_order("Order {} was begun."),
    "order.changed": _of_order("Order {} was changed."),
    "order.summary_shown": _of_order("The summary of order {} was sent, to be agreed to."),
    "order.confirmed": _of_order("Order {} was confirmed: its stock is reserved."),
    "order.reopened": _of_order("Order {} was opened again: its stock is free."),
    "order.cancelled": _of_order("Order {} was cancelled."),
    "order.expired": _of_order("Order {} was not paid in time: its stock is free."),
    "order.paid": _of_order("Order {} is paid."),
    "order.questioned": _questioned,
    "order.refunded": _of_order("The money of order {} went back."),
    "order.fulfilled": _of_order("Order {} was sent, or handed over."),
    "order.annotated": _of_order("A note was written on order {}."),
    "order.readdressed": _of_order("Order {} goes to another address."),
    "ticket.opened": _of_ticket("Ticket #{} was opened."),
    "ticket.resolved": _of_ticket("Ticket #{} is resolved."),
    "ticket.breached": _of_ticket("Ticket #{} was not resolved in time."),
    "ticket.reopened": _of_ticket("Ticket #{} was opened again."),
    "customer.described": _described,
    "customer.opted_out": _always("The customer wants to hear nothing more."),
    "customer.opted_in": _always("The customer wants to hear from the shop again."),
    "customer.erased": _always("The customer was erased, and all that was said with them."),
}
