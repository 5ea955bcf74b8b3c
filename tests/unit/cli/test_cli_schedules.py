"""Schedules on the command line: lists, previews, histories, changes; what is wrong is said."""

import json
import sqlite3
import sys
from contextlib import closing
from datetime import datetime, timedelta

import msgspec
import pytest
from click.shell_completion import ShellComplete

from zenml import pipeline, step
from zenml.cli.main import cli
from zenml.client.client import Client
from zenml.config import NewArtifact, Schedule
from zenml.context import live
from zenml.declare import finding
from zenml.records.ids import microseconds_now, short
from zenml.records.run import Run
from zenml.records.schedules import Tick, key_of_time

NOBODY = "No scheduler serves this store. Start one: zenml schedule serve"


@step
def load(rate: float, version: str) -> list[float]:
    return [rate]


@pipeline
def nightly(rate: float = 0.5, version: str = "1"):
    load(rate, version)


@pipeline
def other():
    load(1.0, "2")


def declare(name="at two", which=nightly, **given):
    given = given or {"cron_expression": "0 2 * * *", "start_time": "2100-01-01T00:00:00Z"}
    which.with_options(schedule=Schedule(name, **given))()
    return stored(name)


def stored(name):
    return Client().get_schedule(name).record


def micros(text):
    return round(datetime.fromisoformat(text).timestamp() * 1e6)


def add_tick(schedule, instant, outcome, **fields):
    """Write a row of the history, as a scheduler does."""
    at = micros(instant)
    usual = {
        "key": key_of_time(at), "cause": "time", "due_at": at, "run_id": f"{at:024x}",
        "recorded_at": at, "ended_at": at, "settled_at": at,
    }  # fmt: skip
    tick = Tick(schedule_id=schedule.id, instant=at, outcome=outcome, **{**usual, **fields})
    seen = stored(schedule.id)
    assert Client().store.schedules.change(seen, seen, [tick])


def shown(zenml, *words):
    result = zenml("schedule", *words, "--json")
    assert result.status == 0, result.err
    return json.loads(result.out)


@pytest.fixture
def served():
    """A scheduler that serves the store, as far as others can see."""
    schedules = Client().store.schedules
    owner = schedules.begin_to_serve(microseconds_now())
    yield
    schedules.end_serving(owner.id)


# What there is


def test_an_empty_list_says_how_to_make_a_schedule(zenml):
    result = zenml("schedule", "list")

    assert (result.status, result.out) == (0, "")
    assert "with_options(schedule=Schedule(" in result.err
    assert NOBODY not in result.err


def test_a_list_has_times_zone_state_next_run_and_the_last_outcome(zenml):
    declare()
    berlin = declare(
        "berlin",
        other,
        cron_expression="@daily",
        timezone="Europe/Berlin",
        start_time="2100-06-01T00:00:00Z",
    )
    declare("new data", on=NewArtifact("dataset"))
    add_tick(berlin, "2026-03-01T00:00:00Z", "fired")
    add_tick(berlin, "2026-03-02T00:00:00Z", "missed")
    zenml("schedule", "pause", "new data", "--reason", "too many")

    result = zenml("schedule", "list", "--sort", "asc:created")

    assert [line.split("  ") for line in _squeezed(result.out)] == [
        ["NAME", "PIPELINE", "TIMES", "ZONE", "STATE", "NEXT RUN", "LAST"],
        ["at two", "nightly", "0 2 * * *", "UTC", "active", "2100-01-01 02:00", "-"],
        ["berlin", "other", "@daily", "Europe/Berlin", "active", "2100-06-02 00:00", "missed"],
        ["new data", "nightly", "when artifact `dataset` has a new version", "UTC", "paused: too many", "-", "-"],
    ]  # fmt: skip
    assert NOBODY in result.err


