"""How a run is drawn: a pure picture becomes text that fits the terminal; and what lines say of progress."""

import msgspec
import pytest
from rich.cells import cell_len

from zenml.records.events import Progress
from zenml.records.plan import (
    Invocation,
    PipelineOptions,
    Plan,
    Retry,
    Source,
    StepDefinition,
    StepOptions,
)
from zenml.records.run import Failure, Run, StepRun
from zenml.reporting.drawing import draw, plain_line
from zenml.reporting.live_reporter import LiveReporter
from zenml.reporting.reporter import PlainReporter
from zenml.reporting.run_picture import PictureRow, RunPicture, Scene

SECOND = 1_000_000


def picture_of(*rows, status="running"):
    return RunPicture(
        name="nightly", id="1234abcd", status=status, started_at=0, now=3 * SECOND, rows=tuple(rows)
    )


def row(label, status="completed", **more):
    return PictureRow(prefix="", label=label, counts=more.pop("counts", {status: 1}), **more)


def lines_of(picture, width=80, height=40):
    return draw(picture, width, height).plain.split("\n")


def run_of(status="running", ended_at=None):
    return Run(
        id="0" * 16 + "1234abcd", name="nightly", status=status, pipeline_name="p", owner_id="o", created_at=0,
        ended_at=ended_at, plan="", environment="", options=PipelineOptions(),
    )  # fmt: skip


def call(name, *after):
    return Invocation(id=name, definition="d", after=after)


def plan_of(calls, retry=None):
    step = StepDefinition("load", Source("m", "load"), StepOptions(retry=retry), (), "code")
    return Plan("flow", None, PipelineOptions(), {"d": step}, tuple(calls))


def step_of(invocation, status, **more):
    return StepRun(
        id=invocation.id, run_id="r", invocation_id=invocation.id, status=status, definition="d",
        invocation=invocation, started_at=more.pop("started_at", SECOND), **more,
    )  # fmt: skip


EVERY_STATE = picture_of(
    row("load", "cached"),
    row("clean", started_at=0, ended_at=SECOND),
    row("train", "running", started_at=SECOND, progress=Progress(30, 120, "rounds")),
    row("again", "running", started_at=SECOND, attempt=2),
    row("later", "retrying", started_at=SECOND, attempt=2, max_attempts=4, retry_at=15 * SECOND),
    row("broken", "failed", started_at=SECOND, ended_at=2 * SECOND, note="ValueError: no rows " * 20),
    row("left", "skipped", note="step `broken` did not succeed"),
    row("cut", "stopped", started_at=SECOND, ended_at=2 * SECOND),
    row("next", "waiting"),
    row("f … f_200", counts={"completed": 60, "failed": 2, "running": 8, "waiting": 130}, started_at=0),
    row("a_step_with_a_name_that_is_much_longer_than_any_other_name", "waiting"),
    row("数据清洗", "waiting"),
)


def test_every_state_is_said_in_words_or_signs():
    text = lines_of(EVERY_STATE, width=120)

    assert text[0].endswith("Run nightly  3.0 s")
    assert "≡ load" in text[1]
    assert "cached" in text[1]
    assert "1.0 s" in text[2]
    assert "━┄" in text[3]
    assert text[3].endswith("┄  30 of 120  rounds")
    assert "attempt 2" in text[4]
    assert "↻ later" in text[5]
    assert text[5].endswith("2.0 s  retrying (attempt 2 of 4, in 12 s)")
    assert "failed: ValueError: no rows" in text[6]
    assert "skipped: step `broken` did not succeed" in text[7]
    assert "■ cut" in text[8]
    assert "waiting" in text[9]
    assert "62 of 200" in text[10]
    assert "2 failed, 8 running" in text[10]
    assert "133 waiting" in text[13]


@pytest.mark.parametrize("width", [20, 40, 80, 200])
@pytest.mark.parametrize("height", [1, 2, 3, 6, 12, 50])
def test_a_picture_fits_any_terminal(width, height):
    lines = lines_of(EVERY_STATE, width, height)

    assert len(lines) <= height
    assert max(map(cell_len, lines)) < width


def test_what_does_not_fit_is_counted_and_running_rows_stay():
    rows = [row(f"done{n}") for n in range(20)] + [row("train", "running"), row("last", "waiting")]

    lines = lines_of(picture_of(*rows), height=6)

    assert any("train" in line for line in lines)
    assert any("last" in line for line in lines)
    assert "… 19 completed more" in lines[-2]


