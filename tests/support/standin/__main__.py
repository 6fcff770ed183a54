"""The command: serve until interrupted, and print what points the client here. See README.md."""

import argparse
import os
import shlex
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path

# Run as `python tests/support/standin`, this folder is where Python looks for modules.
sys.path[0] = str(Path(__file__).resolve().parents[2])

from support.standin import faults  # noqa: E402 - after the path is right
from support.standin.settings import Settings, value_of  # noqa: E402
from support.standin.state import State  # noqa: E402


def main() -> None:
    """Parse, and serve or work."""
    parser = argparse.ArgumentParser(
        prog="standin", description="A stand-in for IBM Quantum Platform on this machine."
    )
    parser.add_argument("--state", type=Path, required=True, help="folder that keeps the jobs")
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--backends", help="names of the client's snapshots, with commas")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME[,PART=VALUE...]")
    parser.add_argument("--set", action="append", default=[], metavar="SETTING=VALUE")
    parser.add_argument("--attached", action="store_true", help="end when the input closes")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    os.umask(0o077)
    if arguments.worker:
        from support.standin import worker

        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server decides
        worker.main(arguments.state)
        return
    try:
        serve(arguments)
    except ValueError as error:
        parser.error(str(error))


def serve(arguments: argparse.Namespace) -> None:
    """Serve until SIGINT or SIGTERM. Raises ValueError for a wrong setting, fault or backend."""
    from support.standin.account import environment
    from support.standin.devices import DEFAULT, Devices
    from support.standin.server import Server
    from support.standin.service import Service
    from support.standin.worker_process import WorkerProcess

    state = State(arguments.state)
    pairs = [pair.partition("=") for pair in arguments.set]
    if not all(equals for _, equals, _ in pairs):
        raise ValueError("--set is SETTING=VALUE")
    values = {name: value_of(Settings, name, value) for name, _, value in pairs}
    state.set(replace(state.settings, **values))  # type: ignore[arg-type]  # value_of checked
    state.arm([faults.parse(words) for words in arguments.fault])
    state.put_back()
    names = arguments.backends.split(",") if arguments.backends else DEFAULT
    service = Service(state, Devices(names), WorkerProcess(arguments.state, state))
    with Server(arguments.port, service) as server:
        for name, value in environment(server.url, token=state.settings.token).items():
            sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
        sys.stdout.write(f"# serving {', '.join(names)} at {server.url}\n")
        sys.stdout.flush()
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        if arguments.attached:
            threading.Thread(target=_end_with_input, daemon=True).start()
        if state.rows("SELECT 1 FROM jobs WHERE status = 'Queued' LIMIT 1"):
            service.worker.wake()
        try:
            # A signal that comes just before the wait is only seen after it.
            server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            sys.exit(0)


def _end_with_input() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
