"""What a shop may be, and what it says by itself: the rules alone."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_type_hints

import pytest

from crm_chatbot.domain.language import Language
from crm_chatbot.domain.money import Currency, UnknownCurrency
from crm_chatbot.domain.tenants.business_hours import (
    ALWAYS_OPEN,
    BusinessHours,
    BusinessHoursRejected,
    Day,
    Opening,
)
from crm_chatbot.domain.tenants.phrases import Phrase, default_prompt, said
from crm_chatbot.domain.tenants.tenant import (
    Pace,
    ReplyLimits,
    Tenant,
    TenantRejected,
    TenantStatus,
    Wishes,
)
from tests.crm_chatbot.builders import HOURS, LATER, NOON, TENANT, a_full_tenant, a_tenant

MONDAY = datetime(2026, 5, 4, tzinfo=UTC)


def test_a_new_shop_speaks_for_itself_in_its_language() -> None:
    indonesian = a_tenant()
    english = Tenant.open(TENANT, NOON, name="Ani's", language=Language.ENGLISH)

    assert "Kopi Ani" in indonesian.prompt
    assert indonesian.prompt.startswith("Anda adalah asisten")
    assert english.prompt.startswith("You are the assistant of the shop Ani's")


def test_a_name_with_holes_in_it_stays_a_name() -> None:
    assert "{name} {0}" in default_prompt("{name} {0}", Language.ENGLISH)


def test_whatever_may_be_wished_is_a_field_of_a_shop() -> None:
    assert get_type_hints(Wishes).items() <= get_type_hints(Tenant).items()


def test_a_change_that_is_refused_changes_nothing() -> None:
    tenant = a_tenant()
    before = dict(vars(tenant))

    with pytest.raises(TenantRejected) as refusal:
        tenant.change(LATER, name="Warung Budi", time_zone="Asia/Atlantis")

    assert refusal.value.pointer == "/time_zone"
    assert vars(tenant) == before


def test_a_change_is_dated() -> None:
    tenant = a_tenant()

    tenant.change(LATER, prompt="Sell tea.")

    assert (tenant.prompt, tenant.updated_at, tenant.created_at) == ("Sell tea.", LATER, NOON)


def test_becoming_what_one_is_is_no_change() -> None:
    tenant = a_tenant()

    tenant.become(TenantStatus.ACTIVE, LATER)
    assert (tenant.is_active, tenant.updated_at) == (True, NOON)

    tenant.become(TenantStatus.SUSPENDED, LATER)
    assert (tenant.is_active, tenant.updated_at) == (False, LATER)


@pytest.mark.parametrize(
    ("wishes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": " \t"}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\u202eb"}, "name"),
        ({"prompt": "\n"}, "prompt"),
        ({"prompt": "x" * 20_001}, "prompt"),
        ({"time_zone": "Europe"}, "time_zone"),
        ({"handback_after_s": -1}, "handback_after_s"),
        ({"handback_after_s": 604_801}, "handback_after_s"),
        ({"pay_within_s": 599}, "pay_within_s"),
        ({"pay_within_s": 604_801}, "pay_within_s"),
    ],
)
def test_what_no_shop_can_be_is_refused(wishes: dict[str, Any], field: str) -> None:
    with pytest.raises(TenantRejected) as refusal:
        a_tenant().change(LATER, **wishes)

    assert refusal.value.pointer == f"/{field}"


@pytest.mark.parametrize(
    ("quiet_s", "longest_s"), [(-0.1, 1), (30.1, 40), (5, 4.9), (5, 60.1), (float("nan"), 5)]
)
def test_a_pace_that_cannot_be_kept_is_refused(quiet_s: float, longest_s: float) -> None:
    with pytest.raises(TenantRejected):
        Pace(quiet_s, longest_s)


def test_a_pace_may_be_none_at_all_or_as_slow_as_a_minute() -> None:
    assert (Pace(0, 0), Pace(30, 60), Pace(30, 30)) != (Pace(), Pace(), Pace())


@pytest.mark.parametrize(("hour", "day"), [(0, 5), (5, 0), (10_001, 5), (5, 10_001)])
def test_limits_have_limits(hour: int, day: int) -> None:
    with pytest.raises(TenantRejected):
        ReplyLimits(hour, day)


def test_a_shop_knows_what_time_it_is_there() -> None:
    local = a_full_tenant().local(NOON)

    assert (local.hour, local.utcoffset()) == (20, timedelta(hours=8))


# -- business hours


@pytest.mark.parametrize(
    ("day", "hour", "is_open"),
    [
        (0, 8.99, False),
        (0, 9, True),
        (0, 11.99, True),
        (0, 12, False),
        (0, 13, True),
        (0, 17, False),
        (1, 10, False),
        (5, 0, True),
        (5, 23.99, True),
        (6, 0, False),
    ],
)
def test_a_shop_is_open_when_it_says_so(day: int, hour: float, is_open: bool) -> None:
    local = MONDAY + timedelta(days=day, hours=hour)

    assert HOURS.is_open(local) is is_open
    assert ALWAYS_OPEN.is_open(local)


def test_hours_are_told_in_each_language() -> None:
    workdays = dict.fromkeys(tuple(Day)[:5], (Opening(9 * 60, 17 * 60 + 30),))
    shop = BusinessHours({**workdays, Day.SAT: (Opening(9 * 60, 12 * 60),)})

    assert shop.told(Language.INDONESIAN) == (
        "Senin-Jumat 09.00-17.30; Sabtu 09.00-12.00; Minggu tutup"
    )
    assert HOURS.told(Language.ENGLISH) == (
        "Monday 09:00-12:00, 13:00-17:00; Tuesday-Friday closed; Saturday 00:00-24:00; "
        "Sunday closed"
    )
    assert ALWAYS_OPEN.told(Language.INDONESIAN) == "Buka setiap saat"


@pytest.mark.parametrize(("starts", "ends"), [(-1, 5), (5, 5), (6, 5), (0, 1_441)])
def test_no_day_has_such_hours(starts: int, ends: int) -> None:
    with pytest.raises(BusinessHoursRejected):
        Opening(starts, ends)


@pytest.mark.parametrize("second", [(8, 9), (9, 11), (11, 13)])
def test_a_days_openings_follow_each_other(second: tuple[int, int]) -> None:
    with pytest.raises(BusinessHoursRejected):
        BusinessHours({Day.MON: (Opening(10, 12), Opening(*second))})


def test_openings_may_touch() -> None:
    assert BusinessHours({Day.MON: (Opening(10, 12), Opening(12, 13))}).week


# -- money and words


@pytest.mark.parametrize(
    ("code", "scale"), [("IDR", 0), ("JPY", 0), ("USD", 2), ("MYR", 2), ("KWD", 3)]
)
def test_amounts_are_whole_numbers_of_the_smallest_unit(code: str, scale: int) -> None:
    assert Currency(code).scale == scale


@pytest.mark.parametrize("code", ["", "idr", "XXX", "IDRR", "Rp", "XAU"])
def test_what_is_no_currency_is_refused(code: str) -> None:
    with pytest.raises(UnknownCurrency):
        Currency(code)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("phrase", Phrase)
def test_every_phrase_is_said_in_every_language(phrase: Phrase, language: Language) -> None:
    words = said(phrase, language)

    assert words.strip()
    assert "{" not in words
    assert words != said(phrase, next(other for other in Language if other is not language))
