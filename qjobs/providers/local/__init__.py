"""The default provider: Aer on this machine, behind a queue that outlives the shell."""