def test_an_ended_run_says_where_to_look_next():
    lines = lines_of(picture_of(row("load"), row("next", "waiting"), status="stopped"))

    assert lines[-2] == "Stopped: 1 completed, 1 not started."
    assert lines[-1] == "See: zenml run show 1234abcd"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"attempt": 3}, "retrying (attempt 3)"),
        ({"attempt": 3, "retry_at": 3 * SECOND - 5}, "retrying (attempt 3, in 0 s)"),
        ({"attempt": 3, "retry_at": 3 * SECOND + 5}, "retrying (attempt 3, in 1 s)"),
        (
            {"attempt": 3, "max_attempts": 3, "note": "OSError: busy"},
            "retrying (attempt 3 of 3): OSError: busy",
        ),
    ],
)
def test_a_step_that_waits_to_be_tried_again_says_when(more, said):
    assert lines_of(picture_of(row("load", "retrying", **more)))[1].endswith(said)


def test_an_attempt_is_counted_while_it_runs_and_when_it_has_ended():
    rows = [
        row("a", "running", attempt=2, max_attempts=4, progress=Progress(1, 2)),
        row("b", "completed", attempt=2, max_attempts=4),
        row("c", "failed", attempt=4, max_attempts=4, note="OSError: busy"),
    ]

    text = lines_of(picture_of(*rows), width=120)

    assert text[1].endswith("┄ 1 of 2  attempt 2 of 4")
    assert text[2].endswith("  attempt 2 of 4")
    assert text[3].endswith("failed (attempt 4 of 4): OSError: busy")


def test_loops_in_loops_are_named_behind_the_outermost():
    progress = Progress(1, 4, "epochs", (Progress(30, 120, "batches"), Progress(7, None, "rows")))

    assert lines_of(picture_of(row("fit", "running", progress=progress)), width=120)[1].endswith(
        "┄ 1 of 4  epochs, batches 25%, rows 7"
    )


def test_a_loop_of_unknown_length_is_a_number_without_a_bar():
    line = lines_of(picture_of(row("fit", "running", progress=Progress(12000, description="rows"))))[1]

    assert line.endswith("12,000  rows")
    assert "━" not in line
    assert "%" not in line


def test_calls_that_are_half_done_fill_half_of_their_part_of_the_bar():
    def bar_of(begun):
        shown = row("f … f_4", counts={"completed": 1, "running": 2, "waiting": 1}, begun=begun)
        return lines_of(picture_of(shown), width=200)[1]

    assert bar_of(0.0).count("━") == 5
    assert bar_of(1.0).count("━") == 10
    assert "1 of 4" in bar_of(1.0)


def test_progress_of_many_calls_is_added_up():
    calls = [call(name) for name in ("f", "f_2", "f_3", "f_4", "f_5")]
    scene = Scene(run_of(), plan_of(calls))
    scene.picture(0)
    for one in calls[:2]:
        scene.step(step_of(one, "running"))
    scene.progress = {"f": Progress(1, 2), "f_2": Progress(1, 4), "f_3": Progress(1, 4)}

    assert scene.picture(0).rows[0].begun == 0.75
    scene.step(step_of(calls[0], "completed", ended_at=2 * SECOND))
    assert scene.picture(0).rows[0].begun == 0.25


def test_only_standard_colours_are_used_and_none_is_dim():
    styles = " ".join(str(span.style) for span in draw(EVERY_STATE, 80, 40).spans)

    assert "dim" not in styles
    assert "bright" not in styles
    assert "#" not in styles


def test_five_calls_of_a_step_are_one_row():
    calls = [call("load"), *(call(name, "load") for name in ("f", "f_2", "f_3", "f_4", "f_5"))]
    scene = Scene(run_of(), plan_of(calls))
    scene.picture(0)

    scene.step(step_of(calls[1], "running"))
    scene.step(step_of(calls[1], "completed", ended_at=2 * SECOND))
    scene.step(step_of(calls[2], "running"))

    rows = scene.picture(3 * SECOND).rows
    assert [one.label for one in rows] == ["load", "f … f_5"]
    assert rows[1].counts == {"completed": 1, "running": 1, "waiting": 3}
    assert rows[1].ended_at is None