def _squeezed(text):
    """Return lines with two spaces between the cells of a table."""
    lines = [line.split("  ") for line in text.splitlines()]
    return ["  ".join(cell.strip() for cell in line if cell.strip()) for line in lines]


def test_a_list_of_one_pipeline_and_in_pages(zenml, served):
    declare()
    declare("second", other, interval_second=60)

    found = shown(zenml, "list", "--pipeline", "other")
    page = zenml("schedule", "list", "--size", "1")

    assert [one["name"] for one in found["items"]] == ["second"]
    assert (found["items"][0]["interval"], found["items"][0]["cron_expression"]) == (60.0, None)
    assert "Page 1 of 2, 2 schedules. Next: --page 2" in page.err
    assert NOBODY not in page.err
    assert "has no schedules" in zenml("schedule", "list", "--pipeline", "nothing").err


def test_a_schedule_is_shown_with_its_rules_what_comes_and_what_came(zenml, served):
    given = {
        "cron_expression": "0 2 * * *", "start_time": "2100-01-01T00:00:00Z", "end_time": "2100-01-04T00:00:00Z",
        "timezone": "Europe/Berlin", "overlap": "queue", "catchup": "all", "catchup_limit": 7, "jitter": 90, "max_runs": 2,
    }  # fmt: skip
    one = declare(**given)
    add_tick(one, "2026-03-01T00:00:00Z", "skipped", reason="run abc is running; overlap is `skip`")

    lines = _squeezed(zenml("schedule", "show", "at two").out)
    found = shown(zenml, "show", "at two")

    for line in (
        "State  active",
        "Times  0 2 * * *",
        "Zone  Europe/Berlin",
        "Starts  2100-01-01 01:00 Europe/Berlin",
        "Ends  2100-01-04 01:00 Europe/Berlin",
        "Overlap  queue",
        "Catch-up  all, 7 at most",
        "Jitter  up to 90 s",
        "Runs  2 at most, 0 begun",
        "Parameters  rate = 0.5",
        "version = '1'",
        "2026-03-01 01:00 Europe/Berlin  skipped  -  -  run abc is running; overlap is `skip`",
    ):
        assert line in lines
    assert any(line.startswith("Served by  1 scheduler: process ") for line in lines)
    assert [one["text"] for one in found["coming"]] == [  # no more than it may begin
        "2100-01-01 02:00 Europe/Berlin",
        "2100-01-02 02:00 Europe/Berlin",
    ]
    assert (found["parameters"], found["history"][0]["outcome"]) == ({"rate": 0.5, "version": "1"}, "skipped")
    assert (found["jitter"], found["catchup_limit"], len(found["schedulers"])) == (90.0, 7, 1)


@pytest.mark.parametrize(
    "given", [{"on": NewArtifact("dataset")}, {"interval_second": 60, "start_time": "2100-01-01T00:00:00Z"}]
)
def test_a_schedule_that_has_begun_its_runs_says_that_nothing_comes(zenml, given):
    one = declare(**given, max_runs=1)
    add_tick(one, "2026-03-01T00:00:00Z", "fired", cause="manual")
    assert "nothing is to come" not in zenml("schedule", "show", "at two").out

    add_tick(one, "2026-03-02T00:00:00Z", "fired")

    lines = _squeezed(zenml("schedule", "show", "at two").out)
    assert "Runs  1 at most, 1 begun" in lines
    assert "Next  nothing is to come any more" in lines
    assert "nothing is to come any more" in zenml("schedule", "preview", "at two").err


def test_a_schedule_that_is_set_aside_says_why_and_can_be_changed(zenml):
    one = declare()
    Client().store.schedules.quarantine(one.id, "no such zone", None)

    assert "set aside: no such zone" in zenml("schedule", "list").out
    assert "set aside: no such zone" in zenml("schedule", "show", "at two").out
    triggered = zenml("schedule", "trigger", "at two")
    assert "Change it: zenml schedule update 'at two'" in triggered.err
    assert shown(zenml, "update", "at two", "--timezone", "UTC")["problem"] is None


