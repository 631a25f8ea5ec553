"""What Prometheus would be told, before and after."""

from prometheus_client import REGISTRY


class Counted:
    """How much a counter grew since this was made."""

    def __init__(self, name: str, **labels: str) -> None:
        self._name = f"aip_{name}_total"
        self._labels = labels
        self._before = self._now()

    @property
    def more(self) -> float:
        return self._now() - self._before

    def _now(self) -> float:
        return REGISTRY.get_sample_value(self._name, self._labels) or 0.0