def test_calls_that_nobody_knew_of_get_their_place():
    scene = Scene(run_of(), plan_of([call("load")]))
    scene.picture(0)

    scene.step(step_of(call("made_up", "load"), "running"))

    scene.run = run_of("completed", SECOND)
    assert [one.label for one in scene.picture(0).rows] == ["load", "made_up"]


def test_a_failure_is_told_in_one_printable_line():
    failed = step_of(
        call("load"), "failed", ended_at=2, failure=Failure("builtins.ValueError", "a\x1b[2Jb\nmore")
    )
    scene = Scene(run_of(), plan_of([failed.invocation]))

    scene.step(failed)

    assert scene.picture(0).rows[0].note == "ValueError: a [2Jb"


def test_an_unfinished_line_fits_between_drawn_ones():
    assert plain_line("\x1b[31m 50%|#####\x1b[0m" + " " * 90, 20) == " 50%|#####" + " " * 9


def test_the_reporter_starts_no_thread_while_nothing_takes_time():
    reporter = LiveReporter(store=None)
    reporter.run_started(run_of(), plan_of([call("load")]))

    reporter.step(step_of(call("load"), "cached", ended_at=2))

    assert reporter._thread is None
    reporter.close()


def test_only_one_of_two_runs_gets_the_terminal(capsys):
    first, second = LiveReporter(store=None), LiveReporter(store=None)
    first.run_started(run_of(), plan_of([]))

    second.run_started(run_of(), plan_of([]))
    second.run_ended(run_of("completed", SECOND))
    first.close()

    assert capsys.readouterr().err == "Run `nightly` started: 0 steps.\nRun `nightly` finished in 1.0 s.\n"


def test_a_retry_is_told_with_the_failure_before_it_and_is_no_end_of_the_step(capsys):
    reporter = PlainReporter()
    first = step_of(
        call("train"), "retried", reason="attempt 2 of 4 starts in 10.0 s", failure=Failure("m.Busy", "busy.")
    )

    for step in (first, step_of(call("train"), "retrying"), step_of(call("train"), "completed")):
        reporter.step(step)
    reporter.run_ended(run_of("completed", SECOND))

    retried, _, end = capsys.readouterr().err.splitlines()
    assert retried == "Step `train` failed: Busy: busy; attempt 2 of 4 starts in 10.0 s."
    assert end == "Run `nightly` finished in 1.0 s: 1 completed."


