"""The user's account at IBM Cloud, as the client knows it, and the instances it can use."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from qjobs.errors import ProviderError
from qjobs.providers.ibm.connection import Connection, Signature
from qjobs.providers.ibm.errors import no_credentials
from qjobs.providers.ibm.instances import (
    Listed,
    check_crn,
    list_instances,
    named_plans,
    preferred,
    strange,
)
from qjobs.providers.ibm.lightly import postpone
from qjobs.providers.ibm.service import Service
from qjobs.providers.ibm.settings import Settings

KNOWN = "0.40 to 0.51"
"""The versions of the client that were looked at."""


class Parts(NamedTuple):
    """The classes of the client that are needed to speak with the service."""

    account_manager: Any
    client_parameters: Any
    runtime: Any
    application: str


@contextmanager
def known_client() -> Iterator[None]:
    """Around what reaches into the client: a version that is built otherwise is named.

    Raises ProviderError.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name == "qiskit_ibm_runtime":
            raise ProviderError(
                "the package qiskit-ibm-runtime is not installed",
                hint="pip install 'qiskit-qjobs[ibm]'",
            ) from error
        raise _unknown_client(error) from error
    except (ImportError, AttributeError) as error:
        raise _unknown_client(error) from error


def load_client() -> Parts:
    """Import what is needed of the client, and Qiskit with it: for the main thread."""
    postpone("qiskit_ibm_runtime")
    with known_client():
        from qiskit_ibm_runtime.accounts import AccountManager
        from qiskit_ibm_runtime.api.client_parameters import ClientParameters
        from qiskit_ibm_runtime.api.rest.runtime import Runtime
        from qiskit_ibm_runtime.api.session import CLIENT_APPLICATION
    return Parts(AccountManager, ClientParameters, Runtime, f"{CLIENT_APPLICATION}/qjobs")


class Account:
    """One service per instance, each made when it is first needed. Safe in many threads.

    Every method raises AuthError if there is no account or it is not accepted.
    """

    def __init__(self, parts: Parts, settings: Settings, *, clock: Callable[[], float]) -> None:
        self._parts = parts
        self._settings = settings
        self._clock = clock
        self._mutex = threading.RLock()
        self._account: Any = None
        self._instances: tuple[str, ...] = ()
        self._listed: list[Listed] | None = None
        self._services: dict[str, Service] = {}

    def instances(self) -> tuple[str, ...]:
        """The CRNs of the instances to be used: the chosen one, else all, free ones first."""
        with self._mutex:
            if not self._instances:
                self._instances = self._find_instances()
            return self._instances

    def service(self, instance: str) -> Service:
        """The service of an instance, by its CRN."""
        with self._mutex:
            if instance not in self._services:
                self._services[instance] = self._connect(instance)
            return self._services[instance]

    def services(self) -> Iterator[Service]:
        """Those of all instances."""
        return map(self.service, self.instances())

    def _open(self) -> Any:
        if self._account is None:
            settings = self._settings
            from qiskit_ibm_runtime.exceptions import IBMError

            try:
                with known_client():
                    account = self._parts.account_manager.get(
                        name=settings.account or None, channel=settings.channel or None
                    )
                    account.validate()
            except (IBMError, ValueError, KeyError, OSError) as error:
                raise no_credentials(f"no account of IBM Quantum Platform: {error}") from error
            if not account.token.strip():
                raise no_credentials("no account of IBM Quantum Platform: its token is empty")
            self._account = account
        return self._account

    def place(self, instance: str) -> Listed:
        """What IBM Cloud tells of an instance; its CRN alone where it tells nothing.

        Raises UsageError if it tells of others only: then the instance is mistyped.
        """
        with self._mutex:
            try:
                listed = self._list()
            except ProviderError:
                listed = []  # to list them may be forbidden where to use one is not
        for one in listed:
            if one.crn == instance:
                return one
        if listed:
            raise strange(instance, listed)
        return Listed(instance, "", "", "")

    def may_charge(self, instance: str) -> bool:
        """Whether jobs may go there: nobody is billed for them, or the user has named it."""
        with self._mutex:
            account = self._open()
            if self._named(account):
                return True
            place = self.place(instance)
            return place.free or place.plan in named_plans(account)

    def _named(self, account: Any) -> str:
        """The instance that the user has named, somewhere; empty if any will do."""
        chosen = self._settings.instance or account.instance or ""
        return "" if chosen == "auto" else chosen

    def _find_instances(self) -> tuple[str, ...]:
        account = self._open()
        chosen = self._named(account)
        if chosen.startswith("crn:"):
            check_crn(chosen)
            return (chosen,)
        listed = preferred(self._list(), account)
        if chosen:
            named = tuple(one.crn for one in listed if one.name == chosen)
            if not named:
                raise strange(chosen, listed)
            return named
        if not listed:
            raise no_credentials("the account has no instance of IBM Quantum Platform")
        return tuple(one.crn for one in listed)

    def _list(self) -> list[Listed]:
        if self._listed is None:
            with known_client():
                self._listed = list_instances(self._open())
        return self._listed

    def _connect(self, instance: str) -> Service:
        account = self._open()
        with known_client():
            parameters = self._parts.client_parameters(
                channel=account.channel,
                token=account.token,
                url=account.url,
                instance=instance,
                proxies=account.proxies,
                verify=account.verify,
                private_endpoint=account.private_endpoint,
            )
            tokens = parameters.get_auth_handler().tm
            tokens.http_config = {**tokens.http_config, "timeout": self._settings.timeout_s}

            def token() -> str:
                # After a request that failed it would make us wait for a minute.
                tokens.request_time = 0
                return str(tokens.get_token())

            connection = Connection(
                parameters.get_runtime_api_base_url(),
                sign=Signature(token, instance=instance),
                application=self._parts.application,
                parameters=parameters.connection_parameters(),
                timeout_s=self._settings.timeout_s,
                post_timeout_s=self._settings.post_timeout_s,
                answer_bytes=self._settings.answer_bytes,
                clock=self._clock,
            )
            return Service(self._parts.runtime(connection), instance)


def _unknown_client(error: Exception) -> ProviderError:
    from importlib.metadata import version

    return ProviderError(
        f"qiskit-ibm-runtime {version('qiskit-ibm-runtime')} is not built as qjobs knows it: "
        f"{error}",
        hint=f"known versions: {KNOWN}",
    )
