"""Why a step ran: each cause, named by what a person changed."""

import os

import pytest

from zenml import pipeline, step
from zenml.client.cached_results import invalidate_cached
from zenml.client.explaining import explain
from zenml.config.cache_policy import CachePolicy
from zenml.errors import NotFoundError
from zenml.records.ids import short
from zenml.records.run import Artifact, StepRun
from zenml.store.opening import open_store

pytestmark = pytest.mark.usefixtures("zenml_store")


@step
def load(seed: int, note: str = "") -> list[int]:
    return [seed // 10]


@step
def train(data: list[int], rate: float, password: str = "a") -> float:  # noqa: S107  shown as hidden
    if rate < 0:
        raise ValueError("negative")
    return len(data) * rate


@step
def gather(items: list[int]) -> int:
    return sum(items)


@step
def one(x: int) -> int:
    return x


@pipeline
def flow(seed: int = 1, rate: float = 0.1, password: str = "a"):  # noqa: S107  shown as hidden
    train(load(seed), rate, password)


@pipeline
def fan(numbers: list[int]):
    gather([one(number) for number in numbers])


def why(run, name):
    return explain(open_store(), run.id, name)


def test_a_cached_step_names_where_its_result_comes_from():
    first = flow()

    answer = why(flow(), "train")

    assert (answer.verdict, answer.cause) == ("cached", "hit")
    assert answer.reference.run_id == first.id
    assert answer.reason == f"from step `train` of run `{first.name}`"


def test_the_first_run_of_a_step_has_nothing_to_compare_with():
    answer = why(flow(), "train")

    assert (answer.verdict, answer.cause, answer.changes) == ("executed", "first", ())
    assert answer.reason == "because there is no earlier result of it"


def test_a_step_that_only_failed_before_has_no_result_yet():
    with pytest.raises(ValueError, match="negative"):
        flow.with_options(run_name="bad")(rate=-1.0)

    answer = why(flow(), "train")

    assert answer.cause == "first"
    assert "in run `bad`, the last one before, it was failed" in answer.reason


def test_a_parameter_is_shown_before_and_after():
    flow()

    answer = why(flow(rate=0.2), "train")

    assert answer.reason == "because `rate`: 0.1 → 0.2"
    (change,) = answer.changes
    assert (change.kind, change.name, change.before, change.after) == ("parameter", "rate", "0.1", "0.2")


def test_a_secret_parameter_is_not_shown():
    flow()

    assert why(flow(password="b"), "train").reason == "because `password` has another value"


def test_an_upstream_output_with_other_content_is_named():
    flow()

    answer = why(flow(seed=20), "train")

    (change,) = answer.changes
    assert change.text == "`data`: output `output` of step `load` has other content"
    assert (change.kind, change.step) == ("input", "load")
    assert change.before != change.after


def test_an_upstream_step_that_gives_the_same_bytes_is_no_reason():
    flow(seed=1)
    again = flow(seed=2)

    assert why(again, "load").cause == "changed"
    assert why(again, "train").cause == "hit"


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ([1, 2, 3], "`items`: 2 → 3 items"),
        ([1, 5], "`items`: item 2 (output `output` of step `one_2`) has other content"),
        ([4, 5], "`items`: items 1 (output `output` of step `one`), 2 (output `output` of step `one_2`) have other content"),
    ],
)  # fmt: skip
def test_a_list_of_outputs_names_the_items(numbers, text):
    fan([1, 2])

    assert why(fan(numbers), "gather").changes[0].text == text


def test_several_changes_are_counted_and_listed():
    flow()

    answer = why(flow(seed=20, rate=0.3), "train")

    assert answer.reason == "because 2 things changed"
    assert [change.name for change in answer.changes] == ["data", "rate"]


def test_the_comparison_is_with_the_newest_earlier_result():
    flow(rate=0.1)
    second = flow(rate=0.2)
    third = flow(rate=0.3)
    flow(rate=0.4)

    answer = why(third, "train")

    assert answer.reference.run_id == second.id
    assert answer.reason == "because `rate`: 0.2 → 0.3"


def test_settings_and_extra_are_compared_key_by_key():
    @pipeline
    def declared(settings: dict, extra: dict):
        load.with_options(settings=settings, extra=extra)(1)

    declared({"docker": {"dockerfile": "a"}}, {"owner": "me", "team": "blue"})

    answer = why(declared({"docker": {"dockerfile": "b"}}, {"owner": "you", "size": 3}), "load")

    assert [change.text for change in answer.changes] == [
        "settings: `docker` = {'dockerfile': 'a'} → {'dockerfile': 'b'}",
        "extra: `owner` = 'me' → 'you'",
        "extra: `size` was added",
        "extra: `team` was removed",
    ]


@pytest.mark.parametrize(
    "key", ["alerter", "experiment_tracker.mlflow", "orchestrator", "resources", "step_operator"]
)
def test_settings_that_say_how_and_where_a_step_runs_do_not_count(key):
    @pipeline
    def declared(settings: dict):
        load.with_options(settings=settings)(1)

    declared({key: {"cpu_count": 1} if key == "resources" else {"synchronous": True}})

    assert declared({}).steps["load"].status == "cached"


