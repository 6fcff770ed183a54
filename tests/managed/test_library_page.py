"""What the page on the library shows is what happens."""

import re
from pathlib import Path

import qjobs

PAGE = Path(qjobs.__file__).parents[1] / "docs" / "library.md"


def test_the_examples_run(capsys):
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        exec(block, names)

    said = capsys.readouterr().out
    assert set(names["counts"]) == {"0" * 8, "1" * 8}
    assert "Total jobs: 3" in said
    assert f"ghz {names['job_set'].job_set_id()}" in said
