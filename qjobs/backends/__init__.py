"""Any Qiskit backend or sampler object: circuits run on it, and its jobs are read."""
