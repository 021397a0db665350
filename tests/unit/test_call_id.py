"""A call's id is the uuid5 that it always was: made otherwise, every call would get a new one."""

from __future__ import annotations

from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.calls.call import call_id

NAMESPACE = UUID("5f0c7d0e-6f7a-5c3e-9f63-1d1f6a1b7c55")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(TEXTS, TEXTS)
def test_it_is_the_uuid5_of_node_and_root(node: str, root: str) -> None:
    assert call_id(node, root) == str(uuid5(NAMESPACE, f"{node}\n{root}"))
