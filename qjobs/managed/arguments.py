"""Checks of the library's arguments, made before anything is written."""

from datetime import datetime
from operator import index as index_

from qjobs.managed.errors import JobManagerInvalidStateError
from qjobs.managed.submit_queue import queue_of
from qjobs.model import Slice


def checked_slice(start_index: object, experiments_count: object) -> Slice:
    """The range of circuits, if it is one of at least one circuit, from 0 on."""
    numbers = (start_index, experiments_count)
    wrong = JobManagerInvalidStateError(
        f"not a range of circuits: start_index {start_index!r}, "
        f"experiments_count {experiments_count!r}",
        hint="they are whole numbers, from 0 and from 1 on",
    )
    if any(isinstance(number, bool) for number in numbers):
        raise wrong
    try:
        return Slice(*map(index_, numbers))  # type: ignore[arg-type]  # that is what is tried
    except (TypeError, ValueError) as error:
        raise wrong from error


def check_text(what: str, given: object) -> None:
    """Raise JobManagerInvalidStateError unless it is a text that is not empty, or None.

    An empty text is no wish for a default.
    """
    if given is None:
        return
    if not isinstance(given, str) or not is_unicode(given):
        raise JobManagerInvalidStateError(f"the {what} is a text, not {given!r}")
    if not given.strip():
        raise JobManagerInvalidStateError(
            f"the {what} is empty", hint="give it a value, or leave it out"
        )


def checked_time(what: str, given: object) -> datetime | None:
    """A time with its zone, or None. Raises JobManagerInvalidStateError."""
    if given is None or (isinstance(given, datetime) and given.tzinfo is not None):
        return given
    raise JobManagerInvalidStateError(
        f"`{what}` is a time with its zone, not {given!r}",
        hint="such as datetime(2026, 11, 30, tzinfo=UTC)",
    )


def is_unicode(text: str) -> bool:
    """Whether it can be written down: half a character, which Python takes, cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def checked_per_job(given: object) -> int | None:
    """How many circuits a job has at most, if it is a whole number from 1 on, or None."""
    if given is None:
        return None
    try:
        number = 0 if isinstance(given, bool) else index_(given)  # type: ignore[arg-type]  # that is what is tried
    except TypeError:
        number = 0
    if number < 1:
        raise JobManagerInvalidStateError(
            f"a job has at least one circuit, in whole numbers, not {given!r}"
        )
    return number


def check_submitters(lock: object, executor: object) -> None:
    """Raise JobManagerInvalidStateError unless they are a lock and an executor."""
    if not callable(getattr(executor, "submit", None)):
        raise JobManagerInvalidStateError(
            f"an executor is needed, not {executor!r}", hint="give a ThreadPoolExecutor"
        )
    check_lock(lock)


def check_lock(lock: object) -> None:
    """Raise JobManagerInvalidStateError unless it is a lock."""
    try:
        queue_of(lock)  # type: ignore[arg-type]  # that is what is tried
    except TypeError:
        found = False
    else:
        found = all(callable(getattr(lock, name, None)) for name in ("__enter__", "__exit__"))
    if not found:
        raise JobManagerInvalidStateError(
            f"a lock is needed, not {lock!r}", hint="give a threading.Lock() or a Semaphore"
        )


def checked_tags(tags: object) -> tuple[str, ...]:
    """The tags, if they are a list of texts, or None."""
    if tags is None:
        return ()
    if not isinstance(tags, list | tuple) or not all(isinstance(tag, str) for tag in tags):
        raise JobManagerInvalidStateError(f"tags are a list of texts, not {tags!r}")
    for tag in tags:
        check_text("tag", tag)
    return tuple(dict.fromkeys(tags))


def changed_tags(tags: object, *, additional: object, removal: object) -> list[str]:
    """The tags and some more, but for those that are removed."""
    removed = checked_tags(removal)
    wanted = dict.fromkeys((*checked_tags(tags), *checked_tags(additional)))
    return [tag for tag in wanted if tag not in removed]
