"""Steps that are to be executed whatever the cache knows, and policies that name what is not there."""

import pytest

from zenml import pipeline, step
from zenml.compile.compiler import compile_pipeline
from zenml.config.cache_policy import CachePolicy
from zenml.errors import ConfigurationError


@step
def load() -> int:
    return 1


@step
def train(x: int) -> int:
    return x


@pipeline
def flow():
    data = load()
    train(data)
    train(data, id="again")


@pytest.mark.parametrize(
    ("refresh", "expected"),
    [
        (False, ()),
        (True, ("load", "train", "again")),
        ("load", ("load",)),
        (["again"], ("again",)),
        (["train"], ("train", "again")),
    ],
)
def test_steps_are_named_by_id_or_by_name(refresh, expected):
    assert compile_pipeline(flow.with_options(refresh=refresh), (), {}).plan.refreshed == expected


def test_a_step_that_is_not_there_is_refused_with_the_close_one():
    with pytest.raises(ConfigurationError, match=r"to refresh a step `trian`.*Did you mean `train`"):
        compile_pipeline(flow.with_options(refresh=["trian"]), (), {})


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        ({"ignore_fields": ["y"]}, "ignores the input `y`"),
        ({"file_dependencies": ["nowhere.csv"]}, "`nowhere.csv`, which does not exist"),
        ({"source_dependencies": ["nowhere.f"]}, "`nowhere.f`, which cannot be imported"),
        ({"source_dependencies": [3]}, "source_dependencies"),
        ({"cache_func": lambda: 3}, "must return text"),
        ({"cache_func": lambda: 1 / 0}, "ZeroDivisionError"),
    ],
    ids=["input", "file", "source", "no code", "no text", "raises"],
)
def test_a_policy_that_names_what_is_not_there_is_refused_before_anything_runs(policy, text):
    mine = train.with_options(cache_policy=CachePolicy(**policy))

    @pipeline
    def one():
        mine(1)

    with pytest.raises(ConfigurationError, match=text):
        compile_pipeline(one, (), {})


def test_a_policy_of_the_pipeline_may_ignore_inputs_that_only_some_steps_have():
    assert compile_pipeline(flow.with_options(cache_policy=CachePolicy(ignore_fields=["x"])), (), {}).plan
