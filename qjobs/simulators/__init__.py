"""Circuits become results: Aer, named devices, and objects that keep Qiskit's contracts."""
