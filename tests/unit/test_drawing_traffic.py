"""How often each edge was taken, out of the steps on the record."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.calls.call import CallStep
from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr import flow as flows
from pbx_bridge.ivr.drawing.graph import graph_of
from pbx_bridge.ivr.drawing.traffic import Traffic
from pbx_bridge.ivr.flow import Flow

BEGAN = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
Told = tuple[str, StepKind] | tuple[str, StepKind, dict[str, Any]]

S, K, L, Q, E, T = (
    StepKind.SAID, StepKind.KEYS, StepKind.LOOKUP, StepKind.QUEUE, StepKind.ENDED, StepKind.TROUBLE,
)  # fmt: skip


@pytest.fixture
def flow() -> Flow:
    return flows.load("support")


def key(node: str, keys: str, result: str = "match") -> Told:
    return node, K, {"keys": keys, "result": result}


def call(flow: Flow, told: Sequence[Told], name: str = "support", version: str = "") -> list[CallStep]:
    began: Told = (flow.start, StepKind.STARTED, {"flow": name, "version": version or flow.version})
    return [
        CallStep(
            at=BEGAN + timedelta(seconds=n), flow_node=one[0], kind=str(one[1]), data=one[2] if len(one) == 3 else {}
        )
        for n, one in enumerate([began, *told])
    ]


def taken(flow: Flow, *calls: Sequence[Told]) -> dict[tuple[str, str], int]:
    traffic = Traffic(flow)
    for told in calls:
        traffic.add(call(flow, told))
    return dict(traffic.edges)


def test_nodes_in_a_row_are_edges(flow: Flow) -> None:
    told: list[Told] = [("who", L), ("language", S), key("language", "1"), ("welcome", S), ("menu", S)]
    assert taken(flow, told, told) == {("who", "language"): 2, ("language", "welcome"): 2, ("welcome", "menu"): 2}


def test_nodes_that_write_no_step_were_passed(flow: Flow) -> None:
    told: list[Told] = [
        ("who", L), ("welcome", S), key("menu", "1"), ("ask_tracking", L), ("status_no_promise", S),
        ("after_status", S),
    ]  # fmt: skip
    assert taken(flow, told) == {
        ("who", "language"): 1,
        ("language", "welcome"): 1,
        ("welcome", "menu"): 1,
        ("menu", "ask_tracking"): 1,
        ("ask_tracking", "is_promised"): 1,
        ("is_promised", "status_no_promise"): 1,
        ("status_no_promise", "has_note"): 1,
        ("has_note", "after_status"): 1,
    }


def test_a_key_tells_the_way_even_back_to_the_same_node(flow: Flow) -> None:
    counts = taken(flow, [("menu", S), key("menu", "9"), ("menu", S), key("menu", "7", "invalid"), ("menu", S)])
    assert counts["menu", "menu"] == 1


def test_a_key_and_then_a_node_that_writes_no_step(flow: Flow) -> None:
    counts = taken(flow, [("menu", S), key("menu", "2"), ("ask_code", S), ("ask_code", L), ("contract", L)])
    assert counts["menu", "contract"] == counts["contract", "ask_code"] == counts["ask_code", "contract"] == 1


def test_giving_up_is_no_edge_but_a_prompt_that_failed_is_no_hindrance(flow: Flow) -> None:
    assert ("menu", "too_many_tries") not in taken(flow, [("menu", S), ("menu", T), ("person", Q)])
    counts = taken(flow, [("menu", S), ("too_many_tries", T), ("person", Q)])
    assert counts["too_many_tries", "person"] == 1


def test_only_runs_of_this_flow_count_and_versions_are_told(flow: Flow) -> None:
    traffic = Traffic(flow)
    traffic.add(call(flow, [("language", S)], name="another"))
    traffic.add([])
    assert (traffic.calls, traffic.edges) == (0, {})
    traffic.add(call(flow, [("language", S)], version="old"))
    traffic.add(call(flow, [("language", S)]))
    assert (traffic.calls, traffic.other_versions, traffic.edges["who", "language"]) == (2, 1, 2)
    assert traffic.visits == {"who": 2, "language": 2}


def test_nodes_this_version_does_not_know_are_passed_over(flow: Flow) -> None:
    assert taken(flow, [("gone", S), ("menu", S), ("gone", K), ("person", Q)]) == {}


def test_a_second_time_in_the_flow_begins_anew(flow: Flow) -> None:
    steps = call(flow, [("language", S)])
    later = [
        CallStep(at=one.at + timedelta(minutes=1), flow_node=one.flow_node, kind=one.kind, data=one.data)
        for one in steps
    ]
    traffic = Traffic(flow)
    traffic.add([*later, *steps])
    assert (traffic.calls, traffic.edges["who", "language"], traffic.visits["who"]) == (1, 2, 2)


@given(st.data())
def test_counts_of_any_steps_are_edges_of_the_flow(data: st.DataObject) -> None:
    flow = flows.load("support")
    node = st.sampled_from([*flow.nodes, "gone"])
    keys = st.fixed_dictionaries({"keys": st.sampled_from(["1", "2", "9", "x", None]), "result": st.just("match")})
    told = data.draw(st.lists(st.tuples(node, st.sampled_from(list(StepKind)), keys), max_size=30))
    traffic = Traffic(flow)
    traffic.add(call(flow, told))
    assert set(traffic.edges) <= {(edge.source, edge.target) for edge in graph_of(flow).edges}
    assert traffic.counted(None, BEGAN).calls == 1


@given(st.data())
def test_every_walk_whose_nodes_all_write_steps_is_counted_exactly(data: st.DataObject) -> None:
    flow = flows.load("support")
    edges: dict[str, list[str]] = {}
    for edge in graph_of(flow).edges:
        if edge.source != edge.target:
            edges.setdefault(edge.source, []).append(edge.target)
    walk: list[tuple[str, str]] = []
    at = flow.start
    while at in edges and len(walk) < 25:
        to = data.draw(st.sampled_from(edges[at]))
        walk.append((at, to))
        at = to
    expected = {edge: walk.count(edge) for edge in walk}
    assert taken(flow, [(to, S) for _, to in walk]) == expected
