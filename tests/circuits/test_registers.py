"""The registers that are read from the bytes of a circuit are those that Qiskit sees."""

import io
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, qpy
from qiskit.circuit import Clbit, Parameter, Qubit

from qjobs.circuits.layout import Layout
from qjobs.circuits.qpy import Container
from qjobs.errors import InputError


def layouts(data: bytes) -> list[Layout]:
    container = Container(data)
    return [Layout.read(record, container.dialect.version) for record in container.all_records()]


part = st.one_of(
    st.integers(1, 5).map(lambda size: ("register", size)),
    st.integers(1, 3).map(lambda size: ("loose", size)),
    st.lists(st.integers(0, 20), min_size=1, max_size=4, unique=True).map(lambda b: ("over", b)),
)


@st.composite
def circuits(draw: st.DrawFn) -> QuantumCircuit:
    """Registers of their own bits, loose bits, and registers over bits of others."""
    circuit = QuantumCircuit(QuantumRegister(2, "q"), [Qubit()], name=draw(st.text(max_size=9)))
    circuit.global_phase = draw(st.sampled_from([0.0, 1.5, Parameter("phase")]))
    circuit.metadata = draw(st.sampled_from([{}, {"made": "by hand"}]))
    for number, (kind, what) in enumerate(draw(st.lists(part, max_size=5))):
        name = draw(st.sampled_from(["c", "ü", "a b"])) + str(number)
        if kind == "register":
            circuit.add_register(ClassicalRegister(what, name))
        elif kind == "loose":
            circuit.add_bits([Clbit() for _ in range(what)])
        else:
            bits = [circuit.clbits[place] for place in what if place < circuit.num_clbits]
            if bits:
                circuit.add_register(ClassicalRegister(name=name, bits=bits))
    return circuit


@pytest.mark.parametrize("version", [16, 17, 18])
@given(st.lists(circuits(), min_size=1, max_size=3))
@settings(max_examples=60, deadline=None)
def test_layouts_are_those_of_the_circuits(version: int, given_: list[QuantumCircuit]) -> None:
    if version > qpy.QPY_VERSION:
        pytest.skip(f"this Qiskit writes QPY {qpy.QPY_VERSION}")
    file = io.BytesIO()
    qpy.dump(given_, file, version=version)
    # Qiskit reads a file that it wrote with slight changes at times: what it reads counts.
    read = qpy.load(io.BytesIO(file.getvalue()))

    assert layouts(file.getvalue()) == [Layout.of(circuit) for circuit in read]


@given(st.integers(0, 200), st.binary(max_size=20))
def test_damage_is_said(at: int, noise: bytes) -> None:
    file = io.BytesIO()
    qpy.dump([QuantumCircuit(2, 3)], file, version=17)
    data = bytearray(file.getvalue())
    data[at : at + len(noise)] = noise

    with suppress(ValueError, InputError):
        layouts(bytes(data))
