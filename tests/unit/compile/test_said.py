"""What was said of a run beyond its source is written down, and says the same when it is read again."""

import msgspec

from zenml import Model, pipeline, step
from zenml.compile.compiler import compile_pipeline
from zenml.compile.said import resumed_layers
from zenml.config import CachePolicy
from zenml.config.retry_config import StepRetryConfig


@step
def work(x: int = 1, y: int = 2) -> int:
    return x


@pipeline(tags=["declared"])
def flow(size: int = 3) -> int:
    return work(size)


def tell():
    pass


def compiled_again(said, *args, **kwargs):
    """Compile what was said, and once more from what its plan has kept."""
    first = compile_pipeline(said, args, kwargs).plan
    layers = resumed_layers(flow.layers, first, __name__)
    return first, compile_pipeline(flow.with_layers(layers), args, kwargs).plan


def same(one, other):
    """Compare plans but for the words themselves."""
    bare = [msgspec.structs.replace(plan, said={}, unsaid=()) for plan in (one, other)]
    return bare[0] == bare[1]


def test_nothing_is_kept_where_nothing_was_said():
    plan = compile_pipeline(flow, (), {}).plan

    assert (plan.said, plan.unsaid, plan.artifacts) == ({}, (), {})


def test_objects_are_read_again_as_they_were():
    said = flow.with_options(
        run_name="once",
        retry=StepRetryConfig(max_retries=2, delay=1),
        model=Model("m", version=2),
        cache_policy=CachePolicy(1, ["x"]),
        on_failure=tell,
        execution_mode="fail_fast",
        tags=["a"],
        steps={"work": {"parameters": {"y": 5}, "extra": {"k": [1, None]}}},
    )

    first, again = compiled_again(said)

    assert "run_name" not in first.said["with_options"]
    assert same(first, again)
    assert first.options.execution_mode == again.options.execution_mode == "fail_fast"


def test_what_replaces_still_replaces():
    said = flow.with_options(merge=False, tags=["only"])

    first, again = compiled_again(said)

    assert first.options.tags == again.options.tags == ("only",)


def test_what_cannot_be_written_down_is_named():
    said = flow.with_options(on_failure=lambda: None)

    assert compile_pipeline(said, (), {}).plan.unsaid == ("on_failure",)


def test_an_argument_of_the_call_is_not_taken_for_a_configured_one(monkeypatch):
    said = flow.with_options(parameters={"size": 9})

    assert compile_pipeline(said, (4,), {}).plan.said == {"with_options": {"parameters": {}}}
    assert compile_pipeline(said, (), {}).plan.said == {"with_options": {"parameters": {"size": 9}}}
