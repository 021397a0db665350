"""Conditions: what they may be, what they are of values, and that nothing else is ever read or done."""

from __future__ import annotations

import re
from datetime import date, time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pbx_bridge.ivr import condition
from pbx_bridge.ivr.condition import AllOf, AnyOf, Compared, Name, Not, OneOf, Value
from pbx_bridge.ivr.grammar import Money

VALUES = {
    "contract": {"days_left": 12, "ends_on": date(2026, 3, 20), "number": "K-7"},
    "customer": {"tier": "gold", "code": "1001", "language": ""},
    "ticket": {"promised_on": None},
    "opening": {"at": time(16, 30)},
    "kept": {
        "paid": Money(amount=250_000, currency="toman"),
        "owed": Money(amount=2_500_000, currency="rial"),
        "yes": True,
        "nothing": 0,
    },
    "verified": False,
    "language": "fa",
}


@pytest.mark.parametrize(
    "text",
    [
        "contract.days_left < 30 and customer.tier == 'gold'",
        "contract.days_left == 12",
        "contract.days_left == 12.0",
        "0 <= contract.days_left <= 12",
        "-3 < contract.days_left",
        "30 > contract.days_left",
        "customer.tier in ['silver', 'gold']",
        "customer.tier in ('silver', 'gold')",
        "customer.tier not in ['silver', 'bronze']",
        "customer.tier != 'silver'",
        "not verified",
        "not (contract.days_left > 30)",
        "verified or language == 'fa'",
        "verified == false",
        "customer",
        "customer.tier",
        "kept.yes",
        "kept.yes == true",
        "contract.ends_on == '2026-03-20'",
        "contract.ends_on <= '1404/12/29'",
        "contract.ends_on in ['2026-03-20']",
        "opening.at > '16:29'",
        "opening.at == '16:30'",
        "kept.paid >= 250000",
        "kept.paid == kept.owed",
        "not ticket.promised_on",
        "not kept.nothing",
        "true",
        "not false",
        "(((true)))",
    ],
)
def test_true(text: str) -> None:
    assert condition.holds(condition.parse(text), VALUES) is True


@pytest.mark.parametrize(
    "text",
    [
        "contract.days_left < 12",
        "contract.days_left < 'soon'",  # a number and a text
        "contract.days_left != 'soon'",  # not even different: they cannot be held against each other
        "customer.code == 1001",  # a text and a number
        "customer.tier > 'a'",  # texts have no order here
        "customer.tier < 5",
        "customer.language",
        "customer.name == ''",  # not known
        "customer.name != ''",
        "customer.name not in ['']",
        "nobody.knows == 1",
        "contract.days_left.more == 1",
        "kept == 1",
        "ticket.promised_on < '2026-03-20'",
        "ticket.promised_on > '2026-03-20'",
        "contract.ends_on == 'one day'",
        "contract.ends_on == '16:30'",
        "opening.at == '2026-03-20'",
        "kept.paid < 'much'",
        "verified == 0",  # true and false are no numbers
        "verified < true",
        "kept.yes == 1",
        "verified",
        "false",
        "kept.nothing",
    ],
)
def test_false(text: str) -> None:
    assert condition.holds(condition.parse(text), VALUES) is False


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not a condition"),
        ("a ==", "not a condition"),
        ("a b", "something stands behind its end"),
        ("a == 1 }} {{ b", "something stands behind its end"),
        ("a == none", "none is no value"),
        ("1", "alone is no condition"),
        ("'gold'", "alone is no condition"),
        ("a + 1 == 2", "must stand here: add"),
        ("a ~ 'x' == 'y'", "must stand here: concat"),
        ("a | length == 1", "must stand here: filter"),
        ("a is defined", "may stand here: test"),
        ("a()", "may stand here: call"),
        ("a.b()", "may stand here: call"),
        ("a['b']", "may stand here: getitem"),
        ("a.b[0] == 1", "must stand here: getitem"),
        ("'x'.upper == 'X'", "only a name may stand before a dot: const"),
        ("a in b", "a list of constants"),
        ("a in [b]", "must stand here: name"),
        ("a in 'abc'", "a list of constants"),
        ("[1] == a", "must stand here: list"),
        ("{'a': 1} == a", "must stand here: dict"),
        ("a if b else c", "may stand here: condexpr"),
        ("a.__class__ == 1", "a name is small letters"),
        ("__import__ == 1", "a name is small letters"),
        ("A == 1", "a name is small letters"),
        ("نام == 1", "a name is small letters"),
        ("a.b.c.d == 1", "a name is small letters"),
        ("a == 1e999", "must stand here: const"),
        ("a == '\\x41'", "no backslash"),
        ("a ==\n1", "no control characters"),
        ("a == '\u202e'", "no control characters"),
        ("a == '" + "x" * 300 + "'", "at most 300 letters"),
        ("(" * 21 + "a" + ")" * 21, "at most 20 brackets"),
        ("not " * 21 + "a", "at most 20 deep"),
        ("<".join(["a"] * 40), "at most 60 parts"),
    ],
)
def test_nothing_else_is_read(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        condition.parse(text)


def test_the_tree() -> None:
    assert condition.parse("a.b < 1 and not c and (d or e in [1, 'x'])") == AllOf(
        (
            Compared(Name("a.b"), "<", Value(1)),
            Not(Name("c")),
            AnyOf((Name("d"), OneOf(Name("e"), (1, "x"), negated=False))),
        )
    )
    assert condition.names(condition.parse("a.b < 1 and not c or a.b > 7")) == ("a.b", "c")


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("a < 1 and b", {"a", "b"}),
        ("a < 1 or b", set()),
        ("a.x < 1 or (a.x > 5 and b)", {"a.x"}),
        ("not a", set()),
        ("a not in [1]", {"a"}),
        ("true", set()),
    ],
)
def test_what_is_known_where_it_is_true(text: str, known: set[str]) -> None:
    assert condition.implied(condition.parse(text)) == known


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("true", True),
        ("a or true", True),
        ("a and false", False),
        ("not (a and 1 > 2)", True),
        ("1 < 2", True),
        ("'a' in ['b']", False),
        ("a", None),
        ("a or false", None),
        ("a == 1 or a != 1", None),  # of something unknown both are false
    ],
)
def test_what_is_settled_beforehand(text: str, outcome: bool | None) -> None:
    assert condition.settled(condition.parse(text)) is outcome


