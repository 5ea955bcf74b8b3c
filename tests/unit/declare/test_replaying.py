"""A run is reproduced from what it recorded: what is executed, what is taken, what is replaced, what is refused."""

import asyncio
import os
import queue
import random

import pytest

import zenml
from zenml import pipeline, step
from zenml.client import Client
from zenml.client.explaining import explain
from zenml.client.run_control import delete_runs
from zenml.declare.replay_request import ReplayRequest, Typed
from zenml.errors import ArgumentError, NotFoundError, ReplayError, TypeMismatchError
from zenml.records.run import Run

pytestmark = pytest.mark.usefixtures("zenml_lab")

CALLS = queue.SimpleQueue()
"""No list: what is in it would count as code of the steps."""


@pytest.fixture(autouse=True)
def _nothing_called(monkeypatch):
    called()
    monkeypatch.delenv("TROUBLE", raising=False)


def called():
    """Return what was called since the last time."""
    found = []
    while not CALLS.empty():
        found.append(CALLS.get())
    return found


@pytest.fixture
def trouble(monkeypatch):
    """Have a step fail, until it is called without a name."""
    return lambda name="": monkeypatch.setenv("TROUBLE", str(name))


@step
def load(size: int = 3) -> list[int]:
    CALLS.put("load")
    return list(range(size))


@step
def train(rows: list[int], rate: float = 0.5) -> float:
    CALLS.put(f"train {rate}")
    if os.environ.get("TROUBLE") == "train":
        raise ValueError("no")
    return sum(rows) * rate


@step
def chance() -> float:
    CALLS.put("chance")
    return random.random()


@step
def report(score: float, title: str = "score") -> str:
    CALLS.put("report")
    return f"{title} {score}"


@step
def half(number: int, by: int = 2) -> int:
    CALLS.put(f"half {number}")
    if os.environ.get("TROUBLE") == str(number):
        raise ValueError(f"no {number}")
    return number // by


@step
def total(numbers: list[int]) -> int:
    CALLS.put("total")
    return sum(numbers)


@pipeline
def static(size: int = 3, rate: float = 0.5):
    return report(train(load(size), rate))


@pipeline(dynamic=True)
def loop(count: int = 3):
    found = [half(number) for number in range(count)]
    return total(found)


@pipeline(dynamic=True)
def mapped(count: int = 3):
    return total(half.map(list(range(count))))


@pipeline
def leaf(number: int):
    return half(number)


@pipeline(dynamic=True)
def parent(number: int = 8):
    child = leaf(number)
    assert child.load() == number // 2
    return half(child)


def statuses(run):
    return {name: step.status for name, step in run.steps.items()}


# What is executed


def test_everything_is_executed_whatever_the_cache_knows():
    original = static()
    assert statuses(static()) == dict.fromkeys(("load", "train", "report"), "cached")
    called()

    again = static.replay(original)

    assert called() == ["load", "train 0.5", "report"]
    assert again.id != original.id
    assert again.original.id == original.id
    assert [one.id for one in original.replays] == [again.id]
    assert again.replay_report.is_same
    assert [one.verdict for one in again.replay_report.outputs] == ["same"] * 3


def test_calls_with_the_same_content_are_executed_each():
    @pipeline
    def twice():
        chance()
        chance()

    original = twice.with_options(enable_cache=False)()
    called()

    again = twice.replay(original)

    assert called() == ["chance", "chance"]
    assert {one.verdict for one in again.replay_report.outputs} == {"differs"}
    assert not again.replay_report.is_same


def test_the_cache_answers_later_runs_with_what_a_replay_has_made():
    original = static()
    again = original.replay(pipeline=static)

    later = static()

    assert later.steps["train"].record.cached_from == again.steps["train"].id


