"""The requests that a vendor's client posts for one job, of which none may go out twice.

A client that posts again when an answer gets lost makes two jobs, and both are paid for. So in
one call of `run` each POST, PUT and PATCH is watched (`wire` tells of them):

- One that got no answer, or 5xx or 408, may have made a job. Nothing more is posted to its place
  (the address without its query), and its body goes nowhere else either.
- One that is on its way, or was answered by 2xx, does not go to its address again with the same
  body. With another one it may: some packages post each circuit, or a file in parts. And it may
  after a 401 or 403, for then credentials are renewed as they were got.
- One that was answered by 3xx or another 4xx did nothing, and may be repeated: a service that
  answers 429 has not taken the job.

What is stopped is an error in the client, and the job's fate is unknown, whatever the client
makes of it.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock

from qjobs.errors import ProviderError

_METHODS = frozenset({"POST", "PUT", "PATCH"})


class PostedAgain(ProviderError):
    """The client was about to post again what may have made a job; it is kept from that."""


class Post:
    """One request: told when it leaves, what is in it, and how it was answered."""

    def __init__(self, call: "RunCall", method: str, origin: str, target: str) -> None:
        self._call = call
        self._sum = hashlib.sha256()
        self._status: int | None = None
        self._lost = False
        self.renewable = False
        self.left = False
        self.is_post = method in _METHODS
        self.address = (method, origin, target)
        self.place = (method, origin, target.partition("?")[0])
        self.bytes = 0

    def __str__(self) -> str:
        method, origin, path = self.place
        if self._status is None:
            fate = "got no answer" if self._lost else "is on its way"
        else:
            fate = f"was answered with {self._status}"
        return f"{method} {origin}{path} {fate}"

    def check(self) -> None:
        """Raise PostedAgain if it must not leave, whatever is in it."""
        if self.is_post:
            self._call.stop_if(
                self, lambda earlier: earlier.in_doubt and earlier.place == self.place
            )

    def leave(self) -> None:
        """Note that the request is about to leave. Raises PostedAgain."""
        self.check()
        self.left = self.is_post

    def add(self, data: bytes) -> None:
        """A part of its body is about to leave. Raises PostedAgain if that makes a known one."""
        self._sum.update(data)
        self.bytes += len(data)
        if self.left and self.bytes:
            self._call.stop_if(self, self._is_repeated)

    def answer(self, status: int) -> None:
        """Note that the request was answered."""
        self._status = status
        if status in (401, 403):
            self._call.renew()

    def renew(self) -> None:
        """Allow the request to be repeated, for its answer asks for new credentials."""
        self.renewable = self._status is not None and self._status < 300

    def lose(self) -> None:
        """There will be no answer any more."""
        self._lost = True

    @property
    def body(self) -> tuple[int, bytes]:
        """The digest that tells its body from other bodies."""
        return self.bytes, self._sum.digest()

    @property
    def in_doubt(self) -> bool:
        """Whether it may have made a job that nobody will tell of."""
        if self._status is None:
            return self.left and self._lost
        return self._status >= 500 or self._status == 408

    @property
    def refused(self) -> bool:
        """Whether it surely did nothing."""
        return self._status is not None and self._status >= 300 and not self.in_doubt

    def _is_repeated(self, earlier: "Post") -> bool:
        if earlier.body != self.body:
            return False
        elsewhere = earlier.address != self.address
        return earlier.in_doubt or not (elsewhere or earlier.refused or earlier.renewable)


class RunCall:
    """All that is posted in one call of `run`. Any thread may post."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._posts: list[Post] = []
        self._stopped: Post | None = None

    def post(self, method: str, origin: str, target: str) -> Post:
        """A further request."""
        post = Post(self, method, origin, target)
        with self._lock:
            self._posts.append(post)
        return post

    def stop_if(self, post: Post, repeated: Callable[[Post], bool]) -> None:
        """Raise PostedAgain if one of those that left before is repeated by this one."""
        with self._lock:
            left = (other for other in self._posts if other is not post and other.left)
            earlier = next(filter(repeated, left), None)
            if earlier is None:
                return
            self._posts.remove(post)
            self._stopped = earlier
        raise PostedAgain(f"{earlier}; its client was kept from posting it again")

    def renew(self) -> None:
        """Credentials were not accepted: what got them may be repeated."""
        with self._lock:
            for post in self._posts:
                post.renew()

    @property
    def idle(self) -> bool:
        """Whether nothing was posted that had an effect, as far as it is known."""
        with self._lock:
            return not any(post.left and not post.refused for post in self._posts)

    @property
    def doubt(self) -> Post | None:
        """A request that leaves open whether there is a job, if there is one."""
        with self._lock:
            return self._stopped or next((post for post in self._posts if post.in_doubt), None)


class Watch:
    """The calls of `run` in progress, and which of them a thread or a task works for."""

    def __init__(self) -> None:
        self._current: ContextVar[RunCall | None] = ContextVar("call", default=None)
        self._lock = Lock()
        self._calls: list[RunCall] = []

    @contextmanager
    def call(self) -> Iterator[RunCall]:
        """A call of `run`, in this thread and in those that are started for it.

        Within another one it is the same.
        """
        outer = self._current.get()
        if outer is not None and outer in self._calls:
            yield outer
            return
        call = RunCall()
        with self._lock:
            self._calls.append(call)
        token = self._current.set(call)
        try:
            yield call
        finally:
            self._current.reset(token)
            with self._lock:
                self._calls.remove(call)

    def current(self) -> RunCall | None:
        """The call that is being worked for.

        A thread from before may work for whomever: for the only call, where there is one.
        """
        call = self._current.get()
        with self._lock:
            if call in self._calls:
                return call
            return self._calls[0] if len(self._calls) == 1 else None

    def post(self, method: str, origin: str, target: str) -> Post | None:
        """A request that is about to be made; None if that is not for a call of `run`."""
        call = self.current()
        return None if call is None else call.post(method.upper(), origin, target)

    def carried(self, function: Callable[..., object]) -> Callable[..., object]:
        """A function that works for the call of now, in whatever thread it is called."""
        call = self._current.get()
        if call is None:
            return function

        def work(*arguments: object, **keywords: object) -> object:
            token = self._current.set(call)
            try:
                return function(*arguments, **keywords)
            finally:
                self._current.reset(token)

        return work


WATCH = Watch()
