"""Settings for a piece of the product that runs inside a test, as if in a process of its own."""

import gc
from collections.abc import Generator, Mapping
from contextlib import contextmanager

import pytest
from pydantic_settings import BaseSettings

from shared import settings


def every_setting() -> set[str]:
    """The names of all variables that the product reads."""
    kinds = [kind for kind in vars(settings).values() if isinstance(kind, type)]
    concerns = [kind for kind in kinds if issubclass(kind, BaseSettings)]
    return {field.upper() for concern in concerns for field in concern.model_fields}


@contextmanager
def configured(monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str]) -> Generator[None]:
    """These variables and none of the machine's own; what was read before is forgotten."""
    with monkeypatch.context() as patch:
        for name in (*every_setting(), "OTEL_EXPORTER_OTLP_ENDPOINT"):
            patch.delenv(name, raising=False)
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.setattr(settings, "_loaded", {})
        thresholds = gc.get_threshold()
        yield
    # A server makes the garbage collector lazy; other tests count on a diligent one.
    gc.set_threshold(*thresholds)