def test_a_zone_that_this_machine_does_not_know_can_be_listed(zenml):
    one = declare()
    Client().store.schedules.change(one, msgspec.structs.replace(one, timezone="Mars/Base"))
    Client().store.schedules.quarantine(one.id, "no zone Mars/Base", None)

    for words in (("list",), ("show", "at two"), ("history", "at two")):
        result = zenml("schedule", *words)
        assert result.status == 0, result.err


# What comes


@pytest.mark.parametrize(
    ("after", "expected", "note"),
    [
        ("2027-03-13T12:00:00Z", ["2027-03-14 03:00", "2027-03-15 02:30"], "2027-03-14 02:30 does not exist"),
        ("2027-11-06T12:00:00Z", ["2027-11-07 01:30", "2027-11-08 01:30"], "2027-11-07 01:30 comes twice"),
    ],
)
def test_a_preview_says_what_a_change_of_clocks_does(zenml, after, expected, note):
    hour = 2 if "-03-" in after else 1
    declare(cron_expression=f"30 {hour} * * *", timezone="America/New_York")

    lines = zenml("schedule", "preview", "at two", "--next", "2", "--after", after).out.splitlines()

    assert [line.partition(" America")[0] for line in lines] == expected
    assert f"! {note}" in lines[0]
    assert "!" not in lines[1]


def test_a_preview_in_another_zone_of_a_paused_schedule(zenml):
    declare()
    zenml("schedule", "pause", "at two")

    found = shown(zenml, "preview", "at two", "--next", "1", "--tz", "Asia/Kolkata")

    assert found == {
        "schedule": "at two",
        "timezone": "Asia/Kolkata",
        "items": [
            {
                "instant": "2100-01-01T02:00:00.000000Z",
                "due_at": "2100-01-01T02:00:00.000000Z",
                "text": "2100-01-01 07:30 Asia/Kolkata",
                "note": None,
            }
        ],
    }


def test_a_preview_of_nothing_says_so(zenml):
    declare("new data", on=NewArtifact("dataset"))
    declare("over", cron_expression="0 2 * * *", end_time="2020-01-01T00:00:00Z")

    event, over = (zenml("schedule", "preview", name) for name in ("new data", "over"))

    assert (event.status, over.status, event.out + over.out) == (0, 0, "")
    assert "it runs when artifact `dataset` has a new version" in event.err
    assert "nothing is to come any more" in over.err


def test_a_preview_shows_jitter(zenml):
    declare(interval_second=3600, start_time="2100-01-01T00:00:00Z", jitter=60)

    (one,) = shown(zenml, "preview", "at two", "--next", "1")["items"]

    put_off = datetime.fromisoformat(one["due_at"]) - datetime.fromisoformat(one["instant"])
    assert timedelta() < put_off < timedelta(seconds=60)
    assert f"+ {put_off.total_seconds():.1f} s" in zenml("schedule", "preview", "at two", "--next", "1").out


# What came


def test_a_history_has_outcome_run_lateness_and_reason(zenml):
    one = declare()
    run = nightly.with_options(run_name="it")()
    due = micros("2026-03-03T02:00:00Z")
    add_tick(one, "2026-03-03T02:00:00Z", "fired", run_id=run.id, ended_at=due + 1_500_000)
    add_tick(one, "2026-03-02T02:00:00Z", "failed", reason="no module `flow`")
    add_tick(
        one, "2026-01-01T02:00:00Z", "missed", reason="no scheduler was there",
        last_instant=micros("2026-02-28T02:00:00Z"), count=59,
    )  # fmt: skip
    add_tick(one, "2025-12-31T02:00:00Z", "fired")

    result = zenml("schedule", "history", "at two")
    rows = shown(zenml, "history", "at two")["items"]

    assert [line.split("  ") for line in _squeezed(result.out)] == [
        ["DUE", "OUTCOME", "RUN", "LATE", "WHY"],
        ["2026-03-03 02:00 UTC", "fired", f"{short(run.id)} completed", "1.5 s"],
        ["2026-03-02 02:00 UTC", "failed", "-", "-", "no module `flow`"],
        ["2026-01-01 02:00 UTC to 2026-02-28 02:00 UTC, 59 times", "missed", "-", "-", "no scheduler was there"],
        ["2025-12-31 02:00 UTC", "fired", "-", "0.0 ms", "its run was deleted"],
    ]  # fmt: skip
    assert rows[0]["run"] == {"id": run.id, "name": "it", "status": "completed"}
    assert [one["lateness"] for one in rows] == [1.5, None, None, 0.0]
    assert (rows[2]["count"], rows[2]["last_instant"]) == (59, "2026-02-28T02:00:00.000000Z")