def test_disabled_caching_names_the_result_it_would_have_had():
    @pipeline
    def disabled():
        load.with_options(enable_cache=False)(7)

    first = disabled()

    answer = why(disabled(), "load")

    assert (answer.cause, answer.changes) == ("disabled", ())
    assert answer.reference.run_id == first.id


def test_a_result_that_was_too_old_is_said_so():
    @pipeline(cache_policy=CachePolicy(max_age_days=1))
    def aging():
        load(7)

    first = aging()
    _make_older(first.steps["load"].id, days=2)

    answer = why(aging(), "load")

    assert answer.cause == "expired"
    assert answer.reference.run_id == first.id


def test_a_damaged_result_is_said_so():
    @step
    def big() -> bytes:
        return bytes(200_000)

    @pipeline
    def damaged():
        big()

    first = damaged()
    artifact = open_store().select(Artifact, producer=first.steps["big"].id)[0]
    open_store().update(Artifact, artifact.id, key=f"{artifact.key}-gone")

    assert why(damaged(), "big").cause == "damaged"


def test_an_ignored_input_that_counts_again_is_said_so():
    @pipeline
    def policy(ignored: list[str], note: str):
        load.with_options(cache_policy=CachePolicy(ignore_fields=ignored))(1, note)

    policy(["note"], "x")

    answer = why(policy([], "y"), "load")

    assert [change.text for change in answer.changes] == ["`note` counts now (cache policy)"]


def test_a_skipped_step_names_what_did_not_succeed():
    @pipeline(execution_mode="continue_on_failure")
    def failing():
        one(gather([train(load(1), -1.0)]))

    with pytest.raises(ValueError, match="negative"):
        failing.with_options(run_name="failing")()

    answer = explain(open_store(), "failing", "gather")

    assert (answer.verdict, answer.cause) == ("skipped", "skipped")
    assert "step `train` did not succeed" in answer.reason


def test_the_same_function_in_another_pipeline_is_compared_where_there_is_no_nearer_one():
    @pipeline
    def elsewhere():
        one(3, id="custom")

    first = fan([1])

    answer = why(elsewhere(), "custom")

    assert answer.reference.run_id == first.id
    assert answer.reason == "because `x`: 1 → 3"


def test_runs_and_steps_are_found_by_short_id():
    run = flow()

    assert explain(open_store(), short(run.id), short(run.steps["train"].id)).step == "train"


def test_an_unknown_step_lists_the_close_ones():
    run = flow()

    with pytest.raises(NotFoundError, match="There is: `train`"):
        explain(open_store(), run.id, "trian")


def test_a_step_that_did_not_begin_is_said_so():
    run = flow()
    store = open_store()
    store.delete(StepRun, run.steps["train"].id)

    with pytest.raises(NotFoundError, match="has not started"):
        explain(store, run.id, "train")


def _make_older(step_run_id, *, days):
    store = open_store()
    ended = store.get(StepRun, step_run_id).ended_at
    store.update(StepRun, step_run_id, ended_at=ended - days * 86_400_000_000)


def test_a_refreshed_step_says_so():
    flow()

    run = flow.with_options(refresh=["load"])()

    answer = why(run, "load")
    assert (answer.verdict, answer.cause) == ("executed", "refreshed")
    assert why(run, "train").verdict == "cached"


def test_a_result_that_was_taken_out_of_use_is_named():
    first = flow()
    assert invalidate_cached(open_store(), step="train") == 1

    answer = why(flow(), "train")

    assert (answer.cause, answer.reference.run) == ("invalidated", first.name)
    assert "taken out of use" in answer.reason
    assert why(flow(), "train").cause == "hit"


@pytest.mark.parametrize(
    ("policy", "change", "text"),
    [
        ({"file_dependencies": ["data.csv"]}, lambda: write("data.csv", "2"), "file `data.csv` changed"),
        ({"file_dependencies": ["folder"]}, lambda: write("folder/b", "2"), "file `folder` changed"),
        ({"cache_func": lambda: read("data.csv")}, lambda: write("data.csv", "2"), "the answer of"),
    ],
    ids=["file", "folder", "function"],
)
def test_what_a_policy_names_runs_the_step_again(policy, change, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkdir("folder")
    write("data.csv", "1")
    mine = one.with_options(cache_policy=CachePolicy(**policy))

    @pipeline
    def single():
        mine(1)

    single()
    assert why(single(), "one").verdict == "cached"
    change()

    answer = why(single(), "one")
    assert answer.verdict == "executed"
    assert text in answer.reason


def test_a_source_that_a_policy_names_runs_the_step_again(monkeypatch):
    mine = one.with_options(cache_policy=CachePolicy(source_dependencies=[f"{__name__}.helper"]))

    @pipeline
    def single():
        mine(1)

    single()
    assert why(single(), "one").verdict == "cached"
    monkeypatch.setitem(globals(), "helper", other_helper)

    assert "helper` changed" in why(single(), "one").reason


def helper():
    return 1


def other_helper():
    return 2


def write(name, text):
    with open(name, "w", encoding="utf-8") as file:
        file.write(text)


def read(name):
    with open(name, encoding="utf-8") as file:
        return file.read()
