"""An import that names customers who were merged: what is theirs goes to the customer they became.

The CRM that exports may still know both. So that no import brings the merged one back as a second: the customer's own
row is passed over, contacts, contracts and tickets are the other's. A contract whose number the other has, too, has
the number that the merge gives it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from pbx_bridge.store.crm_rows import Batch, Checked
from pbx_bridge.store.customer_merges import renumbered
from pbx_bridge.store.database import Db
from pbx_bridge.store.heirs import heirs
from pbx_bridge.store.sql import SQL


def at_heirs(db: Db, batch: Batch) -> Batch:
    """The same import with every merged customer as the one they became."""
    became = heirs(db)
    if not became:
        return batch
    return replace(
        batch,
        customers=[checked for checked in batch.customers if checked.values["code"] not in became],
        contacts=list(_contacts(batch.contacts, became)),
        contracts=list(_contracts(db, batch.contracts, became)),
        tickets=[_at(checked, became) for checked in batch.tickets],
    )


def _contacts(rows: Sequence[Checked], became: Mapping[str, str]) -> Iterator[Checked]:
    taken = {_contact(checked) for checked in rows}
    for checked in rows:
        moved = _at(checked, became)
        if moved is checked or _contact(moved) not in taken:  # a number that both have is called as the heir calls it
            taken.add(_contact(moved))
            yield moved


def _contact(checked: Checked) -> tuple[str, str]:
    return checked.values["customer_code"], checked.values["phone_e164"]


def _contracts(db: Db, rows: Sequence[Checked], became: Mapping[str, str]) -> Iterator[Checked]:
    told = {(checked.values["customer_code"], checked.values["number"]) for checked in rows}
    for checked in rows:
        moved = _at(checked, became)
        if moved is checked:
            yield checked
            continue
        code, number = moved.values["customer_code"], moved.values["number"]
        other = renumbered(number, checked.values["customer_code"])
        at_merge = db.execute(SQL["contract_of_number"], {"code": code, "number": other}).fetchone() is not None
        yield _with(moved, number=other) if at_merge or (code, number) in told else moved


def _at(checked: Checked, became: Mapping[str, str]) -> Checked:
    code = checked.values["customer_code"]
    return _with(checked, customer_code=became[code]) if code in became else checked


def _with(checked: Checked, **values: str) -> Checked:
    return replace(checked, values=checked.values | values)
