"""The seed of each circuit of a set, the same however the set is cut into jobs."""

from qjobs.model import RunOptions

# Aer seeds circuit i of a run with the run's seed + 2113 i (`src/framework/circuit.hpp`), so a
# part of a run starts with the seed that its first circuit would have there. Each row of
# parameter values is a circuit in this.
_STRIDE = 2113


def seed_of(circuit: int, options: RunOptions) -> int | None:
    """The seed of the circuit with this index, and of a run that starts with it; None is any."""
    return None if options.seed is None else options.seed + _STRIDE * circuit
