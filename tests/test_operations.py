"""The page for whoever runs it names all there is to look at, and nothing that is not there."""

import ast
import re
from collections.abc import Iterator

from prometheus_client import Counter, Gauge, Histogram

from shared import metrics
from tests.house.source import ROOT, product

PAGE = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
#: what Prometheus adds to a name
ENDINGS = r"(_total|_bucket|_count|_sum|_created)?$"
#: written like the name of a log line: a file of ours, and a setting of WAHA's
NO_LOG_LINES = {"invariants.py", "hmac.key"}
EXPORTED = {
    f"{vars(metric)['_name']}"
    for metric in vars(metrics).values()
    if type(metric) in {Counter, Gauge, Histogram}
}


def told() -> set[str]:
    """The metrics that the page names."""
    return {re.sub(ENDINGS, "", name) for name in re.findall(r"\baip_[a-z_]+", PAGE)}


def calls() -> Iterator[ast.Call]:
    for source in product():
        yield from (node for node in ast.walk(source.tree) if isinstance(node, ast.Call))


def first_words_of(*functions: str) -> set[str]:
    """The texts that these are called with first."""
    found = set[str]()
    for call in calls():
        name = ast.unparse(call.func)
        if name in functions and call.args and isinstance(call.args[0], ast.Constant):
            found.add(str(call.args[0].value))
    return found


def test_every_metric_has_a_row() -> None:
    assert len(EXPORTED) > 15, "they are found at all"
    assert sorted(EXPORTED - told()) == []


def test_no_row_is_about_a_metric_that_is_not_there() -> None:
    assert sorted(told() - EXPORTED) == []


def test_everything_that_waits_has_an_age_that_somebody_watches() -> None:
    alerts = [
        pattern.replace("\\|", "|")
        for pattern in re.findall(r'aip_oldest_age_seconds\{what=~?"([^"]+)"', PAGE)
    ]
    waits = first_words_of("Waits")

    assert len(waits) > 3, "they are found at all"
    assert sorted(one for one in waits if not any(re.fullmatch(a, one) for a in alerts)) == []


def test_the_page_explains_no_log_line_that_nobody_writes() -> None:
    kinds = ("debug", "info", "warning", "error", "exception")
    written = first_words_of(*(f"log.{kind}" for kind in kinds), "Complaints")
    explained = set(re.findall(r"`([a-z]+\.[a-z_]+)`", PAGE))

    assert len(explained) > 10, "they are found at all"
    assert sorted(explained - written - NO_LOG_LINES) == []
