"""The doctor: what is wrong with a live PBX, why it matters, how to mend it. It reads and changes nothing.

`look.py` gathers (all I/O is there and in its helpers), `gathered.py` is the value it makes, `checks/` judge that
value alone, `report.py` tells. A check that lacks what it needs says why it did not look; it never guesses.
"""
