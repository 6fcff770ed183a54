"""The instances of an account: what they are called, and which of them cost money."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from qjobs.errors import ProviderError, UsageError
from qjobs.providers.ibm.errors import innermost, no_credentials

_CHEAPEST_FIRST = ("free", "trial", "paygo", "paid", "subscription")
_FREE_PLANS = frozenset({"open", "lite"})
_CRN = re.compile(r"crn:v1:[^:\s]*:[^:\s]*:[^:\s]+:[^:\s]+:[^:\s]*:[^:\s]+:[^:\s]*:[^:\s]*")


class Listed(NamedTuple):
    """An instance as IBM Cloud lists it. `plan` is in small letters, as is `pricing`."""

    crn: str
    name: str
    plan: str
    pricing: str
    tags: Sequence[str] = ()

    @property
    def free(self) -> bool:
        """Whether nobody is ever billed for its jobs; a plan that is not known may be any."""
        return self.plan in _FREE_PLANS or self.pricing == "free"

    def __str__(self) -> str:
        return f"{self.name} ({self.plan})"


def list_instances(account: Any) -> list[Listed]:
    """All that a saved account can see, the cheapest first. `account` is the client's.

    Raises AuthError and ProviderError.
    """
    from ibm_cloud_sdk_core import ApiException
    from qiskit_ibm_runtime.exceptions import IBMError
    from requests import RequestException

    try:
        found = account.list_instances()
        listed = [
            Listed(
                str(item["crn"]),
                str(item["name"]),
                str(item["plan"] or "unknown plan"),
                str(item.get("pricing_type") or ""),
                tuple(item["tags"] or ()),
            )
            for item in found
        ]
    except IBMError as error:
        # It says "invalid token" whatever went wrong.
        cause = error.__cause__
        if isinstance(cause, RequestException):
            raise _unreachable(cause) from error
        if isinstance(cause, ApiException) and 400 <= int(cause.status_code or 0) < 500:
            raise no_credentials(f"IBM Cloud does not list the instances: {error}") from error
        raise ProviderError(f"IBM Cloud does not list the instances: {error}") from error
    except RequestException as error:
        raise _unreachable(error) from error
    return sorted(listed, key=_price)


def _unreachable(error: Exception) -> ProviderError:
    return ProviderError(f"IBM Cloud cannot be reached: {innermost(error)}")


def preferred(listed: Sequence[Listed], account: Any) -> list[Listed]:
    """The instances that the user's saved account prefers, in its order."""
    wanted = [
        one
        for one in listed
        if (not account.region or account.region in one.crn)
        and (not account.tags or {*map(str.lower, account.tags)} <= {*one.tags})
    ]
    plans = named_plans(account)
    if not plans:
        return wanted
    return sorted(
        (one for one in wanted if one.plan in plans), key=lambda one: plans.index(one.plan)
    )


def named_plans(account: Any) -> list[str]:
    """The plans that the user's saved account names."""
    return [plan.lower() for plan in account.plans_preference or ()]


def check_crn(crn: str) -> None:
    """Raise UsageError for what can be no CRN: the client takes it apart, come what may."""
    if not _CRN.fullmatch(crn):
        raise UsageError(
            f"the instance {crn!r} is no CRN",
            hint="copy it from https://quantum.cloud.ibm.com/instances, or name the instance",
        )


def strange(named: str, listed: Sequence[Listed]) -> UsageError:
    """The account has no such instance."""
    return UsageError(
        f"the account has no instance {named!r}",
        hint="instances: " + ", ".join(one.name for one in listed),
    )


def _price(one: Listed) -> int:
    known = one.pricing in _CHEAPEST_FIRST
    return _CHEAPEST_FIRST.index(one.pricing) if known else len(_CHEAPEST_FIRST)