def test_a_run_names_the_schedule_that_began_it(zenml):
    one = declare()
    run = nightly.with_options(run_name="it")()
    assert "Schedule" not in zenml("run", "show", "it").out

    Client().store.update(Run, run.id, schedule_id=one.id)
    assert "Schedule  at two" in _squeezed(zenml("run", "show", "it").out)

    zenml("schedule", "delete", "at two", "--yes")
    shown_after = zenml("run", "show", "it")
    assert (shown_after.status, "at two" in shown_after.out) == (0, False)


def test_a_history_names_what_caused_a_run(zenml):
    one = declare("new data", on=NewArtifact("dataset"))
    add_tick(one, "2026-03-03T02:00:00Z", "queued", cause="event", subject="a" * 24, settled_at=None)

    assert "because of aaaaaaaa" in zenml("schedule", "history", "new data").out


def test_a_history_in_pages(zenml):
    one = declare()
    for day in (1, 2, 3):
        add_tick(one, f"2026-03-0{day}T02:00:00Z", "skipped")

    first = zenml("schedule", "history", "at two", "--size", "2")
    second = shown(zenml, "history", "at two", "--size", "2", "--page", "2")
    last = zenml("schedule", "history", "at two", "--size", "2", "--page", "2")

    assert ("There is more: --page 2" in first.err, "There is more" in last.err) == (True, False)
    assert [one["instant"][:10] for one in second["items"]] == ["2026-03-01"]
    assert "Page 9 is empty" in zenml("schedule", "history", "at two", "--page", "9").err


def test_an_empty_history_says_what_comes(zenml):
    declare()

    result = zenml("schedule", "history", "at two")

    assert (result.status, result.out) == (0, "")
    assert "Nothing came of schedule `at two` yet: next run at 2100-01-01 02:00 UTC." in result.err


# Changes


def test_pausing_and_resuming(zenml):
    declare()

    paused = zenml("schedule", "pause", "at two", "--reason", "the source is down")
    assert (
        paused.out
        == "Schedule `at two` is paused: the source is down. Go on: zenml schedule resume 'at two'\n"
    )
    assert (stored("at two").is_active, stored("at two").next_at) == (False, None)

    resumed = zenml("schedule", "resume", "at two")
    assert resumed.out == "Schedule `at two` is active: next run at 2100-01-01 02:00 UTC.\n"
    assert shown(zenml, "show", "at two")["pause_reason"] is None