# --- whatever stands there ----------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        *("contract.days_left", "customer.tier", "verified", "kept.paid", "opening.at", "contract.ends_on", "nobody"),
        *(
            "==",
            "!=",
            "<",
            "<=",
            ">",
            ">=",
            "in",
            "not in",
            "and",
            "or",
            "not",
            "(",
            ")",
            "[",
            "]",
            ",",
            ".",
            "-",
            "+",
        ),
        *("1", "12", "0.5", "1e300", "'gold'", "'2026-03-20'", "'0000-00-00'", "'16:30'", "true", "false", "none"),
        *(
            "|",
            "~",
            "is",
            "defined",
            "if",
            "else",
            "{",
            "}",
            "}}",
            "%}",
            "{{",
            ":",
            "//",
            "**",
            "%",
            "*",
            "recursive",
        ),
    ]
)
NESTED = st.builds(
    lambda open_, count, inner: open_ * count + inner, st.sampled_from("([{-+"), st.integers(0, 300), st.just("a")
)
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.dates() | st.times()
    | st.datetimes() | st.binary(max_size=3) | st.builds(Money, amount=st.integers(), currency=st.just("rial")),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip
READABLE = st.lists(PIECES, max_size=14).map(" ".join)


@given(st.text() | NESTED | READABLE)
@example("(" * 299 + "a")
@example("-" * 300)
@example("not " * 75)
@example("a" + ".b" * 149)
@example("a" + " and a" * 49)
@example("a" + " == a" * 59)
@example("9" * 300)
@example("a == " + "9" * 290)
def test_any_text_is_a_condition_or_refused(text: str) -> None:
    try:
        made = condition.parse(text)
    except ValueError:
        return
    assert condition.holds(made, VALUES) in (True, False)
    assert condition.holds(made, {}) in (True, False)
    condition.settled(made)
    assert set(condition.implied(made)) <= set(condition.names(made))
    for name in condition.names(made):
        assert all(part.isidentifier() and part[0] not in "_" for part in name.split("."))


@given(
    st.sampled_from(["a < 1", "a == 'x'", "a != '2026-01-01'", "a >= '16:30'", "a in [1, 'x', true]", "a == b",
                     "a <= b", "a not in ['x']", "a", "not a", "a.b > 2", "b == a.b"]),
    ANYTHING,
    ANYTHING,
)  # fmt: skip
def test_no_value_whatever_makes_it_raise(text: str, a: Any, b: Any) -> None:
    assert condition.holds(condition.parse(text), {"a": a, "b": b}) in (True, False)


@given(st.sampled_from(["a == b", "a != b", "a < b", "a <= b", "a > b", "a >= b"]), ANYTHING)
def test_what_is_not_known_makes_every_comparison_false(text: str, value: Any) -> None:
    made = condition.parse(text)
    assert not condition.holds(made, {"a": value})
    assert not condition.holds(made, {"b": value})


class _Spring:
    """Goes off when anything of it is touched."""

    def __getattribute__(self, name: str) -> Any:
        if name in ("__class__", "__bool__", "__len__"):  # what `isinstance` and `bool` look at
            return object.__getattribute__(self, name)
        raise AssertionError(name)


@pytest.mark.parametrize("text", ["a.b == 1", "a == 1", "a", "a.b in [1]", "a < 'x'", "not a.b"])
def test_no_attribute_of_a_value_is_read(text: str) -> None:
    assert condition.holds(condition.parse(text), {"a": _Spring()}) in (True, False)
