"""How much memory and time a process may take that reads circuits.

The bounds are there for files that would take all of a machine, or for ever. An honest file is
far from them, on a slow machine too: parsing takes at most a tenth of the time and, for files as
large as we read them, some GiB.
"""

import os
from contextlib import suppress

from qjobs.circuits.files import CircuitFile
from qjobs.circuits.sniff import Format

OUT_OF_MEMORY = 75
"""With this exit code a process says that the memory it may take is used up."""

START_S = 300.0
"""For Python and Qiskit to be loaded."""
FILE_S = 60.0
"""For any file; and so much more for each of its bytes."""
BYTE_S = {Format.QASM2: 60e-6, Format.QASM3: 300e-6, Format.QASM: 300e-6, Format.QPY: 30e-6}

_LEAST_BYTES = 2 << 30
_UNPACKING = 20


def memory_bytes(processes: int) -> int:
    """The memory that each of `processes` may take; one alone may take most of the machine's."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4 * 3
    return min(whole, max(_LEAST_BYTES, whole // processes))


def limit_memory(size_bytes: int) -> None:
    """Have the kernel refuse to this process what is more, where it can do that."""
    # Imported here: the parent has no use for it.
    import resource

    # Not RLIMIT_AS: what is only reserved, or a file that is mapped, takes no memory.
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    if most == resource.RLIM_INFINITY or size_bytes < most:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_DATA, (size_bytes, most))


def time_s(file: CircuitFile) -> float:
    """How long it may take to read a file."""
    size_bytes = file.size_bytes * (_UNPACKING if file.packed else 1)
    return FILE_S + BYTE_S[file.format] * size_bytes
