"""Two real runs compared, aspect by aspect."""

import dataclasses
import json
import subprocess
import sys
import textwrap

import click
import msgspec
import numpy as np
import pandas as pd
import pytest

from zenml import log_metadata, pipeline, step
from zenml.cli.main import main
from zenml.cli.run_diff_command import diff_shape
from zenml.cli.run_diff_lines import diff_lines
from zenml.client.run_diff import SECTIONS, run_diff
from zenml.store.opening import open_store

VALUES = {}


@pytest.fixture(autouse=True)
def _fresh_store(zenml_store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


class Opaque:
    def __init__(self, number):
        self.number = number

    def __eq__(self, other):
        return self.number == other.number


@dataclasses.dataclass
class Settings:
    depth: int
    options: dict


@step(enable_cache=False)
def make(side: str) -> object:
    said = VALUES.get(f"print {side}")
    if said:
        print(said)
    for one in VALUES.get(f"log {side}", ()):
        log_metadata(one)
    return VALUES[side]


@pipeline
def flow(side: str):
    make(side)


def compared(before, after, *only, **more):
    """Run a pipeline that returns each value, and compare the runs."""
    VALUES.clear()
    VALUES.update({"before": before, "after": after, **more})
    for side in ("before", "after"):
        flow.with_options(run_name=side)(side)
    return run_diff(open_store(), "before", "after", only or ("outputs",))


def only_value(before, after):
    (output,) = compared(before, after).outputs
    (value,) = output.changes
    return value


# Values


def test_differences_of_nested_values_are_named_by_their_path():
    before = {"accuracy": 0.91, "layers": [{"units": 64}, {"units": 8}], "old": None, "odd key": 1}
    after = {
        "accuracy": 0.93,
        "layers": [{"units": 64}, {"units": 9}, {"units": 1}],
        "new": "x",
        "odd key": 2,
    }

    (output,) = compared(before, after).outputs

    assert [(one.path, one.how, one.before, one.after) for one in output.changes] == [
        ("accuracy", "changed", 0.91, 0.93),
        ("layers[1].units", "changed", 8, 9),
        ("layers[2]", "added", None, "{'units': 1}"),
        ("old", "removed", None, None),
        ("['odd key']", "changed", 1, 2),
        ("new", "added", None, "x"),
    ]
    assert output.text == "6 values differ"


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (1, 2, "1 → 2"),
        (1, True, "builtins.int → builtins.bool"),
        ("a", "b", "a → b"),
        ("a\nb\n", "a\nc\nd\n", "2 lines added, 1 removed"),
        (float("nan"), 1.0, "nan → 1.0"),
        ([1, 2], [1, 3], "[1, 2] → [1, 3]"),
    ],
    ids=repr,
)
def test_small_values_are_shown_as_they_are(before, after, text):
    (output,) = compared(before, after).outputs

    assert output.text in (text, text.replace("builtins.", ""))
    assert not output.is_same


def test_lines_of_a_text_are_compared():
    (output,) = compared("a\nb\nc", "a\nX\nc").outputs

    assert output.diff.splitlines()[3:] == [" a", "-b", "+X", " c"]


def test_the_same_content_is_no_difference():
    (output,) = compared({"a": [1]}, {"a": [1]}).outputs

    assert (output.is_same, output.changes, output.not_compared) == (True, (), None)


# Arrays


@pytest.mark.parametrize(
    ("before", "after", "differing", "distance"),
    [
        (np.arange(4.0), np.array([0.0, 1.0, 2.5, 1.0]), 2, 2.0),
        (np.array([np.nan, 1.0]), np.array([np.nan, 1.5]), 1, 0.5),
        (np.array([np.inf, 1.0]), np.array([1.0, 1.0]), 1, None),
        (np.array([2**63 - 1]), np.array([2**63 - 2]), 1, 1.0),
        (np.array([0], "u8"), np.array([2], "u8"), 1, 2.0),
        (np.array([True, False]), np.array([True, True]), 1, 1.0),
        (np.array([1 + 1j]), np.array([1 + 3j]), 1, 2.0),
        (np.array(["a", "b"]), np.array(["a", "c"]), 1, None),
        (np.zeros(3, "f4"), np.zeros(3, "f8"), 0, None),
        (np.zeros((2, 3)), np.zeros((3, 2)), None, None),
        (np.float64(1.0), np.float64(1.25), 1, 0.25),
        (np.arange(2_000_000.0), np.arange(2_000_000.0) + (np.arange(2_000_000) == 1_999_999), 1, 1.0),
    ],
    ids=str,
)
def test_arrays_are_compared_by_shape_type_and_distance(before, after, differing, distance):
    value = only_value(before, after)

    assert (value.array.differing, value.array.max_abs_difference) == (differing, distance)
    assert value.array.before_shape == np.shape(before)
    assert value.text == value.array.text


def test_arrays_inside_a_container_are_compared_too():
    (output,) = compared(
        {"w": np.zeros(3), "b": np.ones(1)}, {"w": np.array([0, 0, 0.5]), "b": np.ones(1)}
    ).outputs

    assert [(one.path, one.array.max_abs_difference) for one in output.changes] == [("w", 0.5)]


