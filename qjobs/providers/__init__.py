"""Plug-ins that run circuits somewhere, and the contract that they keep."""
