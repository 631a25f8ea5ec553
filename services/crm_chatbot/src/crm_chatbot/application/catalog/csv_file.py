"""A catalog as CSV: what spreadsheets make of it is read again, and none of it is a formula."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from crm_chatbot.domain.catalog.imports import MOST_ROWS, CsvRejected, RowMistake
from crm_chatbot.domain.catalog.product import Product, Variant

COLUMNS = (
    "product",
    "sku",
    "name",
    "variant",
    "price",
    "stock",
    "category",
    "description",
    "image_urls",
    "status",
    "is_active",
    "allow_free",
)
#: What else a column may be called.
_ALIASES = {
    "produk": "product",
    "nama": "name",
    "varian": "variant",
    "harga": "price",
    "stok": "stock",
    "kategori": "category",
    "deskripsi": "description",
    "gambar": "image_urls",
    "aktif": "is_active",
}

# Spreadsheets run what begins so. A quote before it makes it text, in theirs and in ours.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_QUOTED = re.compile(r"'+[=+\-@\t\r]")

#: A cell may be as long as the file.
csv.field_size_limit(2**24)


@dataclass(frozen=True)
class Row:
    """A row's cells, by their columns; `line` is the file's line that it begins on."""

    line: int
    cells: Mapping[str, str]


def written(products: Iterable[Product], *, with_stock: bool = False) -> str:
    """One row for each variant; read again, they are the same products.

    Without their stock, unless that is wanted: read again, it would take back what was sold since.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    columns = [name for name in COLUMNS if with_stock or name != "stock"]
    writer.writerow(columns)
    for product in products:
        for variant in product.variants:
            cells = _cells(product, variant)
            writer.writerow([_harmless(cells[name]) for name in columns])
    return out.getvalue()


def read(raw: bytes) -> tuple[list[Row], list[RowMistake]]:
    """The rows, and what is wrong with those that are none. Raises CsvRejected."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as broken:
        raise CsvRejected(reason=f"It is not UTF-8, from byte {broken.start} on.") from None
    records = _records(text)
    _, header = next(records, (1, list[str]()))
    columns = _columns(header)
    rows: list[Row] = []
    mistakes: list[RowMistake] = []
    for line, cells in records:
        if len(rows) + len(mistakes) == MOST_ROWS:
            raise CsvRejected(reason=f"It has more than {MOST_ROWS} rows: send it in parts.")
        here, beyond = cells[: len(columns)], cells[len(columns) :]
        if any(beyond) or len(here) < len(columns):
            told = f"There are {len(cells)} cells, and {len(columns)} columns."
            mistakes.append(RowMistake(line, None, "wrong_number_of_cells", told))
        else:
            named = zip(columns, here, strict=True)
            rows.append(Row(line, {name: _meant(name, cell) for name, cell in named}))
    return rows, mistakes


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """What is not blank, and the line that it begins on. Raises CsvRejected."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    line = 1
    try:
        for cells in reader:
            if any(map(str.strip, cells)):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as broken:
        raise CsvRejected(reason=f"Line {reader.line_num}: {broken}.") from None


def _delimiter(text: str) -> str:
    """What separates the header's names: spreadsheets of many countries write semicolons."""
    header = text.partition("\n")[0]
    return max(",;\t", key=header.count)


def _columns(header: Sequence[str]) -> list[str]:
    """Raises CsvRejected."""
    named = [cell.strip().lower() for cell in header]
    columns = [_ALIASES.get(name, name) for name in named]
    if unknown := [name for name in columns if name not in COLUMNS]:
        known = ", ".join(COLUMNS)
        raise CsvRejected(reason=f"There is no column {unknown[0]!r}; there are {known}.")
    if "sku" not in columns:
        raise CsvRejected(reason="The first row names the columns, and sku must be one of them.")
    if len({*columns}) < len(columns):
        raise CsvRejected(reason="A column is there twice.")
    return columns


def _cells(product: Product, variant: Variant) -> dict[str, str]:
    return {
        "product": product.variants[0].sku,
        "sku": variant.sku,
        "name": product.name,
        "variant": variant.name,
        "price": str(variant.price),
        "stock": str(variant.on_hand),
        "category": product.category or "",
        "description": product.description,
        "image_urls": " ".join(product.image_urls),
        "status": product.status,
        "is_active": "yes" if variant.is_active else "no",
        "allow_free": "" if variant.price else "yes",
    }


def _harmless(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _meant(column: str, cell: str) -> str:
    # Only a description may begin with a blank, and has lines of its own.
    told = cell.replace("\r\n", "\n") if column == "description" else cell.strip()
    return told[1:] if _QUOTED.match(told) else told
