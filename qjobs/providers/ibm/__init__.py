"""IBM Quantum Platform, through the real `qiskit-ibm-runtime` client."""