# Frames


def frame(**columns):
    return pd.DataFrame(columns)


def test_rows_at_the_same_place_are_compared():
    value = only_value(frame(a=[1, 2, 3], b=[1.0, None, 3.0]), frame(a=[1, 2, 4], b=[1.0, None, 3.5]))

    assert (value.frame.matched_by, value.frame.changed, value.frame.added) == ("position", 1, 0)
    assert [(one.row, one.column, one.before, one.after) for one in value.frame.examples] == [
        ("2", "a", "3", "4"),
        ("2", "b", "3.0", "3.5"),
    ]


def test_an_inserted_row_does_not_change_all_that_follow():
    value = only_value(frame(a=list(range(100))), frame(a=[-1, *range(100)]))

    assert value.text == "100 → 101 rows, 1 added (rows matched by content)"
    assert [(one.how, one.row, one.after) for one in value.frame.examples] == [("added", "0", "a=-1")]


def test_rows_with_labels_are_matched_by_them():
    before = frame(a=[1, 2, 3]).set_index(pd.Index(["x", "y", "z"]))
    after = frame(a=[3, 5, 4]).set_index(pd.Index(["z", "y", "new"]))

    found = only_value(before, after).frame

    assert (found.matched_by, found.added, found.removed, found.changed) == ("index", 1, 1, 1)
    assert {(one.how, one.row) for one in found.examples} == {
        ("changed", "y"),
        ("removed", "x"),
        ("added", "new"),
    }


def test_rows_in_another_order_are_said_to_be():
    found = only_value(frame(a=[1, 2, 3]), frame(a=[3, 1, 2]))

    assert (found.frame.is_reordered, found.text) == (True, "rows in another order")


def test_columns_and_their_types_are_compared():
    found = only_value(frame(a=[1, 2], b=[1, 2]), frame(a=[1.0, 2.0], c=[1, 2])).frame

    assert [(one.name, one.before, one.after) for one in found.columns] == [
        ("a", "int64", "float64"),
        ("b", "int64", None),
        ("c", None, "int64"),
    ]


def test_statistics_of_columns_are_compared_by_name():
    (output,) = compared(frame(a=[1, 2], b=[1, 1]), frame(a=[1, 4], b=[1, 1])).outputs

    assert output.metadata["columns.a.max"] == (2, 4)
    assert not any(".b." in name for name in output.metadata)


def test_a_large_frame_is_compared_by_its_columns_and_that_is_said(monkeypatch):
    monkeypatch.setattr("zenml.client.artifact_changes.MOST_CELLS", 3)

    found = compared(frame(a=[1, 2], b=[1, 1]), frame(a=[1, 4], b=[1, 1]), "outputs")

    assert "columns.a.max 2 → 4" in found.outputs[0].text
    assert [one.what for one in found.blind_spots] == ["output make.output"]
    assert "4 cells" in found.blind_spots[0].why


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_frames_of_other_libraries_are_compared_alike(library):
    module = pytest.importorskip(library)
    make_frame = module.DataFrame if library == "polars" else module.table

    found = only_value(
        make_frame({"a": [1, 2], "b": ["x", None]}), make_frame({"a": [1, 3], "b": ["x", None]})
    )

    assert (found.frame.matched_by, found.frame.changed) == ("position", 1)
    assert [(one.column, one.before, one.after) for one in found.frame.examples] == [("a", "2", "3")]


# What cannot be compared


@pytest.mark.filterwarnings("ignore")
def test_what_only_code_can_read_is_a_blind_spot_and_no_code_runs():
    found = compared(Opaque(1), Opaque(2), "outputs")

    assert not found.outputs[0].is_same
    assert "cloudpickle" in found.outputs[0].not_compared
    assert found.blind_spots[0].what == "output make.output"


def test_values_that_their_library_cannot_compare_are_a_blind_spot():
    found = compared(np.zeros(2, [("a", "i4")]), np.ones(2, [("b", "i4")]), "outputs")

    assert "comparing it failed: TypeError" in found.blind_spots[0].why


def test_objects_in_json_are_compared_by_their_fields_and_nothing_is_imported(monkeypatch):
    compared(Settings(1, {"lr": 0.5}), Settings(2, {"lr": 0.25}))
    monkeypatch.delitem(globals(), "Settings")

    (output,) = run_diff(open_store(), "before", "after", ("outputs",)).outputs

    assert [(one.path, one.before, one.after) for one in output.changes] == [
        ("depth", 1, 2),
        ("options.lr", 0.5, 0.25),
    ]


def test_a_damaged_value_is_a_blind_spot(zenml_store):
    before, after = np.zeros(50_000), np.ones(50_000)
    compared(before, after)
    for path in (zenml_store / "artifacts").rglob("*.npy"):
        path.chmod(0o600)
        path.write_bytes(b"damaged")

    found = run_diff(open_store(), "before", "after", ("outputs",))

    assert "damaged" in found.blind_spots[0].why or "not" in found.blind_spots[0].why
    assert not found.outputs[0].is_same


# What else differs


