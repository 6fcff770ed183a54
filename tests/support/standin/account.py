"""IBM Cloud around the service: API keys, access tokens, instances and their plans."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import parse_qs

from support.standin.answers import Answer, Request, answer, refusal
from support.standin.service import Service

INSTANCES = {
    "standin": "crn:v1:bluemix:public:quantum-computing:us-east:a/standin:first::",
    "standin-second": "crn:v1:bluemix:public:quantum-computing:us-east:a/standin:second::",
}
"""The instances of the account by name; both see the same backends, each its own jobs."""

_TOKEN_LIFE_S = 3600
_KEY = b"signs nothing of worth"  # a token must outlive a restart, no more


def environment(url: str, *, token: str = "standin") -> dict[str, str]:
    """What points the client at a server. It uses a URL with `experimental` as it is."""
    return {
        "IAM_URL": url,
        "GLOBAL_SEARCH_URL": url,
        "GLOBAL_CATALOG_URL": f"{url}/catalog",
        "QISKIT_IBM_URL": f"{url}/experimental",
        "QISKIT_IBM_TOKEN": token,
        "QISKIT_IBM_INSTANCE": INSTANCES["standin"],
        "QISKIT_IBM_CHANNEL": "ibm_quantum_platform",
        "USAGE_DATA_OPT_OUT": "True",  # the client walks its stack at every request otherwise
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


def give_token(service: Service, request: Request) -> Answer:
    """POST /identity/token: an access token for an API key."""
    key = parse_qs(request.body.decode(errors="replace")).get("apikey", [""])[0]
    if key != service.settings.token:
        error = {"errorCode": "BXNIM0415E", "errorMessage": "Provided API key could not be found."}
        return answer(error, status=400)
    now = int(time.time())
    expiration = now + _TOKEN_LIFE_S
    return answer(
        {
            "access_token": _sign(
                {"iat": now, "exp": expiration, "iam_id": f"IBMid-{service.settings.user}"}
            ),
            "refresh_token": "not_supported",
            "token_type": "Bearer",
            "expires_in": _TOKEN_LIFE_S,
            "expiration": expiration,
        }
    )


def refused(service: Service, request: Request) -> Answer | None:
    """Why a request for the runtime API is not let in, if it is not."""
    scheme, _, credential = request.headers.get("Authorization", "").partition(" ")
    match scheme.lower():
        case "bearer":
            known = _is_ours(credential)
        case "apikey":
            known = credential == service.settings.token
        case _:
            known = False
    if not known:
        return refusal(401, 1200, "Unauthorized.")
    if request.instance not in INSTANCES.values():
        return refusal(403, 1200, "You do not have access to this instance.")
    return None


def user_of(service: Service, request: Request) -> str:
    """Who sends a request, by its token."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return service.settings.user
    return str(_claims(token)["iam_id"]).removeprefix("IBMid-")


def search(service: Service, request: Request) -> Answer:
    """POST /v3/resources/search: the instances of the account."""
    plans = {"standin": service.settings.first_plan, "standin-second": "premium"}
    items = [
        {
            "crn": crn,
            "name": name,
            "tags": [],
            "service_plan_unique_id": plans[name],
            "doc": {"extensions": {"backends": ["any"]}},
        }
        for name, crn in INSTANCES.items()
    ]
    return answer({"items": items, "limit": 100})


def plan(_service: Service, request: Request) -> Answer:
    """GET of one catalog entry: the name and the price of a plan."""
    name = request.arguments[0]
    pricing = "free" if name == "open" else "paid"
    return answer(
        {"overview_ui": {"en": {"display_name": name}}, "metadata": {"pricing": {"type": pricing}}}
    )


def usage(service: Service, request: Request) -> Answer:
    """GET /instances/usage."""
    used = service.state.rows(
        "SELECT total(usage_s) AS seconds FROM jobs WHERE instance = ?", [request.instance]
    )
    return answer(
        {
            "instance_id": request.instance,
            "plan_id": "standin",
            "usage_consumed_seconds": used[0]["seconds"],
            "usage_limit_seconds": 36000,
            "usage_limit_reached": service.settings.usage_limit_reached,
            "usage_period": {"start_time": "2026-01-01T00:00:00Z"},
        }
    )


def _sign(claims: dict[str, object]) -> str:
    head = {"alg": "HS256", "typ": "JWT"}
    signed = b".".join(_encode(json.dumps(part).encode()) for part in (head, claims))
    return (signed + b"." + _encode(hmac.digest(_KEY, signed, hashlib.sha256))).decode()


def _is_ours(token: str) -> bool:
    signed, _, signature = token.encode().rpartition(b".")
    if not hmac.compare_digest(signature, _encode(hmac.digest(_KEY, signed, hashlib.sha256))):
        return False
    return bool(_claims(token)["exp"] > time.time())


def _claims(token: str) -> dict[str, Any]:
    return dict(json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "===")))


def _encode(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
