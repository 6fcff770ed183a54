"""Each hint of the source is in `hints.toml`, with the test that follows it or why none does."""

import ast
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import qjobs

TESTS = Path(__file__).parent
SOURCE = Path(qjobs.__file__).parent


def text(node: ast.expr) -> str:  # noqa: PLR0911 - one for each kind
    """The words of a hint; what is filled in is `{}`, and what is made elsewhere in brackets."""
    match node:
        case ast.Constant(value=str(words)):
            return words
        case ast.JoinedStr(values=parts):
            return "".join(map(text, parts))
        case ast.FormattedValue():
            return "{}"
        case ast.BinOp(left=left, right=right):
            return text(left) + text(right)
        case ast.IfExp(body=one, orelse=other):
            return " | ".join(map(text, (one, other)))
        case ast.BoolOp(values=several):
            return " | ".join(map(text, several))
        case _:
            return f"<{ast.unparse(node)}>"


def hints(source: str) -> Iterator[str]:
    """All hints that a module gives, but for those that are handed on."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.keyword(arg="hint", value=value):
                pass
            case ast.Assign(targets=[target], value=value) if "hint" in ast.unparse(target).lower():
                pass
            case _:
                continue
        found = text(value)
        handed_on = found.startswith("<") and "hint" in found.lower() and "|" not in found
        if found and not handed_on:
            yield found


def test_every_hint_is_followed_by_a_test_or_says_why_not() -> None:
    listed = tomllib.loads((TESTS / "hints.toml").read_text())
    known = list(chain.from_iterable(chain(*(part.values() for part in listed.values()))))
    given = {found for path in SOURCE.rglob("*.py") for found in hints(path.read_text())}

    assert sorted(given - set(known)) == [], "new hints: follow each in a test, and list it"
    assert sorted(set(known) - given) == [], "no hints any more"
    assert len(known) == len(set(known))


def test_the_tests_that_follow_hints_are_there() -> None:
    listed = tomllib.loads((TESTS / "hints.toml").read_text())
    for name in listed["followed"]:
        path, _, test = name.partition("::")
        assert f"def {test}(" in (TESTS / path).read_text(), name


def test_a_new_hint_is_noticed() -> None:
    source = (
        'raise Oops("no", hint=f"qjobs {verb}" if verb else "stop" + here)\nraise A(hint=e.hint)'
    )
    assert list(hints(source)) == ["qjobs {} | stop<here>"]
