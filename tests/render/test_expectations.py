"""Expectation values and arrays in every shape of output."""

import base64
import io
import json

import numpy as np
import pytest

from qjobs.circuits.observables import observable_label
from qjobs.circuits.outcomes import to_npy
from qjobs.engine.report import State
from qjobs.engine.result import CircuitRow
from qjobs.render.arrays import read_head
from qjobs.render.rows import outcome_rows, value_rows
from qjobs.render.shapes import circuit
from qjobs.render.tables import print_histograms


def row(**more: object) -> CircuitRow:
    fields: dict[str, object] = {
        "index": 4, "name": "ansatz", "source": "a.qpy", "position": 0, "job": 0,
        "job_id": "j", "state": State.DONE, "shots": 100, "counts": None,
    }  # fmt: skip
    return CircuitRow(**(fields | more))  # type: ignore[arg-type]  # fields of the test's own choice


@pytest.mark.parametrize(
    ("terms", "label"),
    [
        ({"ZZ": 1.0}, "ZZ"),
        ({"ZZ": -1.0}, "-ZZ"),
        ({"XX": 0.5, "YY": -0.25}, "0.5 XX - 0.25 YY"),
        ({f"{n}": 1.0 for n in "IXYZ"}, "I + X + ... (4 terms)"),
    ],
)
def test_an_observable_has_a_short_name(terms: dict[str, float], label: str) -> None:
    assert observable_label(terms) == label


@pytest.mark.parametrize(
    ("array", "shown"),
    [
        (np.zeros(4, dtype=complex), "complex128 4"),
        (np.zeros((2, 3), dtype=np.float32), "float32 2 x 3"),
        (np.float64(1), "float64 number"),
        (np.zeros(2, dtype=">i4"), "int32 2"),
        (np.zeros(1, dtype=bool), "b1 1"),
    ],
)
def test_an_array_is_told_from_its_head(array: object, shown: str) -> None:
    assert str(read_head(to_npy(array))) == shown


@pytest.mark.parametrize("npy", [b"", b"\x93NUMPY\x01\x00\x05\x00(1,\n", b"x" * 200])
def test_what_is_no_array_is_unknown(npy: bytes) -> None:
    assert read_head(npy).dtype == "unknown"


def test_json_has_null_for_what_json_cannot_say() -> None:
    shape = circuit(row(evs=(0.5, float("nan")), stds=(float("inf"), 0.0), binding=3), top=None)
    assert json.loads(json.dumps(shape, allow_nan=False))["evs"] == [0.5, None]
    assert (shape["stds"], shape["binding"], shape["counts"]) == ([None, 0.0], 3, None)
    assert "arrays" not in shape
    plain = circuit(row(counts={"0": 1}), top=None)
    assert (plain["binding"], plain["evs"], plain["stds"]) == (None, None, None)


def test_json_has_the_heads_of_arrays_and_all_of_them_if_asked_for() -> None:
    npy = to_npy(np.arange(3))
    saved = row(arrays={"statevector": npy})
    heads = circuit(saved, top=None)["arrays"]
    assert heads == {"statevector": {"dtype": "int64", "shape": [3]}}
    whole = circuit(saved, top=None, whole_arrays=True)["arrays"]["statevector"]
    assert np.load(io.BytesIO(base64.b64decode(whole["npy"]))).tolist() == [0, 1, 2]
    assert not saved.blank


def test_a_row_an_expectation_value_and_one_for_a_circuit_without() -> None:
    found = value_rows(
        [(row(evs=(0.5, -1.0), stds=(0.1,), binding=7), ["ZZ"]), (row(binding=8), ["ZZ"])],
        bindings=True,
    )
    assert list(found.columns) == [
        "index", "name", "observable", "label", "value", "std", "shots", "binding",
        "source", "position",
    ]  # fmt: skip
    assert [list(cells) for cells in found.rows] == [
        [4, "ansatz", 0, "ZZ", 0.5, 0.1, 100, 7, "a.qpy", 0],
        [4, "ansatz", 1, "observable 1", -1.0, "", 100, 7, "a.qpy", 0],
        [4, "ansatz", "", "", "", "", 100, 8, "a.qpy", 0],
    ]


def test_where_a_precision_decided_no_shots_are_told() -> None:
    found = value_rows([(row(evs=(0.5,), stds=(0.02,), precision=0.02), ["ZZ"])])
    assert [list(cells) for cells in found.rows] == [
        [4, "ansatz", 0, "ZZ", 0.5, 0.02, "", "a.qpy", 0]
    ]


def test_sets_with_different_parameters_go_into_one_table() -> None:
    found = outcome_rows(
        [
            row(counts={"0": 3}, binding=7, parameters={"theta": 0.5}),
            row(counts={"0": 3}, binding=0, parameters={"phi": 0.25}),
            row(counts={"0": 3}),
        ],
        top=None, bindings=True, parameters=["theta", "phi"],
    )  # fmt: skip
    assert list(found.columns)[5:] == ["binding", "source", "position", "theta", "phi"]
    assert [list(cells)[5:] for cells in found.rows] == [
        [7, "a.qpy", 0, 0.5, ""], [0, "a.qpy", 0, "", 0.25], ["", "a.qpy", 0, "", ""],
    ]  # fmt: skip


def test_counts_of_a_sweep_have_the_binding_behind_the_shots() -> None:
    found = outcome_rows([row(counts={"0": 3}, binding=7)], top=None, bindings=True)
    assert list(found.columns)[4:] == ["shots", "binding", "source", "position"]
    assert [list(cells) for cells in found.rows] == [[4, "ansatz", "0", 3, 100, 7, "a.qpy", 0]]


def test_a_person_sees_values_errors_and_which_arrays_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [
        row(evs=(0.5, -1.0), stds=(0.125, 0.0), binding=2),
        row(
            evs=(-0.9823,),
            stds=(0.02,),
            precision=0.02,
            binding=3,
            parameters={"theta": 0.1, "phi": 1 / 3, "c\x1b": -2e-9, "d": 1.0, "e": 2.0},
        ),
        row(arrays={"statevector": to_npy(np.zeros(4, dtype=complex))}),
        row(message="it broke"),
    ]
    print_histograms(
        rows, labels=["ZZ", "0.5 XX"], circuits=20, total=4, top=4, hint="qjobs result"
    )
    assert capsys.readouterr().out.splitlines() == [
        "#4 ansatz  row 2  100 shots",
        "  ZZ      +0.50 ± 0.12",
        "  0.5 XX  -1.000000 ± 0.000000",
        "#4 ansatz  row 3  theta=0.1  phi=0.333333  c\\x1b=-2e-09  d=1  and 1 more  precision 0.02",
        "  ZZ  -0.98 ± 0.02",
        "#4 ansatz  100 shots",
        "  statevector: complex128 4",
        "#4 ansatz  100 shots",
        "  no result (done: it broke)",
    ]