def test_words_of_then_hold():
    original = static.with_options(
        steps={"report": {"parameters": {"title": "then"}}}, tags=["then"], parameters={"rate": 2.0}
    )(size=5)

    again = static.replay(original)

    assert again.outputs[0].load() == original.outputs[0].load() == "then 20.0"
    assert again.parameters == {"size": 5, "rate": 2.0}
    assert "then" in again.tags


def test_an_artifact_that_was_given_is_the_same_one():
    @pipeline
    def of(rows):
        return train(rows)

    rows = static(size=4).steps["load"].output
    original = of(rows)

    again = of.replay(original)

    assert again.steps["train"].inputs["rows"].id == rows.id
    assert of.replay(again, input_overrides={"rows": [1, 1]}).outputs[0].load() == 1.0


def test_what_the_pipeline_at_hand_is_told_holds_too():
    again = static.with_options(run_name="again", tags=["new"]).replay(static())

    assert again.name == "again"
    assert "new" in again.tags


@pytest.mark.parametrize("how", ["function", "client", "view", "name", "short id"])
def test_all_ways_to_ask(how):
    original = static.with_options(run_name="nightly")()

    again = {
        "function": lambda: zenml.replay(original, skip="load"),
        "client": lambda: Client().replay_run("nightly", skip=["load"]),
        "view": lambda: original.replay(skip=[load]),
        "name": lambda: zenml.replay("nightly", skip=["load"]),
        "short id": lambda: static.replay(original.id[-8:], skip=["load"]),
    }[how]()

    assert again.original.id == original.id
    assert statuses(again) == {"load": "cached", "train": "completed", "report": "completed"}


# What is skipped


def test_a_skipped_step_has_the_recorded_outputs():
    original = static()
    called()

    again = static.replay(original, skip=["load"])

    assert called() == ["train 0.5", "report"]
    record = again.steps["load"].record
    assert (record.status, record.cached_from) == ("cached", original.steps["load"].id)
    assert record.reason == f"taken from run `{original.name}`"
    assert again.steps["load"].output.id == original.steps["load"].output.id
    assert again.replay_report.taken == ("load",)


def test_a_skip_names_what_changed_about_the_step_since():
    original = static()

    again = static.replay(original, skip=["train"], input_overrides={"size": 9})

    assert again.steps["train"].record.reason == (
        f"taken from run `{original.name}`, although its input `rows` changed"
    )
    assert again.outputs[0].load() == original.outputs[0].load()


def test_all_that_succeeded_is_skipped(trouble):
    trouble("train")
    with pytest.raises(ValueError, match="no"):
        static()
    original = Client().get_pipeline_run("latest")
    trouble()
    called()

    again = static.replay(original, skip_successful_steps=True)

    assert called() == ["train 0.5", "report"]
    assert statuses(again) == {"load": "cached", "train": "completed", "report": "completed"}
    assert [one.verdict for one in again.replay_report.outputs] == ["new", "new"]


def test_a_skip_of_a_replay_goes_back_to_who_made_the_result():
    original = static()
    again = static.replay(original, skip=["load"])

    third = static.replay(again, skip=["load", "train"])

    assert third.steps["load"].record.cached_from == original.steps["load"].id
    assert third.steps["train"].record.cached_from == again.steps["train"].id


def test_nothing_is_executed_where_everything_succeeded():
    original = static()
    called()

    again = static.replay(original, skip_successful_steps=True)

    assert called() == []
    assert statuses(again) == dict.fromkeys(("load", "train", "report"), "cached")
    assert again.replay_report.taken == ("load", "train", "report")


# Dynamic pipelines


def test_a_call_is_skipped_by_its_id_and_all_calls_by_the_name_of_the_step():
    original = loop()
    called()

    one = loop.replay(original, skip=["half_2"])
    assert called() == ["half 0", "half 2", "total"]
    assert statuses(one)["half_2"] == "cached"

    loop.replay(original, skip=["half"])  # also the id of the first call
    assert called() == ["total"]


