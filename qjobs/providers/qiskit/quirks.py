"""What is changed in vendors' packages before they are used, because it costs the user money."""

from importlib import import_module

# Methods that send a job again when the answer is an error, which may come after the job was
# taken: package, module, class, method. They are functools.wraps decorations.
_RESENDING = (("qiskit_ionq", "qiskit_ionq.ionq_client", "IonQClient", "submit_job"),)


def send_once(package: str) -> None:
    """Have the clients of this package send each job once: a lost answer is for us to deal with."""
    for name, module, class_name, method in _RESENDING:
        if name != package:
            continue
        owner = getattr(import_module(module), class_name, None)
        plain = getattr(getattr(owner, method, None), "__wrapped__", None)
        if plain is not None:
            setattr(owner, method, plain)
