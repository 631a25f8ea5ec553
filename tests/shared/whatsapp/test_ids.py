"""WhatsApp's identifiers: chats, phone numbers, messages."""

import json

import pytest

from shared.whatsapp.ids import (
    ChatKind,
    MessageKey,
    NotAPhoneNumber,
    canonical,
    chat_of_phone,
    key_of,
    kind_of,
    masked,
    normalised_phone,
    phone_of,
    stanza_in,
    stanza_of,
)
from tests.shared.whatsapp.fixtures import fixture

BUDI = "6281234567890"


@pytest.mark.parametrize(
    ("written", "phone"),
    [
        ("081234567890", BUDI),
        ("0812-3456-7890", BUDI),
        ("0812 3456 7890", BUDI),
        ("(0812) 34567890", BUDI),
        ("81234567890", BUDI),
        (BUDI, BUDI),
        ("+62 812-3456-7890", BUDI),
        ("+62 (0)812 3456 7890", BUDI),
        ("+62081234567890", BUDI),
        ("62081234567890", BUDI),
        ("006281234567890", BUDI),
        ("  081234567890\n", BUDI),
        ("6281234567890:5@s.whatsapp.net", BUDI),
        ("6281234567890@c.us", BUDI),
        ("+65 8123 4567", "6581234567"),
        ("021 555 1234", "62215551234"),
        ("819012345678@c.us", "819012345678"),  # Japan: its chat id needs no country code
    ],
)
def test_a_number_is_one_number_however_it_is_written(written: str, phone: str) -> None:
    assert normalised_phone(written) == phone


@pytest.mark.parametrize(
    "written",
    [
        "",
        "halo",
        "08123",
        "628123456789012",
        "0841234567890",
        "+1234567",
        "+1234567890123456",
        "111222333444555@lid",
        "120363000000000001@g.us",
        "123@newsletter",
        "status@broadcast",
        "budi@c.us",
    ],
)
def test_what_is_no_number_is_refused(written: str) -> None:
    with pytest.raises(NotAPhoneNumber):
        normalised_phone(written)


@pytest.mark.parametrize(
    ("chat_id", "kind"),
    [
        ("6281200000002@c.us", ChatKind.PHONE),
        ("6281200000002:5@s.whatsapp.net", ChatKind.PHONE),
        ("111222333444555@lid", ChatKind.LID),
        ("120363000000000001@g.us", ChatKind.GROUP),
        ("120363000000000001@newsletter", ChatKind.NEWSLETTER),
        ("status@broadcast", ChatKind.STATUS),
        ("1234567@broadcast", ChatKind.BROADCAST),
        ("@c.us", ChatKind.UNKNOWN),
        ("me@evil.example", ChatKind.UNKNOWN),
        ("", ChatKind.UNKNOWN),
    ],
)
def test_an_id_says_what_kind_of_chat_it_names(chat_id: str, kind: ChatKind) -> None:
    assert kind_of(chat_id) is kind


def test_only_chats_with_one_person_are_direct() -> None:
    assert [kind for kind in ChatKind if kind.is_direct] == [ChatKind.PHONE, ChatKind.LID]


@pytest.mark.parametrize(
    ("chat_id", "spelt"),
    [
        ("6281200000002:5@s.whatsapp.net", "6281200000002@c.us"),
        ("111222333444555:2@lid", "111222333444555@lid"),
        ("6281200000002@c.us", "6281200000002@c.us"),
        ("120363000000000001@g.us", "120363000000000001@g.us"),
        ("nonsense", "nonsense"),
    ],
)
def test_a_chat_has_one_spelling(chat_id: str, spelt: str) -> None:
    assert canonical(chat_id) == spelt


def test_a_phone_and_its_chat_lead_to_each_other() -> None:
    assert phone_of(chat_of_phone(BUDI)) == BUDI
    assert phone_of("111222333444555@lid") is None


@pytest.mark.parametrize(
    ("chat_id", "shown"),
    [
        ("6281234561234@c.us", "+62•••1234"),
        ("111222333444555@lid", "•••4555@lid"),
        ("1234@lid", "•••@lid"),
    ],
)
def test_a_log_shows_no_number(chat_id: str, shown: str) -> None:
    assert masked(chat_id) == shown


def test_a_message_id_is_taken_apart() -> None:
    direct = key_of("false_6281200000002@c.us_3EB0A")
    group = key_of("true_120363@g.us_3EB0B_111222333444555@lid")

    assert direct == MessageKey(False, "6281200000002@c.us", "3EB0A")
    assert group == MessageKey(True, "120363@g.us", "3EB0B", "111222333444555@lid")


@pytest.mark.parametrize("plain", ["3EB0A", "", "true", "true_3EB0A", "true_x_y", "a_b@c_d"])
def test_what_is_no_message_id_is_a_stanza_id(plain: str) -> None:
    assert key_of(plain) is None
    assert stanza_of(plain) == plain


def test_a_self_chats_direction_is_no_participant() -> None:
    assert key_of("true_62811@c.us_3EB0A_out") == MessageKey(True, "62811@c.us", "3EB0A")


@pytest.mark.parametrize(
    ("engine", "stanza_id"),
    [
        ("gows", "3EB0FIXTURE0000000030"),
        ("noweb", "3EB0FIXTURE0000000031"),
        ("webjs", "3EB0FIXTURE0000000032"),
    ],
)
def test_every_engines_answer_tells_the_stanza_id(engine: str, stanza_id: str) -> None:
    answer = json.loads(fixture(f"waha_api_send_text_response_{engine}.json"))

    assert stanza_in(answer) == stanza_id


@pytest.mark.parametrize("answer", [None, "", [], {}, {"id": {}}, {"id": 5}, {"key": {"id": None}}])
def test_an_answer_may_tell_none(answer: object) -> None:
    assert stanza_in(answer) is None