def test_lines_about_progress_are_far_apart(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("zenml.reporting.reporter.time.monotonic", lambda: now[0])
    reporter = PlainReporter()
    reporter.step(step_of(call("train"), "running"))

    for percent in range(101):
        now[0] = percent * 0.2
        reporter.progress("train", Progress(percent, 100, "rounds"))

    said = capsys.readouterr().err.splitlines()
    assert said == [f"Step `train`: {share}%, {share} of 100, rounds." for share in (25, 50, 75, 100)]


def test_a_step_that_waits_for_its_next_attempt_tells_when_and_why():
    load = call("load")
    scene = Scene(run_of(), plan_of([load], Retry(max_retries=3, delay=12)))
    scene.step(step_of(load, "running"))
    down = Failure("ConnectionError", "warehouse down")
    scene.step(step_of(load, "retried", ended_at=2 * SECOND, failure=down))
    scene.step(step_of(load, "retrying", attempt=2, started_at=14 * SECOND))

    (row,) = scene.picture(2 * SECOND).rows

    assert (row.status, row.attempt, row.max_attempts) == ("retrying", 2, 4)
    assert row.retry_at == 14 * SECOND
    assert "warehouse down" in row.note


def element(number):
    return Invocation(id=f"fit[{number}]", definition="d", after=("load",), map="fit")


def test_calls_of_a_dynamic_pipeline_wait_in_the_row_of_their_map():
    scene = Scene(run_of(), plan_of([]))
    scene.add(call("load"))
    scene.step(step_of(call("load"), "cached", ended_at=2))
    for number in range(3):
        scene.add(element(number))
    scene.picture(0)
    scene.add(element(3))  # it joins the row, and nothing is arranged anew
    scene.step(step_of(element(1), "running"))
    scene.step(step_of(element(3), "running"))
    scene.step(step_of(element(3), "failed", ended_at=2, failure=Failure("m.Bad", "worse")))

    assert not scene._has_unplaced
    load, fit = scene.picture(0).rows
    assert load.label == "load"
    assert (fit.label, fit.total, fit.is_folded) == ("fit", 4, True)
    assert fit.counts == {"failed": 1, "running": 1, "waiting": 2}
    assert fit.cells == ("waiting", "running", "waiting", "failed")
    assert fit.note == "fit[3]: Bad: worse"


def test_alike_calls_join_their_row_one_by_one():
    scene = Scene(run_of(), plan_of([]))
    for number in range(1, 6):
        scene.add(call(f"f_{number}"))
    scene.picture(0)

    scene.add(call("f_6"))

    assert not scene._has_unplaced
    assert [(row.label, row.total) for row in scene.picture(0).rows] == [("f_1 … f_6", 6)]


def test_calls_of_which_only_a_number_is_known_are_in_the_picture():
    scene = Scene(run_of(), plan_of([]))
    scene.step(step_of(element(0), "running"))
    scene.waiting = {"fit[]": 99, "best": 1}

    fit, best = scene.picture(0).rows

    assert (fit.label, fit.counts) == ("fit", {"running": 1, "waiting": 99})
    assert len(fit.cells) == 40
    assert (best.label, best.counts) == ("best", {"waiting": 1})


def test_a_map_shows_where_its_failures_are_until_it_is_whole():
    cells = ("completed",) * 6 + ("failed", "running", "waiting", "waiting")
    counts = {"completed": 60, "failed": 1, "running": 8, "waiting": 31}

    line = lines_of(picture_of(row("fit", counts=counts, cells=cells, started_at=0)), width=120)[1]
    whole = lines_of(picture_of(row("fit", counts={"completed": 100}, cells=("completed",) * 10)))[1]

    assert "━━━━━━✗╍┄┄  61 of 100  1 failed, 8 running" in line
    assert whole.endswith("  100 of 100")


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_a_strip_fits_any_terminal(width):
    cells = ("completed", "failed", "running", "waiting") * 10
    shown = row("fit", counts={"completed": 10, "waiting": 30}, cells=cells, note="fit[3]: Bad: " + "x" * 90)

    assert max(map(cell_len, lines_of(picture_of(shown), width))) < width


def test_a_failure_that_the_function_handled_is_called_so():
    lines = lines_of(picture_of(row("a"), row("b", "failed"), status="completed"))

    assert lines[-2] == "Finished: 1 completed, 1 failed (handled)."


def test_nobody_counts_the_steps_of_a_dynamic_run_when_it_begins(capsys):
    reporter = PlainReporter()

    reporter.run_started(run_of(), msgspec.structs.replace(plan_of([]), is_dynamic=True))
    for one in (step_of(call("a"), "completed", ended_at=2 * SECOND), step_of(call("b"), "failed")):
        reporter.step(one)
    reporter.run_ended(run_of("completed", SECOND))

    first, *_, last = capsys.readouterr().err.splitlines()
    assert first == "Run `nightly` started."
    assert last == "Run `nightly` finished in 1.0 s: 1 completed, 1 failed (handled)."


def test_a_child_is_counted_in_its_row_and_says_nothing_itself(capsys):
    outer, child = LiveReporter(store=None), LiveReporter(store=None)
    calls = [call("a"), call("b"), call("c")]
    outer.run_started(run_of(), plan_of([call("child")]))
    child.run_started(msgspec.structs.replace(run_of(), parent_id="r"), plan_of(calls))
    try:
        for one, status in zip(calls, ("completed", "running", "failed"), strict=True):
            child.step(step_of(one, "running"))
            child.step(step_of(one, status))
        scene = Scene(run_of(), plan_of([call("child")]))
        scene.step(step_of(call("child"), "running", child_run_id="r"))
        scene.children = outer._children

        (row,) = scene.picture(0).rows

        assert row.note == "run r: 1 completed, 1 failed, 1 running"
        child.run_ended(msgspec.structs.replace(run_of("failed"), parent_id="r"))
        assert capsys.readouterr().err == ""
    finally:
        child.close()
        outer.close()


def test_a_child_of_a_run_that_is_not_drawn_is_told_in_lines(capsys):
    child = LiveReporter(store=None)
    with LiveReporter._screen:  # somebody else has it
        child.run_started(msgspec.structs.replace(run_of(), parent_id="r"), plan_of([call("a")]))
        child.step(step_of(call("a"), "completed", ended_at=2 * SECOND))
        child.close()

    assert "Step `a` finished" in capsys.readouterr().err