def test_calls_that_the_original_did_not_make_are_executed():
    original = loop(count=2)
    called()

    again = loop.replay(original, skip=["half"], input_overrides={"count": 3})

    assert called() == ["half 2", "total"]
    assert again.replay_report.taken == ("half", "half_2")


def test_calls_are_found_by_their_content_where_they_come_in_another_order():
    order = [3, 5]

    @pipeline(dynamic=True)
    def shuffled():
        return [half(number) for number in order]

    original = shuffled()
    order.reverse()
    called()

    again = shuffled.replay(original, skip=["half"])

    assert called() == []
    assert [one.load() for one in again.outputs] == [2, 1]


def test_elements_of_a_map():
    original = mapped()
    called()

    again = mapped.replay(original, skip=["half[1]"])
    assert called() == ["half 0", "half 2", "total"]
    assert again.steps["half[1]"].record.reason.startswith("taken from run")

    mapped.replay(original, skip=["half"])
    assert called() == ["total"]


def test_a_map_is_skipped_by_its_name():
    @pipeline(dynamic=True)
    def two_maps():
        half.map([1, 2])
        half.map([3, 4])

    original = two_maps()
    called()

    two_maps.replay(original, skip=["half_2"])

    assert called() == ["half 1", "half 2"]


def test_a_map_in_which_elements_failed(trouble):
    trouble(1)
    with pytest.raises(ValueError, match="no 1"):
        mapped()
    original = Client().get_pipeline_run("latest")
    trouble()
    called()

    again = mapped.replay(original, skip=["half"])

    assert called() == ["half 1", "total"]
    assert again.status == "completed"


def test_submitted_and_async_calls():
    @pipeline(dynamic=True)
    def submitted():
        found = [half.submit(number) for number in range(3)]
        return total(found)

    @pipeline(dynamic=True)
    async def waited():
        found = await asyncio.gather(*[half(number) for number in range(3)])
        return await total(found)

    for one in (submitted, waited):
        original = one.with_options(enable_cache=False)()
        called()

        again = one.replay(original, skip=["half_3"])

        assert called() == ["half 0", "half 1", "total"]
        assert again.outputs[0].load() == original.outputs[0].load()


def test_a_child_that_is_skipped_has_its_recorded_outputs():
    original = parent()
    child = original.children[0]
    called()

    again = parent.replay(original, skip=["leaf"])

    assert called() == ["half 4"]
    assert again.steps["leaf"].record.child_run_id == child.id
    assert again.steps["leaf"].record.cached_from == original.steps["leaf"].id
    assert again.children == []
    assert again.outputs[0].load() == 2


def test_a_child_of_a_replay_is_executed_and_linked_to_the_child_of_the_original():
    original = parent()
    called()

    again = parent.replay(original)

    assert called() == ["half 8", "half 4"]
    assert again.children[0].original.id == original.children[0].id
    assert again.children[0].replay_report.is_same
    assert {one.step: one.verdict for one in again.replay_report.outputs} == {"leaf": "same", "half": "same"}


def test_what_succeeded_in_a_child_that_failed_is_skipped_there(trouble):
    @pipeline
    def two():
        return half(half(12, id="first"), id="second")

    @pipeline(dynamic=True)
    def outer():
        return two()

    trouble(6)
    with pytest.raises(ValueError, match="no 6"):
        outer()
    original = next(run for run in Client().list_pipeline_runs().items if run.pipeline.name == "outer")
    trouble()
    called()

    again = outer.replay(original, skip_successful_steps=True)

    assert called() == ["half 6"]
    assert statuses(again.children[0]) == {"first": "cached", "second": "completed"}


def test_a_child_that_was_submitted_is_skipped():
    @pipeline(dynamic=True)
    def outer():
        futures = [leaf.submit(number) for number in (4, 6)]
        return total([one.output("output") for one in futures])

    original = outer()
    called()

    again = outer.replay(original, skip=["leaf"])

    assert called() == ["total"]
    assert again.outputs[0].load() == 5


