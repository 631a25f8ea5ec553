"""A shop's catalog: how fast words find products among ten thousand, and files come in."""

import http.client
import random
import time
import urllib.request
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from statistics import quantiles
from urllib.parse import quote, urlsplit

from bench.asking import asked
from bench.figures import Row, at_most
from bench.measuring import Bench, in_turn
from bench.processes import Process, free_port, python, running

PRODUCTS = 10_000
#: as many as an import takes
ROWS = 5_000

_GOODS = "kopi teh gula susu roti kue keripik sambal madu beras kaos kemeja celana jaket tas sepatu"
_KINDS = "gayo toraja hijau hitam putih manis pedas polos batik katun besar kecil premium asli baru"
_SYLLABLES = "ba di ku la ma na pa ra sa ta wi yo zu gi ne to"
_SAID = ("{}", "ada {} kak?", "brp harga {}", "jual {} ga ya", "do you have {}", "mau {} dong")


def catalog(bench: Bench) -> list[Row]:
    """One shop, filled by two imports; then a query after the other, over HTTP."""
    with shop(bench) as products:
        letters = random.Random(7)  # noqa: S311 - the same goods each time
        names = [*_names(letters)]
        imports = [_bring(products, names[at : at + ROWS], at) for at in range(0, PRODUCTS, ROWS)]
        bench.say(f"imports, s: {', '.join(f'{s:.1f}' for s in imports)}")
        _searches(products, names, letters, 50)
        asks = max(100, bench.scale.one_by_one * 5)
        found = in_turn(
            bench,
            "search p95, ms",
            {"platform": lambda: quantiles(_searches(products, names, letters, asks), n=20)[18]},
        )
    return [
        Row(f"search, {PRODUCTS:,} products: p95", "ms", found["platform"], goal=at_most(30, "ms")),
        Row(f"import of {ROWS:,} rows", "s", imports),
    ]


def _names(letters: random.Random) -> Iterator[str]:
    """Some 2,000 different words, as many as a large shop has: goods, kinds and brands."""
    brands = ["".join(letters.choices(_SYLLABLES.split(), k=3)) for _ in range(2_000)]
    for number in range(PRODUCTS):
        words = letters.choice(_GOODS.split()), letters.choice(_KINDS.split())
        # Rows of one name would be one product.
        yield f"{' '.join(words)} {letters.choice(brands)} {number}".title()


def _bring(products: str, names: Sequence[str], first: int) -> float:
    rows = (
        f"B-{first + number},{name},{1_000 + number},{number % 50},{name.split()[0]},Barang {name}"
        for number, name in enumerate(names)
    )
    body = "\n".join(("sku,name,price,stock,category,description", *rows)).encode()
    headers = {"Content-Type": "text/csv"}
    request = urllib.request.Request(  # noqa: S310 - our own address
        f"{products}/import", body, headers, method="POST"
    )
    began = time.perf_counter()
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - our own address
        answer.read()
    return time.perf_counter() - began


def _searches(
    products: str, names: Sequence[str], letters: random.Random, count: int
) -> list[float]:
    """How long each took, in milliseconds: every other one is misspelt."""
    place = urlsplit(products)
    connection = http.client.HTTPConnection(place.netloc, timeout=30)
    took: list[float] = []
    for number in range(count):
        words = letters.choice(names).lower()
        wanted = _misspelt(words, letters) if number % 2 else words
        query = quote(letters.choice(_SAID).format(wanted))
        began = time.perf_counter()
        connection.request("GET", f"{place.path}?limit=8&q={query}")
        connection.getresponse().read()
        took.append((time.perf_counter() - began) * 1_000)
    connection.close()
    return took


def _misspelt(words: str, letters: random.Random) -> str:
    """A letter is left out, and the words come in another order."""
    at = letters.randrange(len(words))
    parts = (words[:at] + words[at + 1 :]).split()
    letters.shuffle(parts)
    return " ".join(parts)


@contextmanager
def shop(bench: Bench) -> Generator[str]:
    """Where its products are; the process ends with the block."""
    with bench.servers.place("catalog") as place:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        words = python("uvicorn", "crm_chatbot.main:app", "--port", str(port), "--no-access-log")
        environment = {
            "DATABASE_URL": place.database_url,
            "RABBITMQ_URL": place.rabbitmq_url,
            "REDIS_URL": place.redis_url,
            "RABBITMQ_CRM_QUEUE": place.queue("crm"),
            "RABBITMQ_WA_QUEUE": place.queue("wa"),
            "RABBITMQ_WA_RESULT_QUEUE": place.queue("wa_results"),
            "RUN": "api",
            "DATA_DIR": str(bench.directory / "data"),
            "LOG_LEVEL": "WARNING",
        }
        log = bench.directory / f"{place.name}.crm_chatbot.log"
        with running(Process("crm_chatbot", words, environment, log, f"{url}/health/ready")):
            tenant = asked(f"{url}/v1/crm/tenants", {"name": "Bench"})
            yield f"{url}/v1/crm/tenants/{tenant['id']}/products"
