"""How outcomes are sorted."""

from enum import StrEnum


class Order(StrEnum):
    """By falling counts, or by the outcome itself."""

    COUNT = "count"
    OUTCOME = "outcome"
