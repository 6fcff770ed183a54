"""From a slice of circuits to the row of the queue that stands for it."""

import json
from dataclasses import replace

from qjobs.circuits import qpy
from qjobs.circuits.slices import CircuitSlice
from qjobs.errors import InputError, JobRefused
from qjobs.model import RunOptions
from qjobs.providers.local import marks
from qjobs.providers.local.queued import QueuedJob, StampedFile
from qjobs.simulators import names as backends
from qjobs.simulators.defined import Definition


def queued_job(circuits: CircuitSlice, *, backend: str, options: RunOptions, tag: str) -> QueuedJob:
    """The row of a job. Raises JobRefused if its files are not what they should be."""
    # Imported here: only a submit needs it, and it loads OpenSSL.
    from hashlib import sha256

    try:
        container = StampedFile.of(circuits.path)
        with qpy.Container.open(circuits.path) as opened:
            qubits = opened.qubits(circuits.records)
        sweep, observables = circuits.sweep, circuits.observables
        # Made of the tag, so that no other queue, here or elsewhere, has a job of this id.
        job_id = f"local-{sha256(tag.encode()).hexdigest()[:16]}"
        definition = backends.definition(backend)
        job = QueuedJob(
            job_id=job_id,
            backend=backend,
            file=container.path,
            size_bytes=container.size_bytes,
            modified_ns=container.modified_ns,
            start_index=circuits.slice.start_index,
            experiments_count=circuits.slice.experiments_count,
            qubits=qubits,
            options=QueuedJob.encode_options(options),
            sweep=json.dumps([StampedFile.of(sweep.path), *sweep[1:]]) if sweep else "",
            observables=json.dumps(StampedFile.of(observables)) if observables else "",
            folder=backends.folder_of(backend),
            first=circuits.first,
            definition=_written(definition),
        )
        return replace(job, mark=marks.make(job)) if job.names_code else job
    except OSError as error:
        raise JobRefused(f"cannot read {error.filename}: {error.strerror}") from error
    except InputError as error:
        raise JobRefused(error.message, hint=error.hint) from error


def _written(definition: Definition | None) -> str:
    """What stands in the queue for a backend of the config file."""
    if definition is None:
        return ""
    folders = [backends.folder_of(named) for named in definition.callables()]
    return json.dumps([str(definition.path), definition.digest, folders])
