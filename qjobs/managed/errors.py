"""The exceptions of the library, under the predecessor's names."""

from qjobs.errors import NotFound, QjobsError, TimedOut, UsageError


class JobManagerError(QjobsError):
    """The root of the job manager's own errors."""

    code = "job_manager"


class JobManagerInvalidStateError(JobManagerError, UsageError):
    """The request contradicts itself, or does not fit the state that the job set is in."""

    code = UsageError.code


class JobManagerTimeoutError(JobManagerError, TimedOut, TimeoutError):
    """The time limit ran out; the jobs go on."""

    code = TimedOut.code


class JobManagerJobNotFound(JobManagerError, NotFound):
    """No job of the set has that circuit."""

    code = NotFound.code


class ManagedResultDataNotAvailable(JobManagerError):
    """There is no such data of a circuit: its job or it itself gave none."""

    code = "no_data"


class JobManagerUnknownJobSet(JobManagerError, NotFound):
    """There is no job set of that id."""

    code = NotFound.code
