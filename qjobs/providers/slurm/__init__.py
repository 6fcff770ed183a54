"""Circuits on a cluster that Slurm runs: a slice is a task of a job array."""
