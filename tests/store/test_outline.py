"""A run in outline says what its records say."""

import pytest

from zenml import pipeline, step
from zenml.records.run import StepRun
from zenml.store.opening import open_store

pytestmark = pytest.mark.usefixtures("zenml_store")


@step
def load() -> int:
    return 1


@step(enable_cache=False)
def fit(xs: list[int], also: dict[str, int], plain: int = 3) -> int:
    if plain < 0:
        raise ValueError("negative")
    return sum(xs)


@pipeline
def flow():
    one, other = load(), load(id="other")
    fit([one, 2, other], {"a": one, "b": 4}, after=["other"])
    fit([one], {}, plain=-1, id="broken")


def test_an_outline_says_what_the_records_say():
    with pytest.raises(ValueError, match="negative"):
        flow()
    store = open_store()
    records = store.select(StepRun)

    outlines = store.outline(records[0].run_id)

    assert len(outlines) == 4
    for record, outline in zip(records, outlines, strict=True):
        for name in outline.__struct_fields__:
            if name not in ("upstream", "map"):
                assert getattr(outline, name) == getattr(record, name), name
        assert outline.upstream == record.invocation.upstream()
        assert outline.map == record.invocation.map


def test_an_outline_is_of_one_run():
    with pytest.raises(ValueError, match="negative"):
        flow()

    assert open_store().outline("another") == []