def test_a_replay_needs_the_run_of_a_child_that_it_is_to_skip():
    original = parent()
    delete_runs(Client().store, [original.children[0].id])

    with pytest.raises(ReplayError, match=r"`leaf` is to be skipped, and its stored output in run .* gone"):
        parent.replay(original, skip=["leaf"])


# What is replaced


def test_arguments_of_the_pipeline():
    original = static()

    again = static.replay(original, skip=["load"], input_overrides={"rate": 10.0})

    assert again.parameters == {"size": 3, "rate": 10.0}
    assert again.outputs[0].load() == "score 30.0"
    assert {one.step: one.verdict for one in again.replay_report.outputs} == {
        "train": "differs",
        "report": "differs",
    }


@pytest.mark.parametrize("name", ["half", "half_2"])
def test_arguments_of_calls(name):
    original = loop.with_options(steps={"half_2": {"parameters": {"by": 3}}})(count=5)

    again = loop.replay(original, step_input_overrides={name: {"by": 1}})

    bys = [again.steps[one].config.parameters["by"] for one in ("half", "half_2")]
    assert bys == ([1, 1] if name == "half" else [2, 1])


def test_arguments_of_elements_and_children():
    assert mapped.replay(mapped(), step_input_overrides={"half[2]": {"by": 1}}).outputs[0].load() == 2

    original = leafs()
    assert leafs.replay(original, step_input_overrides={"leaf": {"number": 100}}).outputs[0].load() == 50


@pipeline(dynamic=True)
def leafs():
    return leaf(2)


def test_an_edge_is_replaced_by_a_value():
    original = static()

    again = static.replay(original, step_input_overrides={"train": {"rows": [7, 7]}})

    assert again.outputs[0].load() == "score 7.0"
    assert again.steps["train"].record.invocation.upstream() == ()


def test_a_text_that_looks_like_a_placeholder_is_a_text():
    again = static.replay(static(), step_input_overrides={"report": {"title": "${HOME}"}})

    assert again.outputs[0].load() == "${HOME} 1.5"


def test_what_was_replaced_holds_for_a_replay_of_the_replay():
    again = static.replay(static(), step_input_overrides={"report": {"title": "first"}})

    third = static.replay(again, step_input_overrides={"train": {"rate": 2.0}})

    assert third.outputs[0].load() == "first 6.0"


# What is refused, before anything runs


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"skip": ["lod"]}, ReplayError, "is to skip a step `lod`, .* Did you mean `load`"),
        ({"input_overrides": {"sise": 4}}, ArgumentError, "Did you mean `size`"),
        ({"step_input_overrides": {"trian": {"rate": 1.0}}}, ReplayError, "Did you mean `train`"),
        ({"step_input_overrides": {"train": {"rat": 1.0}}}, ArgumentError, "Did you mean `rate`"),
        ({"step_input_overrides": {"train": 3}}, ArgumentError, "Give it a mapping"),
        (
            {"skip": ["train"], "step_input_overrides": {"train": {"rate": 1.0}}},
            ReplayError,
            "one of the two",
        ),
        ({"skip": 3}, ArgumentError, "`skip` of a replay is 3"),
        ({"input_overrides": {"rate": "fast"}}, TypeMismatchError, "`rate` of pipeline `static`"),
    ],
)
def test_what_is_wrong_is_told_before_anything_runs(options, kind, words):
    original = static()
    called()

    with pytest.raises(kind, match=words):
        static.replay(original, **options)

    assert called() == []
    assert original.replays == []


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"skip": ["hlaf_2"]}, ReplayError, "Did you mean `half_2`"),
        ({"step_input_overrides": {"hlaf": {"by": 1}}}, ReplayError, "Did you mean `half`"),
        ({"step_input_overrides": {"half_2": {"numbr": 1}}}, ArgumentError, "Did you mean `number`"),
    ],
)
def test_so_it_is_for_a_dynamic_pipeline(options, kind, words):
    original = loop()
    called()

    with pytest.raises(kind, match=words):
        loop.replay(original, **options)

    assert called() == []


