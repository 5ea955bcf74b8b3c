"""What a replay made, compared with its original, as text."""

from zenml.views.replay_report import OutputComparison, ReplayReport


def report(outputs=(), **fields):
    empty = {"taken": (), "failed": (), "missing": ()}
    return ReplayReport(original="nightly", original_id="1", outputs=tuple(outputs), **{**empty, **fields})


def test_many_outputs_are_counted():
    outputs = [OutputComparison(f"train[{n}]", "output", "same", "a", "b") for n in range(12)]

    assert str(report(outputs)).endswith("`train[9]` and 2 more")


def test_an_output_has_its_name_where_a_step_has_several():
    outputs = [OutputComparison("split", name, "differs", "a", "b") for name in ("train", "test")]

    assert report(outputs).lines()[1] == "  differs: `split` train, `split` test"


def test_what_is_missing_or_without_success_is_not_the_same():
    same = [OutputComparison("load", "output", "same", "a", "b")]

    assert report(same, taken=("train",)).is_same
    assert not report(same, failed=("train",)).is_same
    assert not report(same, missing=("train",)).is_same
    assert not report([OutputComparison("load", "output", "new", "a")]).is_same


def test_a_replay_that_executed_nothing():
    assert report().lines() == ["Compared with run `nightly`:", "  nothing was executed"]
