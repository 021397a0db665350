"""What viewers ask of the lists: every filter by itself, and some together, of people and places that exist."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import timedelta
from urllib.parse import urlencode

from bench.big_store import LAST_DAY
from bench.history import DAYS
from bench.history_calls import AGENTS, FLOW_NODES, QUEUES
from bench.history_day import Town
from bench.made_calls import Person
from pbx_bridge.calls.call import Direction, Outcome
from pbx_bridge.calls.facets import TALKS, WAITS
from pbx_bridge.calls.moments import MomentKind
from pbx_bridge.web.history.ranges import NAMES as RANGES

Query = Mapping[str, str]

_WANTS = ("status", "callback", *(f"queue:{queue}" for queue in QUEUES))
_TOGETHER = (2, 2, 3, 3, 4, 5)  # filters
_DAY_US = 86_400_000_000
_SPANS = (1, 7, 30, 90)  # days


class Asked:
    """Makes up addresses. The same seed asks the same.

    Attributes:
        kinds: of searches of the history.
        lists: these, and the other list that is as long.
    """

    def __init__(self, customers: int, seed: int = 25) -> None:
        self._rng, self._town = random.Random(seed), Town(customers)
        self._last_us = round(timedelta(days=(LAST_DAY.toordinal() - 719_163)) / timedelta(microseconds=1))
        pick = self._rng.choice
        self._filters: Mapping[str, Callable[[], Query]] = {
            "number": lambda: {"number": self._somebody().number},
            "customer": lambda: {"customer": self._somebody().code},
            "name": lambda: {"customer": self._somebody().name},
            "agent": lambda: {"agent": pick(AGENTS)},
            "rang": lambda: {"rang": pick(AGENTS)},
            "queue": lambda: {"queue": pick(QUEUES)},
            "direction": lambda: {"direction": pick(list(Direction)).value},
            "outcome": lambda: {"outcome": pick(list(Outcome)).value},
            "node": lambda: {"node": pick(FLOW_NODES)},
            "want": lambda: {"want": pick(_WANTS)},
            "ticket": lambda: {"ticket": self._town.tracking(self._town.ticket_of(self._rng, self._place()))},
            "wait": lambda: {"wait": str(pick((*WAITS, 20, 45, 400)))},
            "talk": lambda: {"talk": str(pick((*TALKS, 30, 200, 3000)))},
            "recorded": lambda: {"recorded": "1"},
            "range": lambda: {"range": pick(RANGES)},
            "dates": self._dates,
        }
        self.kinds = ("newest", "older", "newer", *self._filters, "together")
        self.lists = (*self.kinds, "moments")

    def one(self, kind: str) -> str:
        """An address of this kind."""
        match kind:
            case "newest":
                query: Query = {}
            case "older":
                query = {"before": self._anywhere()}
            case "newer":
                query = {"after": self._anywhere()}
            case "moments":
                return f"/moments?{urlencode(self._moments())}"
            case "together":
                query = self.together()
            case _:
                query = self._filters[kind]()
        return f"/calls?{urlencode(query)}" if query else "/calls"

    def together(self) -> Query:
        """Some filters at once; now and then an older page of what they find."""
        rng = self._rng
        some = [name for name in rng.sample(list(self._filters), rng.choice(_TOGETHER)) if name != "range"]
        query = {key: text for name in some for key, text in self._filters[name]().items()}
        return query | {"before": self._anywhere()} if rng.random() < 0.2 else query

    def _place(self) -> int:
        return self._town.some_customers(self._rng, 1)[0]

    def _somebody(self) -> Person:
        return self._town.person(self._place())

    def _moments(self) -> Query:
        state, kind = self._rng.choice(("open", "done", "all")), self._rng.choice(("", *MomentKind))
        last = LAST_DAY - timedelta(days=self._rng.choice((0, 100)))
        first = last - timedelta(days=self._rng.choice((29, 364)))
        return {"state": state, "kind": kind, "from": str(first), "to": str(last)}

    def _dates(self) -> Query:
        last = LAST_DAY - timedelta(days=self._rng.randrange(DAYS - 100))
        return {"from": str(last - timedelta(days=self._rng.choice(_SPANS) - 1)), "to": str(last)}

    def _anywhere(self) -> str:
        """A place in the list."""
        return f"{self._last_us - self._rng.randrange((DAYS - 1) * _DAY_US)}.-"
