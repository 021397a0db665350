"""The customers the real calls are about. Their contracts are counted from today, so that the tests do not age."""

from __future__ import annotations

from datetime import date, timedelta

from harness.system import SystemUnderTest
from pbx_bridge.values.tracking import with_check_digit

PERSIAN, ENGLISH, ENDED, ENDING, UNKNOWN = "09121234567", "09351112233", "09131234567", "09141234567", "02188776655"
TICKET = str(with_check_digit("47129"))
MISTYPED = TICKET[:-1] + str((int(TICKET[-1]) + 1) % 10)
NOBODYS = str(with_check_digit("90000"))
CODES = {PERSIAN: "1001", ENGLISH: "1002", ENDED: "1003", ENDING: "1004"}


async def import_customers(system: SystemUnderTest, today: date) -> None:
    """Four customers and a ticket, by `crm import`."""
    await system.import_crm(
        customers="""code,name,language,tier
            1001,شرکت آزمون,fa,gold
            1002,Sample Ltd,en,silver
            1003,Ended Ltd,en,silver
            1004,Ending Ltd,en,silver""",
        contacts=f"""customer_code,name,phone
            1001,علی,{PERSIAN}
            1002,Ann,{ENGLISH}
            1003,Bob,{ENDED}
            1004,Eve,{ENDING}""",
        contracts=f"""customer_code,number,starts_on,ends_on,level
            1001,A-1,1403/01/01,{today + timedelta(days=400)},gold
            1002,A-2,1403/01/01,{today + timedelta(days=400)},silver
            1003,A-3,1403/01/01,1404/12/29,silver
            1004,A-4,1403/01/01,{today + timedelta(days=12)},silver""",
        tickets=f"""tracking_number,customer_code,subject,status,created_at,updated_at,promised_on
            {TICKET},1001,printer,in_progress,1405/08/01,1405/08/20,1405/09/10""",
    )
