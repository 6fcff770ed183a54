"""Make the environments of the vendors' packages that some tests try.

    python tests/providers/vendor/make_environments.py FOLDER
    QJOBS_VENDOR_ENVS=FOLDER python -m pytest tests/border tests/local

They take some minutes and gigabytes. One that is there already is left as it is.
"""

import subprocess
import sys
import venv
from pathlib import Path

from support import TESTS

ROOT = TESTS.parent

ENVIRONMENTS = {
    "braket": ("qiskit-braket-provider==0.27.1", "qiskit==2.6.2"),
    "iqm": ("iqm-client==36.0.0", "qiskit==2.6.2", "qiskit-aer"),
    "iqm-older": ("iqm-client[qiskit]==36.0.0",),
    "mqt": ("mqt.ddsim", "qiskit==2.6.2"),
    "local": ("mqt.ddsim", "iqm-client==36.0.0", "qiskit==2.6.2", "-e", str(ROOT)),
    "qiskit-1": ("qiskit==1.3.0", "qiskit-aer"),
}


def main() -> None:
    (folder,) = map(Path, sys.argv[1:])
    for name, packages in ENVIRONMENTS.items():
        python = folder / name / "bin" / "python"
        if python.exists():
            continue
        venv.create(folder / name, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)


if __name__ == "__main__":
    main()
