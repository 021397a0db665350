"""Why a call was hung up, in words: ITU-T Q.850 causes, as Asterisk gives them (causes.h of Asterisk 22).

Three are Asterisk's own: 0 (none was told), 26 (answered elsewhere) and 127 (given up before an answer).
"""

from __future__ import annotations

CAUSES = {
    0: "not told",
    1: "no such number",
    3: "no route to the number",
    16: "normal hang-up",
    17: "busy",
    18: "the phone did not respond",
    19: "no answer",
    20: "phone not registered",
    21: "rejected",
    22: "the number has changed",
    26: "answered elsewhere",
    27: "destination out of order",
    28: "incomplete number",
    29: "the network refused it",
    31: "normal end",
    34: "no free line",
    38: "network out of order",
    41: "temporary failure",
    42: "network congested",
    44: "line not available",
    50: "not subscribed",
    57: "not allowed",
    58: "not available at present",
    66: "not supported",
    88: "no common codec",
    102: "the other side stopped answering",
    111: "protocol error",
    127: "cancelled",
}


def cause_words(cause: int | None) -> str:
    """`busy` for 17; `cause 99` for one that has no words here; empty for None."""
    return "" if cause is None else CAUSES.get(cause, f"cause {cause}")
