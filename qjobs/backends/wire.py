"""Where HTTP clients put requests on the wire, so that `posts` hears of them.

That is below whatever repeats them: `http.client`, on which `urllib`, `requests`, `urllib3`,
`botocore` and Azure's clients stand, `httpcore`, on which `httpx` does, and `aiohttp`. Those that
are not loaded yet are seen to when they are. Outside of a call of `run` nothing is changed.
"""

import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, wraps
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from qjobs.backends.posts import WATCH, Post, PostedAgain


@cache
def watch() -> None:
    """Hear of what is posted in this process from now on."""
    import concurrent.futures
    import http.client
    import threading

    _watch_threads(threading.Thread, concurrent.futures.ThreadPoolExecutor)
    _watch_http_client(http.client.HTTPConnection)
    for name, hook in _LATER.items():
        if name in sys.modules:
            hook(sys.modules[name])
    sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder):
    """Sees to the clients that are imported later."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec that the other finders find, with our hook behind it."""
        if fullname not in _LATER:
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        found = (finder.find_spec(fullname, path, target) for finder in others)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is not None and spec.loader is not None:
            loader: Any = spec.loader
            execute = loader.exec_module

            def exec_module(module: ModuleType) -> None:
                execute(module)
                _LATER[fullname](module)

            loader.exec_module = exec_module
        return spec


def _watch_threads(thread: Any, executor: Any) -> None:
    """Have threads that a call starts count as its own. Tasks of `asyncio` do so by themselves."""
    start, submit = thread.start, executor.submit

    @wraps(start)
    def started(self: Any) -> None:
        self.run = WATCH.carried(self.run)
        start(self)

    @wraps(submit)
    def submitted(self: Any, fn: Any, /, *arguments: Any, **keywords: Any) -> Any:
        return submit(self, WATCH.carried(fn), *arguments, **keywords)

    thread.start, executor.submit = started, submitted


def _watch_http_client(connection: Any) -> None:
    putrequest, send, getresponse = connection.putrequest, connection.send, connection.getresponse

    @wraps(putrequest)
    def begun(self: Any, method: str, url: str, *arguments: Any, **keywords: Any) -> None:
        self._qjobs_post = post = WATCH.post(method, f"{self.host}:{self.port}", url)
        if post is not None:
            post.check()
        putrequest(self, method, url, *arguments, **keywords)

    @wraps(send)
    def sent(self: Any, data: Any) -> None:
        post: Post | None = vars(self).get("_qjobs_post")
        if post is None:
            send(self, data)
            return
        self._qjobs_post = None  # for what is sent while it connects, or by parts, is not of it
        try:
            _send(self, data, post, send)
        finally:
            self._qjobs_post = post

    @wraps(getresponse)
    def answered(self: Any, *arguments: Any, **keywords: Any) -> Any:
        post: Post | None = vars(self).pop("_qjobs_post", None)
        with _answering(post):
            response = getresponse(self, *arguments, **keywords)
        if post is not None:
            post.answer(response.status)
        return response

    connection.putrequest, connection.send, connection.getresponse = begun, sent, answered


def _send(connection: Any, data: Any, post: Post, send: Callable[[Any, Any], None]) -> None:
    """Send a part of a post: its head comes first, and in one."""
    if connection.sock is None and connection.auto_open:
        connection.connect()
    try:
        if not post.left:
            post.leave()
        elif isinstance(data, bytes | bytearray | memoryview):
            post.add(bytes(data))
    except PostedAgain:
        connection.close()  # which not every client does after an error of this kind
        raise
    with _answering(post):
        send(connection, data)


def _watch_httpcore(module: Any) -> None:
    for name in ("HTTP11Connection", "HTTP2Connection"):
        _watch_httpcore_class(getattr(module, name), getattr(module, f"Async{name}"))


def _watch_httpcore_class(connection: Any, async_connection: Any) -> None:
    handle = getattr(connection, "handle_request", None)
    handle_async = getattr(async_connection, "handle_async_request", None)
    if handle is None or handle_async is None:
        return  # HTTP/2 without its package

    @wraps(handle)
    def handled(self: Any, request: Any) -> Any:
        post = _httpcore_post(request)
        if post is None:
            return handle(self, request)
        post.check()
        request.stream = _Stream(request.stream, post)
        with _answering(post):
            response = handle(self, request)
        post.answer(response.status)
        return response

    @wraps(handle_async)
    async def handled_async(self: Any, request: Any) -> Any:
        post = _httpcore_post(request)
        if post is None:
            return await handle_async(self, request)
        post.check()
        request.stream = _Stream(request.stream, post)
        with _answering(post):
            response = await handle_async(self, request)
        post.answer(response.status)
        return response

    connection.handle_request = handled
    async_connection.handle_async_request = handled_async


def _httpcore_post(request: Any) -> Post | None:
    url = request.url
    return WATCH.post(
        request.method.decode(), f"{url.host.decode()}:{url.port}", url.target.decode()
    )


class _Stream:
    """The body of a request of httpcore's, which is asked for once its head has been sent."""

    def __init__(self, stream: Any, post: Post) -> None:
        self._stream = stream.stream if isinstance(stream, _Stream) else stream
        self._post = post

    @property
    def stream(self) -> Any:
        """The stream of the client, which it may send again."""
        return self._stream

    def __iter__(self) -> Iterator[bytes]:
        self._post.leave()
        for data in self._stream:
            self._post.add(data)
            yield data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._post.leave()
        async for data in self._stream:
            self._post.add(data)
            yield data


def _watch_aiohttp(module: Any) -> None:
    request, response = module.ClientRequest, module.ClientResponse
    send, start = request.send, response.start

    @wraps(send)
    async def sent(self: Any, *arguments: Any, **keywords: Any) -> Any:
        post = WATCH.post(self.method, f"{self.url.raw_host}:{self.url.port}", self.url.raw_path_qs)
        if post is None:
            return await send(self, *arguments, **keywords)
        post.leave()
        body = getattr(self.body, "_value", self.body)  # of one that is all there
        if isinstance(body, bytes | bytearray | memoryview):
            post.add(bytes(body))
        with _answering(post):
            answer = await send(self, *arguments, **keywords)
        vars(answer)["_qjobs_post"] = post
        return answer

    @wraps(start)
    async def started(self: Any, *arguments: Any, **keywords: Any) -> Any:
        post: Post | None = vars(self).pop("_qjobs_post", None)
        with _answering(post):
            answer = await start(self, *arguments, **keywords)
        if post is not None:
            post.answer(self.status)
        return answer

    request.send, response.start = sent, started


@contextmanager
def _answering(post: Post | None) -> Iterator[None]:
    """Leave the post without an answer if anything goes wrong within."""
    try:
        yield
    except BaseException:
        if post is not None:
            post.lose()
        raise


_LATER: dict[str, Callable[[Any], None]] = {
    "httpcore": _watch_httpcore,
    "aiohttp.client_reqrep": _watch_aiohttp,
}
