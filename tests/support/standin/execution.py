"""Circuits as the client sends them, run, and their results as the service sends them.

What a circuit gives depends on the circuit, its parameter values and its shots, and on
nothing else: not on the job it is in, its place there, the program, or the time. The formats
are those of the client's own codecs and of `ibm_quantum_schemas`.
"""

import hashlib
import io
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from ibm_quantum_schemas.common import CompressedTensorModel
from ibm_quantum_schemas.executor.version_2_0 import (
    ItemMetadataModel,
    MetadataModel,
    ParamsModel,
    QuantumProgramResultItemModel,
    QuantumProgramResultModel,
)
from qiskit import ClassicalRegister, QuantumCircuit, qpy
from qiskit.primitives import PrimitiveResult
from qiskit.primitives.containers import BitArray, DataBin, PubResult, SamplerPubResult
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit_aer import AerSimulator
from qiskit_aer.primitives import EstimatorV2, SamplerV2
from qiskit_ibm_runtime.fake_provider.executor.broadcast_sample import broadcast_sample
from qiskit_ibm_runtime.fake_provider.executor.run_quantum_program import run_quantum_program
from qiskit_ibm_runtime.json import RuntimeDecoder, RuntimeEncoder
from qiskit_ibm_runtime.options_models.simulator import SimulatorOptions
from qiskit_ibm_runtime.quantum_program import QuantumProgram, SamplexItem
from qiskit_ibm_runtime.quantum_program.params_converters import QUANTUM_PROGRAM_PARAMS_CONVERTERS

_SHOTS = 4096  # the service's default
_PRECISION = 0.015625


def run(program: str, params: str, *, simulate: bool) -> tuple[str, int]:
    """The results of one job as `/results` gives them, and the number of its executions."""
    if program == "executor":
        return _executor(params, simulate=simulate)
    decoded = json.loads(params, cls=RuntimeDecoder)
    options = decoded.get("options") or {}
    if program == "sampler":
        shots = options.get("default_shots") or _SHOTS
        pubs = [SamplerPub.coerce(tuple(pub), shots) for pub in decoded["pubs"]]
        results = [_sample(pub, simulate=simulate) for pub in pubs]
        executions = sum(pub.size * pub.shots for pub in pubs)
    else:
        precision = options.get("default_precision") or _PRECISION
        estimated = [EstimatorPub.coerce(tuple(pub), precision) for pub in decoded["pubs"]]
        results = [_estimate(pub, simulate=simulate) for pub in estimated]
        executions = sum(pub.size * math.ceil(1 / pub.precision**2) for pub in estimated)
    whole: PrimitiveResult[Any] = PrimitiveResult(results, metadata={"version": 2})
    return json.dumps(whole, cls=RuntimeEncoder), executions


def _sample(pub: SamplerPub, *, simulate: bool) -> PubResult:
    values = pub.parameter_values.as_array(pub.circuit.parameters)
    bits = _measure(pub.circuit, values, pub.shots, simulate=simulate)
    arrays = {name: BitArray.from_bool_array(made, order="little") for name, made in bits.items()}
    metadata = {"circuit_metadata": pub.circuit.metadata}
    return SamplerPubResult(DataBin(**arrays, shape=pub.shape), metadata=metadata)


def _estimate(pub: EstimatorPub, *, simulate: bool) -> PubResult:
    seed = _seed(pub.circuit, pub.parameter_values.as_array(pub.circuit.parameters), pub.precision)
    if simulate:
        estimator = EstimatorV2(options={"run_options": {"seed_simulator": seed}})
        return PubResult(estimator.run([pub]).result()[0].data, metadata={})
    values = np.random.default_rng(seed).uniform(-1, 1, pub.shape)
    return PubResult(DataBin(evs=values, stds=np.full(pub.shape, pub.precision), shape=pub.shape))


def _executor(params: str, *, simulate: bool) -> tuple[str, int]:
    model = ParamsModel.model_validate_json(params)
    program, _ = QUANTUM_PROGRAM_PARAMS_CONVERTERS["v2.0"].decoder(model)
    data = []
    executions = 0
    for item in program.items:
        if isinstance(item, SamplexItem):
            shape = item.shape
            bits = _randomized(program, item, simulate=simulate)
        else:
            shape = item.circuit_arguments.shape[:-1]
            bits = _measure(item.circuit, item.circuit_arguments, program.shots, simulate=simulate)
        executions += program.shots * math.prod(shape)
        data.append(_item(bits))
    result = QuantumProgramResultModel(
        data=data,
        metadata=MetadataModel(chunk_timing=[]),
        passthrough_data=model.quantum_program.passthrough_data,
        semantic_role=model.quantum_program.semantic_role,
    )
    return result.model_dump_json(), executions


def _randomized(program: QuantumProgram, item: SamplexItem, *, simulate: bool) -> dict[str, Any]:
    """The bits of a twirled circuit, and what goes with them: which are to be flipped back."""
    item.samplex.finalize()
    seed = _seed(item.circuit, None, program.shots)
    if simulate:
        alone = QuantumProgram(program.shots, [item], meas_level=program.meas_level)
        options = SimulatorOptions(seed_simulator=seed)
        return dict(run_quantum_program(AerSimulator(), alone, options)[0].items())
    generator = np.random.default_rng(seed)
    drawn = broadcast_sample(item.samplex, item.samplex_arguments, item.shape, generator)
    values = drawn.pop("parameter_values")
    return {**drawn, **_measure(item.circuit, values, program.shots, simulate=False)}


def _item(arrays: Mapping[str, Any]) -> QuantumProgramResultItemModel:
    return QuantumProgramResultItemModel(
        results={name: CompressedTensorModel.from_numpy(array) for name, array in arrays.items()},
        metadata=ItemMetadataModel(),
    )


def _measure(circuit: QuantumCircuit, values: Any, shots: int, *, simulate: bool) -> dict[str, Any]:
    """The bits of each register, clbit 0 first: an array of `(*values.shape[:-1], shots, bits)`.

    The last axis of `values` is over the circuit's parameters.
    """
    shape = values.shape[:-1]
    seed = _seed(circuit, values, shots)
    if not simulate:
        generator = np.random.default_rng(seed)
        return {
            register.name: generator.integers(0, 2, (*shape, shots, register.size)).astype(bool)
            for register in circuit.cregs
        }
    # Aer's sampler takes the bits of each register for neighbours.
    whole = circuit.copy()
    whole.add_register(ClassicalRegister(name="all of the clbits", bits=circuit.clbits))
    bound = {tuple(circuit.parameters): values} if circuit.num_parameters else {}
    pub = SamplerPub(whole, BindingsArray(bound, shape=shape), shots)
    measured = SamplerV2(seed=seed).run([pub]).result()[0].data["all of the clbits"]
    bits = measured.to_bool_array(order="little")
    return {
        register.name: bits[..., [circuit.find_bit(bit).index for bit in register]]
        for register in circuit.cregs
    }


def _seed(circuit: QuantumCircuit, values: Any, shots: float) -> int:
    bare = circuit.copy()
    bare._layout = None  # written in the order of a set: other bytes each time
    written = io.BytesIO()
    qpy.dump(bare, written)
    written.write(np.asarray([] if values is None else values).tobytes())
    written.write(repr(shots).encode())
    return int.from_bytes(hashlib.sha256(written.getvalue()).digest()[:4]) >> 1
