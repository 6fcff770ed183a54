"""What goes wrong, when, and how often."""

import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from support.standin.answers import HTML, Answer, refusal, text
from support.standin.settings import value_of


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong, `times` times (0: always), each time with `probability`.

    On requests: `on` is the kind of request (`any` for all of the service's). `accept`: the
    request is carried out first. Then there is a pause of `delay_s`; and `status` is answered
    in place of the true answer (0: the true answer), or the connection ends (`drop`), or the
    server kills itself (`die`). `skip` requests pass first.

    On jobs (`job` is set): what becomes of a job that is accepted.
    """

    name: str
    on: str = "submit"
    times: int = 1
    skip: int = 0
    probability: float = 1.0
    seed: int = 0
    # requests
    accept: bool = False
    delay_s: float = 0.0
    status: int = 0
    code: int = 0
    message: str = ""
    retry_after: str = ""
    html: bool = False
    drop: bool = False
    die: bool = False
    # jobs
    job: str = ""
    word: str = ""
    seconds: float = 0.0  # how long a strange word is shown; 0: for ever

    def answer(self) -> Answer | None:
        """What is said in place of the true answer."""
        if not self.status:
            return None
        if self.html:
            page = f"<html><h1>{self.message}</h1></html>"
            return text(page, status=self.status, content_type=HTML)
        headers = {"Retry_After": self.retry_after} if self.retry_after else {}
        return refusal(self.status, self.code or self.status, self.message, **headers)

    def to_json(self) -> str:
        return json.dumps(asdict(self))


_PENDING = (
    "You have reached the limit of 3 pending jobs. Please wait for a job to complete "
    "or cancel one before submitting anything new."
)

NAMED: Mapping[str, Mapping[str, Any]] = {
    "error": {"status": 503, "message": "Service Unavailable"},
    "accept-then-error": {"accept": True, "status": 503, "message": "Service Unavailable"},
    "drop": {"drop": True},
    "accept-then-drop": {"accept": True, "drop": True},
    "slow": {"accept": True, "delay_s": 1.0},
    "hang": {"delay_s": 3600.0, "drop": True},
    "accept-then-hang": {"accept": True, "delay_s": 3600.0, "drop": True},
    "garbage": {"status": 200, "html": True, "message": "Sign in to the network"},
    "accept-then-garbage": {"accept": True, "status": 200, "html": True, "message": "Hello"},
    "rate-limit": {"status": 429, "code": 1202, "message": "Too many requests."},
    "pending-limit": {"status": 400, "code": 3458, "message": _PENDING},
    "quota": {"status": 409, "code": 4317, "message": "Usage exceeds instance limit."},
    "too-large": {"status": 413, "code": 1206, "message": "Request entity too large."},
    "too-large-html": {"status": 403, "html": True, "message": "cloudflare: 403 Forbidden"},
    "unauthorized": {"status": 401, "code": 1200, "message": "Unauthorized."},
    "forbidden": {"status": 403, "code": 1200, "message": "Forbidden."},
    "not-found": {"status": 404, "code": 1291, "message": "Not found."},
    "die": {"die": True},
    "accept-then-die": {"accept": True, "die": True},
    "lose-tags": {"job": "lose-tags"},
    "fail": {"job": "fail", "code": 6000, "message": "Internal error."},
    "time-limit": {"job": "time-limit", "code": 1305, "message": "Job ran too long."},
    "status-word": {"job": "status-word", "word": "Hibernating"},
    "expire-results": {"job": "expire-results", "status": 410, "message": "Results expired."},
    "read-once": {"job": "read-once", "status": 404, "message": "Results were read."},
}  # fmt: skip
"""The faults that have a name, and what each is made of; every part can be given anew."""


def fault(name: str, **parts: object) -> Fault:
    """A named fault, with some of its parts given anew. Raises ValueError."""
    if name not in NAMED:
        raise ValueError(f"there is no fault {name!r}; there are {', '.join(NAMED)}")
    given = {part: value_of(Fault, part, value) for part, value in parts.items()}
    return Fault(**{"name": name, **NAMED[name], **given})


def parse(words: str) -> Fault:
    """A fault as the command line gives it: `accept-then-error,status=504,times=2`."""
    name, *parts = words.split(",")
    pairs = [part.partition("=") for part in parts]
    if not all(equals for _, equals, _ in pairs):
        raise ValueError(f"{words!r} is not NAME,PART=VALUE,...")
    return fault(name, **{part: value for part, _, value in pairs})


@dataclass(frozen=True)
class Armed:
    """A fault in place: how many chances it had, and how often it struck."""

    number: int
    fault: Fault
    seen: int
    struck: int

    @property
    def spent(self) -> bool:
        return bool(self.fault.times) and self.struck >= self.fault.times

    def strikes(self) -> bool:
        """Whether it strikes at its next chance; always the same for the same seed."""
        fault = self.fault
        if self.spent or self.seen < fault.skip:
            return False
        chance = random.Random(f"{fault.seed} {self.number} {self.seen}").random()
        return chance < fault.probability

    def meets(self, kind: str) -> bool:
        return not self.fault.job and self.fault.on in {kind, "any"}


def strike(armed: Iterable[Armed], *, kind: str) -> tuple[list[Armed], Fault | None]:
    """Those that had a chance at a request, counted on, and the first that struck."""
    counted = []
    for one in armed:
        if one.meets(kind) and not one.spent:
            strikes = one.strikes()
            counted.append(Armed(one.number, one.fault, one.seen + 1, one.struck + strikes))
            if strikes:
                return counted, one.fault
    return counted, None


def strike_job(armed: Iterable[Armed]) -> tuple[list[Armed], list[Fault]]:
    """Those that had a chance at a new job, counted on, and all that struck."""
    counted, struck = [], []
    for one in armed:
        if one.fault.job and not one.spent:
            strikes = one.strikes()
            counted.append(Armed(one.number, one.fault, one.seen + 1, one.struck + strikes))
            if strikes:
                struck.append(one.fault)
    return counted, struck