def test_logged_metrics_are_compared_by_their_last_value():
    found = compared(
        1,
        1,
        "metrics",
        **{
            "log before": [{"loss": 0.9}, {"loss": 0.5, "same": 1, "deep": {"f1": 0.5}}],
            "log after": [{"loss": 0.25, "same": 1, "deep": {"f1": 0.75}, "new": True}],
        },
    )

    assert [(one.of, one.name, one.before, one.after, one.change) for one in found.metrics] == [
        ("make", "loss", 0.5, 0.25, -0.25),
        ("make", "deep.f1", 0.5, 0.75, 0.25),
        ("make", "new", None, True, None),
    ]


def test_metrics_of_runs_and_outputs_are_compared_too():
    compared(1, 1)
    for run, value in (("before", 1), ("after", 3)):
        log_metadata({"cost": value}, run_id_name_or_prefix=run)
    log_metadata({"checked": "yes"}, artifact_name="flow::make::output", artifact_version=2)

    found = run_diff(open_store(), "before", "after", ("metrics",)).metrics

    assert [(one.of, one.name, one.before, one.after, one.change) for one in found] == [
        ("run", "cost", 1, 3, 2),
        ("make.output", "checked", None, "yes", None),
    ]


def test_the_first_differing_lines_of_logs_are_kept():
    said = {"print before": "start\none\nend", "print after": "start\ntwo\nend"}

    (found,) = compared(1, 1, "logs", **said).logs

    assert (found.step, found.text, found.diff) == ("make", "1 line added, 1 removed", "-one\n+two")


def test_of_long_logs_only_the_size_is_compared():
    said = {"print before": "x" * 300_000, "print after": "x" * 300_001}

    found = compared(1, 1, "logs", **said)

    assert (found.logs[0].text, found.logs[0].diff) == ("300001 → 300002 bytes", None)
    assert found.blind_spots[0].what == "log of make"


FLOW = """
from zenml import pipeline, step

RATE = {rate}

def helper(x):
    return x * {factor}

@step
def load() -> list[int]:
    return [1, 2]

@step
def train(data: list[int]) -> float:
    return helper(sum(data)) * RATE

@pipeline
def p():
    train(load())
"""


def test_code_and_cache_decisions_are_explained(tmp_path, capsys):
    # Of another length, or Python might take the compiled file of the first for that of the second.
    for name, rate, factor in (("one", 1, 2), ("two", 1, 30)):
        (tmp_path / "flow.py").write_text(textwrap.dedent(FLOW.format(rate=rate, factor=factor)))
        subprocess.run(
            [sys.executable, "-m", "zenml", "pipeline", "run", "flow.py", "--name", name],
            check=True,
            capture_output=True,
        )

    found = run_diff(open_store(), "one", "two")

    (code,) = found.code
    assert (code.change.name, code.steps) == ("flow.helper", ("train",))
    assert code.change.diff.splitlines()[-1] == "+    return x * 30"
    (decision,) = found.cache
    assert (decision.name, decision.before, decision.after) == ("load", "executed", "cached")
    assert decision.before_why == "because there is no earlier result of it"
    assert decision.after_why == "from step `load` of run `one`"
    assert [(one.step, one.text) for one in found.outputs if not one.is_same] == [("train", "6 → 90")]
    assert main(["run", "diff", "one", "two"]) == 0
    assert "load  executed → cached" in capsys.readouterr().out


def test_a_step_of_one_run_only_is_named():
    @step
    def more() -> int:
        return 1

    @pipeline
    def other(side: str):
        make(side)
        more()

    VALUES.update(before=1, after=1)
    flow.with_options(run_name="before")("before")
    other.with_options(run_name="after")("after")

    found = run_diff(open_store(), "before", "after")

    assert ("step more", "only run `after` has begun it") in [
        (one.what, one.why) for one in found.blind_spots
    ]
    assert [(one.step, one.text) for one in found.outputs if not one.is_same] == [("more", "is new")]


# As text and JSON


WIDE = {
    "before": pd.DataFrame({f"a_column_with_a_long_name_{n}": ["x" * 90] * 30 for n in range(9)}),
    "after": pd.DataFrame({f"a_column_with_a_long_name_{n}": ["y" * 90] * 31 for n in range(9)}),
}


def test_text_fits_the_width_and_json_holds_everything():
    found = compared(
        WIDE["before"],
        WIDE["after"],
        *SECTIONS,
        **{"print before": "z" * 200, "log before": [{"a long name of a metric " * 3: "long value " * 20}]},
    )

    lines = [click.unstyle(line) for line in diff_lines(found, 80)]
    shape = json.loads(json.dumps(diff_shape(found, SECTIONS)))

    assert max(map(len, lines)) <= 80
    assert set(shape) == {"before", "after", *SECTIONS, "blind_spots"}
    assert shape["outputs"][0]["changes"][0]["frame"]["after_rows"] == 31


def test_equal_runs_differ_in_nothing_but_time():
    found = compared(
        1, 1, *(section for section in SECTIONS if section not in ("timings", "params", "inputs"))
    )
    lines = diff_lines(msgspec.structs.replace(found, outputs=()), 80)

    assert lines[-1] == "Nothing differs."
