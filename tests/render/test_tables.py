from qjobs.engine.report import State
from qjobs.engine.result import CircuitRow
from qjobs.render.tables import print_histograms


def test_a_histogram_of_the_most_frequent_outcomes_has_their_shares_of_all_shots(capsys):
    row = CircuitRow(
        index=0, name="w", source="w.qasm", position=0, job=0, job_id="j", state=State.DONE,
        shots=100, counts={"00": 20, "01": 50, "10": 30},
    )  # fmt: skip
    print_histograms([row], circuits=1, total=1, top=1, hint="")
    assert capsys.readouterr().out.splitlines() == [
        "#0 w  100 shots",
        " " * 18 + "0%" + "".join(f"{share}%".rjust(20) for share in (10, 20, 30, 40, 50))[2:],
        f"  01  50   50.0%  {'█' * 100}",
        "  ... 2 more outcomes",
    ]
