"""What a provider has tried, as rows and as JSON."""

from collections.abc import Iterable

from qjobs.contract import Finding
from qjobs.render.rows import Rows
from qjobs.render.shapes import Document
from qjobs.render.text import clean


def check_rows(findings: Iterable[Finding]) -> Rows:
    """A row a finding; what to do, if anything, stands behind what there is to say."""
    return Rows(
        ("check", "works", "detail"),
        (
            (
                finding.name,
                "yes" if finding.works else "no",
                _said(finding),
            )
            for finding in findings
        ),
    )


def check_line(finding: Finding) -> str:
    """A finding for a person."""
    return clean(f"{'ok' if finding.works else 'no'}  {finding.name:<14}  {_said(finding)}")


def _said(finding: Finding) -> str:
    return "; ".join(filter(None, [finding.detail, finding.hint]))


def check_document(provider: str, findings: Iterable[Finding]) -> Document:
    """`qjobs.check/1`."""
    head = {"schema": "qjobs.check/1", "provider": provider}
    return Document(head, "checks", (finding._asdict() for finding in findings))
