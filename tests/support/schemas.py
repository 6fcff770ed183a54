"""Holds documents against the schemas that ship with the package."""

import json
from pathlib import Path
from typing import Any

import jsonschema


def validate(document: Any, name: str) -> None:
    """Hold a document against the schema that ships with the package."""
    path = Path(__file__).parents[2] / "qjobs" / "schemas" / f"{name}.json"
    jsonschema.validate(
        document,
        json.loads(path.read_text()),
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    )
