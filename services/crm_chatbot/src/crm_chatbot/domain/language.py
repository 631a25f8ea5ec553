"""The languages that a shop can speak by itself, without a model."""

from enum import StrEnum


class Language(StrEnum):
    INDONESIAN = "id"
    ENGLISH = "en"