def test_an_update_changes_what_is_given_and_nothing_else(zenml):
    before = declare()

    said = shown(
        zenml, "update", "at two", "--name", "at three", "--cron", "0 3 * * *", "--timezone", "Europe/Berlin",
        "--overlap", "cancel", "--catchup", "all", "--catchup-limit", "9", "--jitter", "2.5", "--max-runs", "4",
        "--end", "2101-01-01T00:00:00Z", "--param", "rate=1.5", "--param", "version=3",
    )  # fmt: skip

    wanted = {
        "id": before.id, "name": "at three", "cron_expression": "0 3 * * *", "timezone": "Europe/Berlin",
        "overlap": "cancel", "catchup": "all", "catchup_limit": 9, "jitter": 2.5, "max_runs": 4,
        "start_time": "2100-01-01T00:00:00.000000Z", "end_time": "2101-01-01T00:00:00.000000Z",
    }  # fmt: skip
    assert {key: said[key] for key in wanted} == wanted
    assert shown(zenml, "show", "at three")["parameters"] == {"rate": 1.5, "version": "3"}

    again = shown(zenml, "update", "at three", "--jitter", "none", "--max-runs", "None", "--end", "none", "--timezone", "none")  # fmt: skip
    cleared = ("jitter", "max_runs", "end_time", "timezone")
    assert [again[key] for key in cleared] == [None] * 4
    assert (again["cron_expression"], again["overlap"]) == ("0 3 * * *", "cancel")


@pytest.mark.parametrize(
    ("words", "key", "expected"),
    [
        (("--every", "90"), "interval", 90.0),
        (("--at", "2100-05-05T05:05:00Z"), "run_once_at", "2100-05-05T05:05:00.000000Z"),
        (("--on", '{"new_artifact": {"name": "dataset"}}'), "on", {"new_artifact": {"name": "dataset"}}),
    ],
)
def test_a_new_way_to_say_when_replaces_the_old_one(zenml, words, key, expected):
    declare()

    said = shown(zenml, "update", "at two", *words)

    assert said[key] == expected
    assert said["cron_expression"] is None


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ((), ("Nothing to change", "--cron")),
        (("--cron", "0 25 * * *"), ("hour", "`25`")),
        (("--every", "soon"), ("`interval_second`", "'soon'", "seconds from 1 up")),
        (("--every", "nan"), ("`interval_second`", "seconds from 1 up")),
        (("--at", "tomorrow"), ("`run_once_start_time`", "'tomorrow'")),
        (("--on", "run_ended"), ("`on`", "'run_ended'", "`new_artifact`")),
        (("--overlap", "kue"), ("`overlap`", "`queue`")),
        (("--catchup", "al"), ("`catchup`", "Did you mean `all`?")),
        (("--catchup-limit", "many"), ("`catchup_limit`", "'many'", "from 1 up")),
        (("--max-runs", "0"), ("`max_runs`", "from 1 up")),
        (("--timezone", "Europe/Berln"), ("Did you mean `Europe/Berlin`?",)),
        (("--jitter", "-1"), ("`jitter`", "greater than 0")),
        (("--cron", "0 2 * * *", "--every", "60"), ("one of", "`cron_expression`, `interval_second`")),
        (("--name", "taken"), ("There is a schedule `taken` already",)),
        (("--param", "rat=1"), ("`rat`", "Did you mean `rate`?")),
        (("--param", "rate=fast"), ("`rate` of pipeline `nightly`", "'fast'", "float")),
        (("--param", "rate"), ("--param NAME=VALUE",)),
        (("--param", "rate=1", "--param", "rate=2"), ("given twice",)),
    ],
    ids=lambda value: " ".join(value),
)
def test_a_change_that_is_not_possible_is_refused_and_changes_nothing(zenml, words, parts):
    declare("taken")
    before = declare()

    result = zenml("schedule", "update", "at two", *words)

    assert (result.status, result.out) == (2, "")
    for part in parts:
        assert part in result.err
    assert stored("at two") == before


def test_parameters_that_cannot_be_checked_here_are_stored_with_a_note(zenml, monkeypatch):
    declare()
    monkeypatch.delitem(live.pipelines, "nightly")
    source = finding.source_of(nightly.function)
    monkeypatch.setattr(finding, "_import", lambda origin, _: sys.modules["json"])

    result = zenml("schedule", "update", "at two", "--param", "rate=fast")

    assert result.status == 0
    assert "The parameters of schedule `at two` are not checked" in result.err
    assert f"has no pipeline `{source.name}` any more" in result.err
    assert bytes(stored("at two").parameters["rate"]) == b'"fast"'


