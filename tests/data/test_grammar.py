"""The grammar: the algebra of terms, what a text may hold, and every refusal word for word."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lyra.data.grammar import read
from lyra.data.terms import TRANSFORMS, Factor
from lyra.errors import FormulaError


def terms(right: str) -> list[str]:
    """The terms of a right-hand side, as text."""
    return [":".join(factor.label for factor in term) or "1" for term in read(f"y ~ {right}")[1]]


def sentence(text: str) -> str:
    with pytest.raises(FormulaError) as refused:
        read(text)
    return str(refused.value).splitlines()[0]


# The algebra

names = st.sampled_from(["a", "b", "c", "log(a)", "C(d)", "`odd one`"])
sums = st.lists(names, min_size=1, max_size=3).map(lambda parts: "(" + " + ".join(parts) + ")")


def same(left: str, right: str) -> bool:
    return {frozenset(t) for t in read(f"y ~ {left}")[1]} == {frozenset(t) for t in read(f"y ~ {right}")[1]}


@settings(max_examples=40)
@given(a=sums, b=sums, c=sums)
def test_crossing_and_products_obey_their_laws(a, b, c):
    assert same(f"{a}*{b}", f"{a} + {b} + {a}:{b}")
    assert same(f"{a}:{b}", f"{b}:{a}")
    assert same(f"({a}:{b}):{c}", f"{a}:({b}:{c})")
    assert same(f"({a}*{b})*{c}", f"{a}*({b}*{c})")
    assert same(f"({a} + {b}):{c}", f"{a}:{c} + {b}:{c}")
    assert same(f"{a}*{b} - {a}*{b} + {a}", a)
    assert same(f"{a} + {b} - {b} + {b}", f"{a} + {b}")
    assert same(f"{a} + {a}", a)
    assert terms(f"{a} + {b} + {a}:{b}") == terms(f"{a}*{b}")


@pytest.mark.parametrize(
    ("right", "expected"),
    [
        ("a", ["1", "a"]),
        ("+ a", ["1", "a"]),
        ("a + b:c*d", ["1", "a", "d", "b:c", "b:c:d"]),
        ("a:b + c", ["1", "c", "a:b"]),
        ("(a + b):c", ["1", "a:c", "b:c"]),
        ("(a + b)*c", ["1", "a", "b", "c", "a:c", "b:c"]),
        ("a*b - a:b", ["1", "a", "b"]),
        ("a*b*c - (a + b):c", ["1", "a", "b", "c", "a:b", "a:b:c"]),
        ("b:a + a:b", ["1", "b:a"]),
        ("a:a", ["1", "a"]),
        ("a + 0", ["a"]),
        ("0 + a", ["a"]),
        ("a - 1", ["a"]),
        ("-1 + a", ["a"]),
        ("0 + a + 1", ["1", "a"]),
        ("a - 0", ["1", "a"]),
        ("1", ["1"]),
        ("a:1", ["1", "a"]),
        ("(1 + a):b", ["1", "b", "a:b"]),
        ("a - a", ["1"]),
        ("`my col` + log(`my col`)", ["1", "my col", "log(`my col`)"]),
        ("log( x )+log(x)", ["1", "log(x)"]),
        ("my.col_2 + \n\t é", ["1", "my.col_2", "é"]),
    ],
)
def test_terms(right, expected):
    assert terms(right) == expected


@pytest.mark.parametrize(
    ("written", "level"),
    [
        ('"b"', "b"),
        ("'b c'", "b c"),
        ("2", 2),
        ("-2", -2),
        ("1.5", 1.5),
        ("-.5", -0.5),
        ("1e3", 1000.0),
        ("True", True),
        ("False", False),
    ],
)
def test_levels_keep_their_type(written, level):
    _, (_, (factor,)) = read(f"y ~ C(d, ref={written})")
    assert factor == Factor(column="d", function="C", categorical=True, reference=level)
    assert type(factor.reference) is type(level)
    assert read(f"y ~ {factor.label}")[1][1] == (factor,)


def test_factors_carry_column_function_and_position():
    response, (_, (x,), (d,)) = read("log(y) ~ x + C(`d e`)")
    assert (response.column, response.function, response.position) == ("y", "log", 1)
    assert (x.column, x.function, x.categorical, x.position) == ("x", None, False, 10)
    assert (d.column, d.function, d.categorical, d.position) == ("d e", "C", True, 14)


def test_names_of_functions_are_names_of_columns_without_a_call():
    assert terms("log + C + ref") == ["1", "log", "C", "ref"]


def test_backticks_take_any_name_literally():
    assert terms("`a + b` + `~` + `0` + `C`") == ["1", "a + b", "~", "0", "C"]


def test_parentheses_side_by_side_are_not_deep():
    assert terms(" + ".join(["(a)"] * 60)) == ["1", "a"]


@pytest.mark.parametrize("name", TRANSFORMS)
def test_every_transform_parses(name):
    assert terms(f"{name}(x)") == ["1", f"{name}(x)"]


# Refusals

REFUSALS = [
    ("", "no '~' up to the end at position 1: write response ~ terms"),
    ("y = x", "no '~' up to the end at position 6: write response ~ terms"),
    ("y ~ x ~ z", "'~' at position 7 is the second: keep one '~', between response and terms"),
    ("~ x", "no response stands before '~' at position 1: name one column there"),
    ("1 ~ x", "'1' at position 1 cannot be the response: name one column or a transform of one"),
    ("y + z ~ x", "'+' at position 3 follows the response: name one column or a transform of one"),
    ("C(y) ~ x", "'C' at position 1 makes the response categorical: recode it as numbers in the data"),
    (
        "log(y) ~ x:square(y)",
        "the response 'y' is also a term, at position 12: take it out of the right-hand side",
    ),
    (
        "y ~ ",
        "nothing follows '~' at position 3: name a column, or write 1 for the intercept alone",
    ),
    (
        "y ~ x - x + 0",
        "no term is left after '~' at position 3: name a column, or write 1 for the intercept alone",
    ),
    (
        "y ~ lgo(x)",
        (
            "unknown function 'lgo' at position 5: did you mean 'log'? "
            "there is 'C', 'abs', 'exp', 'log', 'log1p', 'sqrt', 'square'"
        ),
    ),
    (
        "y ~ I(x)",
        "unknown function 'I' at position 5: there is 'C', 'abs', 'exp', 'log', 'log1p', 'sqrt', 'square'",
    ),
    ("y ~ (a + b", "'(' at position 5 is not closed: add ')'"),
    ("y ~ a + (", "'(' at position 9 is not closed: add ')'"),
    ("y ~ log(a", "'(' at position 8 is not closed: add ')'"),
    ("y ~ a + b)", "')' at position 10 closes nothing: take it out or open it with '('"),
    ("y ~ a +", "'+' at position 7 is not followed by a term: name a column or take it out"),
    ("y ~ a + * b", "'+' at position 7 is not followed by a term: name a column or take it out"),
    ("y ~ (a -) + b", "'-' at position 8 is not followed by a term: name a column or take it out"),
    ("y ~ a:", "':' at position 6 is not followed by a term: name a column or take it out"),
    (
        "y ~ * b",
        "'*' at position 5 is where a term should be: name a column, in backticks if its name is odd",
    ),
    (
        "y ~ a + ()",
        "')' at position 10 is where a term should be: name a column, in backticks if its name is odd",
    ),
    ("y ~ a b", "no operator stands before 'b' at position 7: write +, : or * there"),
    ("y ~ (a b)", "no operator stands before 'b' at position 8: write +, : or * there"),
    ("y ~ a $ b", "'$' at position 7 is not part of this grammar: put odd column names in backticks"),
    ("y ~ `a + b", "'`' at position 5 is not closed: add the second one"),
    ("y ~ C(d, ref='b)", '"\'" at position 14 is not closed: add the second one'),
    ("y ~ a + 2", "'2' at position 9 is no term: the only numbers are 1 for the intercept and 0 for none"),
    ("y ~ a:0", "'0' at position 7 is no term: the only numbers are 1 for the intercept and 0 for none"),
    ("y ~ 0*a", "'*' at position 6 multiplies 0, which is no term: take it out"),
    (
        "y ~ a | firm",
        "'|' at position 7: fixed effects are not part of this grammar, write them as dummies with C(column)",
    ),
    (
        "y ~ a**2",
        "'**' at position 6: there is no power operator, write square(x) for a power or a*b to cross",
    ),
    (
        "y ~ a^2",
        "'^' at position 6: there is no power operator, write square(x) for a power or a*b to cross",
    ),
    ("y ~ a/b", "'/' at position 6: there is no nesting operator, write a + a:b"),
    ("y ~ a - b", "'-' at position 7 takes out b, which is not there: correct it or leave it out"),
    ("y ~ a*b - b:c", "'-' at position 9 takes out b:c, which is not there: correct it or leave it out"),
    (
        "y ~ 0 + a - 1",
        "'-' at position 11 takes out the intercept, which is not there: correct it or leave it out",
    ),
    (
        "y ~ (0 + a)",
        "'0' at position 6 takes out the intercept, which is not there: correct it or leave it out",
    ),
    ("y ~ C()", "'C' at position 5 is called on no column: write C(column)"),
    ("y ~ log(2)", "'log' at position 5 is called on no column: write log(column)"),
    (
        "y ~ log(x + 1)",
        "'+' at position 11 has no place in log(...): it takes one column, others are made in the data",
    ),
    (
        "y ~ log(sqrt(x))",
        "'(' at position 13 has no place in log(...): it takes one column, others are made in the data",
    ),
    ("y ~ C(d e)", "'e' at position 9 has no place in C(...): it takes one column and ref=level"),
    (
        "y ~ C(d, 'b')",
        "\"'b'\" at position 10 cannot follow the column in C(...): write ref=level or nothing",
    ),
    (
        "y ~ C(d, ref=b)",
        "'b' at position 14 is not a level: give ref= a quoted text, a number, True or False",
    ),
    (
        "y ~ C(d, ref=",
        "the end at position 14 is not a level: give ref= a quoted text, a number, True or False",
    ),
    (
        "y ~ C(d, ref=-'b')",
        "\"'b'\" at position 15 is not a level: give ref= a quoted text, a number, True or False",
    ),
    (
        "y ~ C(d, ref=-True)",
        "'True' at position 15 is not a level: give ref= a quoted text, a number, True or False",
    ),
    ("y ~ `log`(x)", "no operator stands before '(' at position 10: write +, : or * there"),
    ("y ~ a, b", "',' at position 6 belongs only in C(column, ref=level): take it out"),
    (
        "y ~ " + "(" * 51 + "a" + ")" * 51,
        "'(' at position 55 is more than 50 parentheses deep: take some out",
    ),
    (
        "y ~ " + "*".join("abcdefghijklmnopqrst"),
        "'*' at position 32 makes more than 10,000 terms: cross fewer columns",
    ),
]


@pytest.mark.parametrize(("text", "expected"), REFUSALS)
def test_refusal_word_for_word(text, expected):
    assert sentence(text) == f"{expected}."


@settings(max_examples=300)
@given(st.lists(st.sampled_from([*"yab01+-*:~()|`'\",= ", "log", "C(", "ref="]), max_size=16).map("".join))
def test_any_text_parses_or_is_refused_with_the_caret_at_the_named_position(text):
    try:
        read(text)
    except FormulaError as refused:
        first, shown, caret = str(refused).split("\n")
        assert shown == "  " + text
        assert re.search(rf"at position {len(caret) - 2}\b", first)


@pytest.mark.parametrize("attack", ["__import__('os').getcwd()", "x.__class__()", "(lambda: 1)()", "log(eval(x))"])
def test_python_is_refused_not_run(attack):
    with pytest.raises(FormulaError):
        read(f"y ~ {attack}")


# --- limits -------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["a+", "a*", "a:", "(", "-", "log("])
def test_a_formula_beyond_all_measure_is_refused_at_once(part):
    text = "y ~ " + part * (10**6 // len(part))
    with pytest.raises(FormulaError) as refused:
        read(text)
    assert str(refused.value) == f"the formula has {len(text):,} characters: write at most 100,000."


@pytest.mark.parametrize("part", ["(", "-", "+", "a*(", "-("])
def test_deep_formulas_are_refused_in_a_sentence_that_can_be_read(part):
    with pytest.raises(FormulaError) as refused:
        read("y ~ " + part * (9_000 // len(part)))
    assert len(str(refused.value)) < 500


def test_many_terms_are_refused():
    with pytest.raises(FormulaError, match=r"^'\+' at position \d+ makes more than 10,000 terms: leave columns out\."):
        read("y ~ " + "+".join(f"c{i}" for i in range(14_000)))
