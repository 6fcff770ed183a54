"""A vendor's package whose clients post again, each in the way of a real one.

The service is at `url`. A backend is named by its client.
"""

import asyncio
import json
import queue
import threading
import urllib.error
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor

TIMEOUT_S = 1.0
TRIES = 4


class Failed(Exception):
    """All tries were in vain; nothing tells why."""


class Job:
    def __init__(self, job_id):
        self._job_id = job_id

    def job_id(self):
        return self._job_id


def again(attempt):
    """What does whatever it takes to get an answer."""
    for _ in range(TRIES):
        try:
            return attempt()
        except Exception:  # noqa: BLE001 - that is what they do
            continue
    raise Failed


def requests_session(url, body):
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    retries = Retry(total=TRIES, status_forcelist=[503], allowed_methods=None, backoff_factor=0)
    with requests.Session() as session:
        session.mount("http://", HTTPAdapter(max_retries=retries))
        answer = session.post(url, json=body, timeout=TIMEOUT_S)
        answer.raise_for_status()
        return answer.json()


def requests_loop(url, body):
    import requests

    def attempt():
        # No two bodies are the same.
        more = {**body, "nonce": uuid.uuid4().hex}
        answer = requests.post(url, json=more, timeout=TIMEOUT_S)
        answer.raise_for_status()
        return answer.json()

    return again(attempt)


def urllib_loop(url, body):
    return again(lambda: plain(url, body))


def urllib3_pool(url, body):
    import urllib3

    retries = urllib3.Retry(TRIES, status_forcelist=[503], allowed_methods=None, backoff_factor=0)
    with urllib3.PoolManager(retries=retries, timeout=TIMEOUT_S) as pool:
        return pool.request("POST", url, json=body).json()


def httpx_transport(url, body):
    import httpx

    with httpx.Client(transport=httpx.HTTPTransport(retries=TRIES), timeout=TIMEOUT_S) as client:
        return again(lambda: client.post(url, json=body).raise_for_status().json())


def httpx_once(url, body):
    import httpx

    return httpx.post(url, json=body).json()


def httpx_async(url, body):
    import httpx

    async def submit():
        async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
            for _ in range(TRIES):
                try:
                    return (await client.post(url, json=body)).raise_for_status().json()
                except Exception:  # noqa: BLE001
                    continue
            raise Failed

    return asyncio.run(submit())


def aiohttp_loop(url, body):
    import aiohttp

    async def submit():
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout, raise_for_status=True) as session:
            for _ in range(TRIES):
                try:
                    async with session.post(url, json=body) as answer:
                        return await answer.json(content_type=None)
                except Exception:  # noqa: BLE001
                    continue
            raise Failed

    return asyncio.run(submit())


def pool_of_threads(url, body):
    """Each try is in another thread."""
    with ThreadPoolExecutor(TRIES) as pool:
        return again(lambda: pool.submit(plain, url, body).result())


def old_thread(url, body):
    """Each try is in a thread that was there before."""

    def attempt():
        answers = queue.Queue()
        ASKED.put((url, body, answers))
        answer = answers.get()
        if isinstance(answer, Exception):
            raise answer
        return answer

    return again(attempt)


def plain(url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(), method="POST")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        error.close()
        raise


def work():
    while True:
        url, body, answers = ASKED.get()
        try:
            answers.put(plain(url, body))
        except Exception as error:  # noqa: BLE001
            answers.put(error)


ASKED = queue.Queue()
threading.Thread(target=work, daemon=True).start()


def renewing(url, body):
    """Gets a token, sends the circuits, renews the token after a 401, and waits after a 429."""
    plain(url.replace("/jobs", "/token"), {"key": 1})
    plain(url.replace("/jobs", "/uploads"), body)
    for _ in range(TRIES):
        try:
            return plain(url, body)
        except urllib.error.HTTPError as error:
            if error.code not in (401, 429):
                raise
            if error.code == 401:
                plain(url.replace("/jobs", "/token"), {"key": 1})
    raise Failed


def one_by_one(url, body):
    """A job for each of some circuits, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        bodies = [{**body, "circuit": number} for number in range(4)]
        answers = list(pool.map(lambda one: plain(url, one), bodies))
    return {"id": "-".join(answer["id"] for answer in answers)}


def next_one(url, body):
    """A second address where the first one does not answer."""
    try:
        return plain(url, body)
    except Exception:  # noqa: BLE001
        return plain(url.replace("/jobs", "/other/jobs"), body)


REPEATING = [
    requests_session, requests_loop, urllib_loop, urllib3_pool, httpx_transport, httpx_async,
    aiohttp_loop, pool_of_threads, old_thread, next_one,
]  # fmt: skip
CLIENTS = {client.__name__: client for client in [*REPEATING, httpx_once, renewing, one_by_one]}


class Backend:
    max_circuits = 100

    def __init__(self, name, url):
        self.name = name
        self._url = url

    def run(self, circuits, shots=1024):
        body = {"shots": shots, "circuits": [circuit.name for circuit in circuits]}
        return Job(CLIENTS[self.name](f"{self._url}/jobs?version=1", body)["id"])

    def retrieve_job(self, job_id):
        return Job(job_id)


class Provider:
    def __init__(self, url):
        self._url = url

    def backends(self):
        return [Backend(name, self._url) for name in CLIENTS]

    def get_backend(self, name):
        return Backend(name, self._url)