def test_a_step_without_a_success_cannot_be_skipped(trouble):
    trouble("train")
    with pytest.raises(ValueError, match="no"):
        static()
    original = Client().get_pipeline_run("latest")

    for name, state in (("train", "it is failed"), ("report", "it is skipped")):
        with pytest.raises(ReplayError, match=f"Step `{name}` of run .* has no result .*: {state}"):
            static.replay(original, skip=["load", name])


def test_a_run_that_is_not_there():
    with pytest.raises(NotFoundError, match="There is no run `nightly`"):
        zenml.replay("nightly")


def test_a_pipeline_that_cannot_be_imported():
    def declare():
        @pipeline
        def hidden():
            load()

        return hidden

    original = declare()()
    zenml.context.live.pipelines.pop("hidden")

    with pytest.raises(
        ReplayError, match=r"cannot be imported: it was declared inside a function.*hidden\.replay"
    ):
        zenml.replay(original)


def test_a_run_of_a_single_step():
    load()
    original = Client().get_pipeline_run("latest")

    with pytest.raises(ReplayError, match="is of the single step `load`"):
        zenml.replay(original)


def test_a_plan_that_is_gone(zenml_lab):
    original = static()
    zenml_lab.store.update(Run, original.id, plan="0" * 16)

    with pytest.raises(NotFoundError, match=r"The plan of run .* is no longer in the store"):
        zenml.replay(original.id)


def test_a_step_whose_outputs_are_other_ones_now_is_not_skipped():
    def declare(annotation):
        def work():
            return 1

        work.__annotations__["return"] = annotation
        return step(work)

    now = [declare(int)]

    @pipeline
    def changing():
        now[0]()

    original = changing()
    now[0] = declare(None)

    with pytest.raises(ReplayError, match="`work` is to be skipped, and has other outputs now"):
        changing.replay(original, skip=["work"])


# What is said of it


def test_why_a_step_of_a_replay_ran_or_did_not(zenml_lab):
    original = static()
    again = static.replay(original, skip=["load"])

    taken = explain(zenml_lab.store, again.id, "load")
    executed = explain(zenml_lab.store, again.id, "train")

    assert (taken.verdict, taken.cause) == ("cached", "replayed")
    assert (executed.verdict, executed.cause) == ("executed", "replayed")


def test_a_report_as_text():
    original = static()
    again = static.replay(original, skip=["load"], step_input_overrides={"report": {"title": "other"}})

    assert str(again.replay_report).splitlines() == [
        f"Compared with run `{original.name}`:",
        "  same content: `train`",
        "  differs: `report`",
        "  taken from the original: `load`",
    ]
    assert original.replay_report is None


def test_what_the_replay_did_not_call_is_told():
    again = loop.replay(loop(count=3), input_overrides={"count": 1})

    assert again.replay_report.missing == ("half_2", "half_3")
    assert not again.replay_report.is_same


def test_an_original_that_was_deleted():
    original = static()
    again = static.replay(original)
    delete_runs(Client().store, [original.id])

    again = again.refresh()
    assert again.original is None
    with pytest.raises(NotFoundError, match="was deleted, so nothing can be compared"):
        _ = again.replay_report


def test_what_is_typed_is_read_by_the_annotation_of_now():
    request = ReplayRequest.read(
        (), {"rate": Typed("2")}, {"report": {"title": Typed("5")}, "unknown": {"x": Typed("5")}},
        skips_successful=False,
    )  # fmt: skip

    found = request.typed(static, {"report": report})

    assert found.inputs == {"rate": 2.0}
    assert found.step_inputs == {"report": {"title": "5"}, "unknown": {"x": 5}}
