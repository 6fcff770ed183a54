"""A real browser without a window, driven by Chromium's DevTools protocol through a pair of pipes.

https://chromedevtools.github.io/devtools-protocol: each message is JSON that ends in a NUL byte. It
needs no driver and no package, and opens no port.
"""

import fcntl
import json
import os
import queue
import shutil
import signal
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
WITHIN_S = 120  # a time that guards against hanging


def executable() -> str | None:
    """The browser of this machine; None if there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Tab:
    """One tab. `complaints` is all that its pages had to complain of on the console."""

    def __init__(self, browser: "Browser", target: str) -> None:
        self._browser = browser
        attached = browser.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        self.complaints: list[str] = []
        self.loads = 0
        browser.listeners[self._session] = self._hear
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable")

    def open(self, path: Path, *, width: int = 1400, dark: bool = False) -> None:
        """Load a file, and wait until it has loaded."""
        self.look(width=width, dark=dark)
        before = self.loads
        self._call("Page.navigate", url=path.resolve().as_uri())
        self._browser.wait(lambda: self.loads > before, f"{path} to load")

    def look(self, *, width: int, dark: bool, height: int = 900) -> None:
        """Set the width of the window in pixels, and whether the user likes it dark."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])

    def evaluate(self, script: str) -> Any:
        """The value of an expression, once it has come if it is a promise."""
        answer = self._call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def click(self, selector: str) -> None:
        """Press the mouse in the middle of the first element that a selector finds."""
        box = self.evaluate(
            f"""(() => {{
                const found = document.querySelector({json.dumps(selector)});
                found.scrollIntoView({{ block: "center", behavior: "instant" }});
                const box = found.getBoundingClientRect();
                return {{ x: box.x + box.width / 2, y: box.y + box.height / 2 }};
            }})()"""
        )
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, **box, button="left", clickCount=1)

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        self._call("Input.insertText", text=text)

    def wait_for_load(self, before: int) -> None:
        """Wait until a page was loaded since there were `before` loads."""
        self._browser.wait(lambda: self.loads > before, "another load")

    def screenshot(self, path: Path, *, whole: bool = True) -> None:
        """Write what is to be seen as a PNG; `whole`: what lies below, too."""
        image = self._call("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(b64decode(image["data"]))

    def _call(self, method: str, **params: Any) -> Any:
        return self._browser.call(method, session=self._session, **params)

    def _hear(self, method: str, params: Any) -> None:
        match method:
            case "Page.loadEventFired":
                self.loads += 1
            case "Runtime.exceptionThrown":
                self.complaints.append(str(params["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning", "assert"):
                self.complaints.append(str(params["args"]))
            case "Log.entryAdded":
                self.complaints.append(str(params["entry"]))
            case _:
                pass


class Browser:
    """A process of the browser."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._out = to_browser
        self._in = from_browser
        self._number = 0
        self._answers: dict[int, Any] = {}
        self._messages: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.listeners: dict[str, Any] = {}
        threading.Thread(target=self._read, daemon=True).start()

    def tab(self) -> Tab:
        """A new tab."""
        return Tab(self, self.call("Target.createTarget", url="about:blank")["targetId"])

    def call(self, method: str, *, session: str = "", **params: Any) -> Any:
        """Ask something, and the answer."""
        self._number += 1
        number = self._number
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._out, data) :]
        self.wait(lambda: number in self._answers, method)
        answer = self._answers.pop(number)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return answer["result"]

    def wait(self, happened: Any, what: str) -> None:
        """Take in messages until something has happened."""
        while not happened():
            try:
                message = self._messages.get(timeout=WITHIN_S)
            except queue.Empty:
                raise AssertionError(f"the browser hangs: waited for {what}") from None
            if message is None:
                raise AssertionError(f"the browser has ended: waited for {what}")
            if "id" in message:
                self._answers[message["id"]] = message
            elif listener := self.listeners.get(message.get("sessionId", "")):
                listener(message["method"], message["params"])

    def _read(self) -> None:
        rest = b""
        while part := os.read(self._in, 1 << 20):
            *messages, rest = (rest + part).split(b"\0")
            for message in messages:
                self._messages.put(json.loads(message))
        self._messages.put(None)


@contextmanager
def browsing(folder: Path) -> Iterator[Browser]:
    """The browser of this machine, with a profile of its own in `folder`, until the block ends."""
    program = executable()
    assert program is not None
    options = [
        "--headless=new", "--remote-debugging-pipe", f"--user-data-dir={folder}",
        "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage", "--disable-extensions",
        "--disable-background-networking", "--hide-scrollbars", "--force-color-profile=srgb",
        # A container often has no room for it; all that is loaded is our own.
        "--no-sandbox",
    ]  # fmt: skip
    its_in, to_browser = _pipe()
    from_browser, its_out = _pipe()
    nothing = os.open(os.devnull, os.O_RDWR)
    # The protocol wants its pipes at 3 and 4, which `subprocess` may use for itself.
    places = [nothing, nothing, nothing, its_in, its_out]
    process = os.posix_spawn(
        program,
        [program, *options],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_DUP2, fd, place) for place, fd in enumerate(places)],
    )
    for fd in (nothing, its_in, its_out):
        os.close(fd)
    browser = Browser(to_browser, from_browser)
    try:
        yield browser
        browser.call("Browser.close")  # and then it leaves its profile alone
    except BaseException:
        os.kill(process, signal.SIGKILL)
        raise
    finally:
        os.waitpid(process, 0)
        os.close(to_browser)


def _pipe() -> tuple[int, int]:
    """A pipe whose ends have no numbers that a program expects something at."""
    ends = os.pipe()
    high, other = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends)
    for end in ends:
        os.close(end)
    return high, other
