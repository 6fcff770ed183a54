"""Observables are normalised, or refused before anything is sent."""

import json
from pathlib import Path

import pytest

from qjobs.circuits.observables import check_widths, encode_observables, read_observables
from qjobs.errors import InputError


def write(folder: Path, text: str) -> str:
    path = folder / "o.json"
    path.write_text(text)
    return str(path)


def test_a_string_is_a_sum_of_one_term(tmp_path: Path) -> None:
    text = '["ZZ", {"XX": 0.5, "YY": -2}, "0r", {"+-": 1, "l1": 1, "IX": 0}]'
    found = read_observables(write(tmp_path, text))

    assert json.loads(encode_observables(found)) == [
        {"ZZ": 1.0}, {"XX": 0.5, "YY": -2.0}, {"0r": 1.0}, {"+-": 1.0, "l1": 1.0, "IX": 0.0},
    ]  # fmt: skip
    assert read_observables(write(tmp_path, encode_observables(found).decode())) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('["ZZ",\n"XQ"', "o.json:2:5: not JSON"),
        ('["ZZ", "XQ"]', "observable 1: 'Q' in 'XQ' is none of the letters"),
        ('["zz"]', "'z' in 'zz'"),
        ('[""]', "empty string"),
        ('[{"ZZ": 1, "Z": 1}]', "'Z' is not as wide as 'ZZ'"),
        ('[{"ZZ": "1"}]', "the coefficient of 'ZZ' is not a real number"),
        ('[{"ZZ": true}]', "not a real number"),
        ('[{"ZZ": NaN}]', "not a real number"),
        ('[{"ZZ": 1e999}]', "not a real number"),
        ('[{"ZZ": [0, 1]}]', "not a real number"),
        ('[{"ZZ": 1, "ZZ": 2}]', "'ZZ' stands twice"),
        ("[{}]", "neither a string nor an object"),
        ("[3]", "neither a string nor an object"),
        ("[]", "not a list of observables"),
        ('{"ZZ": 1}', "not a list of observables"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError) as raised:
        read_observables(write(tmp_path, text))
    assert message in raised.value.message
    assert "o.json" in raised.value.message


def test_an_observable_is_as_wide_as_every_circuit() -> None:
    check_widths([{"ZZ": 1.0}, {"XI": 1.0, "IX": 1.0}], [2, 2, 2], "o.json")
    with pytest.raises(InputError, match=r"o\.json, observable 1: 'X' is of 1 qubits, circuit 0 "):
        check_widths([{"ZZ": 1.0}, {"X": 1.0}], [2, 2], "o.json")
    with pytest.raises(InputError, match="observable 0: 'ZZ' is of 2 qubits, circuit 1 has 3"):
        check_widths([{"ZZ": 1.0}], [2, 3, 3], "o.json")
