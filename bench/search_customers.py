"""How long the search for customers takes: `python -m bench.search_customers [--customers 200000] [--store URL]`.

The customers are made: few words that many names share, and one of their own, as companies are called.
Without --store they are in a SQLite file, which goes with the run; a database that is named must be empty, and keeps
them.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from pbx_bridge.store import Store, open_store
from pbx_bridge.store.address import Address, StorePlace
from pbx_bridge.store.crm_import import import_folder
from pbx_bridge.store.customers_found import FoundCustomers

_KINDS = ("شرکت", "بیمارستان", "کارخانه", "دفتر", "گروه", "فروشگاه", "مهندسی", "Trading", "Group", "تعاونی")
_WORDS = ("آریا", "پارس", "مهر", "ایران", "توسعه", "صنعت", "نوین", "آسیا", "Pars", "Omid", "کیمیا", "رایان", "سپهر")
_TRADES = ("صنعت", "گستر", "پرداز", "سازان", "خودرو", "غذا", "دارو", "پلاست", "Co", "Ltd")
_PARTS = [first + second for first in "بپتدرزسشفکگلمنو" for second in "ایوه"]
ASKED = (
    *("ش", "شرکت", "شرکت آریا", "شرکت بیمارستان", "گستر مهر", "بیمارستان پارس دارو", "زازا", "trading pars co"),
    *("C-1", "C-199", "0912", "09120001234", "+98912", "4567", "q"),
)
_TIMES = 15


async def main(customers: int, store: str) -> None:
    """Make them, then search."""
    with tempfile.TemporaryDirectory(prefix="pbxb-bench-") as name:
        folder = Path(name)
        _write(folder, customers)
        place: StorePlace = Address.parse(store) if store else folder / "store.db"
        async with open_store(place, folding=False) as opened:
            began = time.perf_counter()
            await import_folder(opened.writer, folder)
            print(f"import of {customers}: {time.perf_counter() - began:.1f} s")
            worst = max([await _search(opened, text) for text in ASKED])
            print(f"slowest median: {worst:.1f} ms")


async def _search(store: Store, text: str) -> float:
    """The median of some searches, in milliseconds."""
    took = []
    found = FoundCustomers()
    for _ in range(_TIMES):
        began = time.perf_counter()
        found = await store.finder.find(text)
        took.append(1000 * (time.perf_counter() - began))
    median = statistics.median(took)
    print(f"{median:7.1f} ms, at most {max(took):7.1f}: {len(found.hits):2}{'+' if found.more else ' '} {text}")
    return median


def _write(folder: Path, customers: int) -> None:
    rng = random.Random(1)
    names = list(_names(rng, customers))
    _rows(folder / "customers.csv", "code,name,language,tier", [f"C-{n},{name},fa," for n, name in enumerate(names)])
    people = [f"C-{n},{rng.choice(_WORDS)} {name.split()[1]},0912{n:07}" for n, name in enumerate(names)]
    _rows(folder / "contacts.csv", "customer_code,name,phone", people)


def _names(rng: random.Random, customers: int) -> Iterator[str]:
    for _ in range(customers):
        own = "".join(rng.choices(_PARTS, k=3))
        yield f"{rng.choice(_KINDS)} {own} {rng.choice(_WORDS)} {rng.choice(_TRADES)}"


def _rows(path: Path, header: str, rows: Sequence[str]) -> None:
    path.write_text("\n".join((header, *rows, "")), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=200_000)
    parser.add_argument("--store", default="", help="a PostgreSQL database's URL")
    told = parser.parse_args()
    asyncio.run(main(told.customers, told.store))