def test_deleting_asks_and_names_what_goes(zenml, monkeypatch):
    declare()
    declare("second", interval_second=60)
    monkeypatch.setattr("zenml.cli.commands.click.confirm", lambda text, **_: asked.append(text))
    asked = []

    refused = zenml("schedule", "delete", "at two", "second")
    unknown = zenml("schedule", "delete", "second", "no-such", "--yes")
    done = zenml("schedule", "delete", "second", "second", "-y")

    assert (refused.status, asked) == (1, ["Delete schedules `at two`, `second`?"])
    assert (unknown.status, "no schedule `no-such`" in unknown.err) == (1, True)
    assert done.out == "Deleted schedule `second`.\n"
    assert [one["name"] for one in shown(zenml, "list")["items"]] == ["at two"]


def test_a_trigger_says_who_starts_the_run(zenml, request):
    declare()

    alone = zenml("schedule", "trigger", "at two")
    request.getfixturevalue("served")
    served = zenml("schedule", "trigger", "at two")
    found = shown(zenml, "trigger", "at two")

    assert ("begins once a scheduler is there" in alone.out, NOBODY in alone.err) == (True, True)
    assert ("is started by the scheduler" in served.out, served.err) == (True, "")
    rows = shown(zenml, "history", "at two")["items"]
    assert {(one["cause"], one["outcome"]) for one in rows} == {("manual", "queued")}
    assert (len(rows), found["is_served"]) == (3, True)
    assert found["key"] in {one["key"] for one in rows}
    assert "(triggered)" in zenml("schedule", "history", "at two").out


@pytest.mark.parametrize("verb", ["show", "preview", "history", "pause", "resume", "trigger"])
def test_a_wrong_name_lists_close_ones(zenml, verb):
    declare()

    result = zenml("schedule", verb, "attwo")

    assert (result.status, result.out) == (1, "")
    assert "There is no schedule `attwo`" in result.err
    assert "`at two`" in result.err


def test_names_are_completed(zenml):
    declare()
    declare("second", other, interval_second=60)
    complete = ShellComplete(cli, {}, "zenml", "_ZENML_COMPLETE")

    found = complete.get_completions(["schedule", "show"], "se")

    assert [(one.value, one.help) for one in found] == [("second", "other, every 1 min")]


# The doctor


def test_the_doctor_says_whether_schedules_are_served(zenml, request):
    assert "schedules" not in zenml("doctor").out

    one = declare()
    declare("second", interval_second=60)
    (warned,) = _checks(zenml)
    request.getfixturevalue("served")
    (well,) = _checks(zenml)
    Client().store.schedules.quarantine(one.id, "no such zone", None)
    counted, aside = _checks(zenml)

    assert (warned["level"], warned["text"]) == ("warn", "2 schedules, 2 active; no scheduler serves them")
    assert warned["remedy"] == "Start a scheduler: zenml schedule serve"
    assert (well["level"], "served by process" in well["text"]) == ("ok", True)
    assert counted["text"].startswith("2 schedules, 1 active")
    assert (aside["level"], aside["text"]) == ("problem", "`at two` is set aside: no such zone")
    assert "zenml schedule update 'at two'" in aside["remedy"]


def test_the_doctor_survives_a_damaged_schedule(zenml, zenml_store):
    declare(on=NewArtifact("dataset"))
    with closing(sqlite3.connect(zenml_store / "store.db")) as database:
        database.execute("UPDATE schedules SET event = '{'")
        database.commit()

    (check,) = _checks(zenml)

    assert (check["level"], "is damaged" in check["text"]) == ("problem", True)


def _checks(zenml):
    found = json.loads(zenml("doctor", "--json").out)["checks"]
    return [one for one in found if one["name"] == "schedules"]
