"""Every provider of ours keeps the contract."""

from contract import Contract, Subject

from qjobs.providers.fake.provider import FakeProvider


class TestFake(Contract):
    subject = Subject(
        FakeProvider,
        calm="",
        busy="delay=3600",
        failing="fail_every=1",
        misspelt="dealy=1",
        near="delay",
    )
