"""A stand-in for IBM Quantum Platform on loopback: see README.md."""
