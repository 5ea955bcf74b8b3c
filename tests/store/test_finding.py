"""Finding records, in every store: whichever way they are looked for, the same ones are found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_samples import a_run, an_artifact, an_owner

from zenml.records.ids import new_id
from zenml.records.plan import TagSpec
from zenml.records.query import Condition, Query, read_condition
from zenml.records.run import Artifact, Pipeline, Run, tag_on
from zenml.store import finding
from zenml.store.query_sql import after
from zenml.store.store import Notes

CHARACTERS = st.text(st.characters(codec="utf-8"), max_size=4)
"""Up to the last code point, and around those that are no characters."""
EDGES = st.sampled_from(["a", "b", "\ud7ff", "\ue000", "\U0010ffff", "\U0010fffe", "é"])


@given(CHARACTERS | st.text(EDGES, max_size=3), CHARACTERS | st.text(EDGES, max_size=3))
def test_what_begins_with_a_part_is_what_lies_before_the_text_after_it(part, rest):
    end = after(part)
    for text in (part + rest, rest, part[:-1] + rest):
        is_between = part <= text and (end is None or text < end)

        assert text.startswith(part) == is_between or (end is None and not text.startswith(part))


def test_nothing_comes_after_the_last_character():
    assert after("a\U0010ffff") == "b"
    assert after("\U0010ffff") is None
    assert after("\ud7ff") == "\ue000"


@pytest.fixture(params=[0, 1, 1000], ids=["all are many", "one is few", "all are few"])
def few(request, monkeypatch):
    monkeypatch.setattr(finding, "FEW", request.param)


@pytest.fixture
def named(store):
    names = ["apple", "apple_2", "banana", "fig", "\U0010ffff", "\U0010ffffa"]
    store.insert([an_artifact(name=name) for name in names])


def names_found(store, condition, **page):
    found = store.find(Artifact, Query((read_condition("name", condition),), **page))
    return [one.name for one in found], found.total


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("startswith:apple", ["apple_2", "apple"]),
        ("contains:an", ["banana"]),
        ("contains:a", ["\U0010ffffa", "banana", "apple_2", "apple"]),
        ("startswith:\U0010ffff", ["\U0010ffffa", "\U0010ffff"]),
        ("startswith:z", []),
        ("contains:z", []),
    ],
)
def test_a_part_of_a_name_finds_the_same_however_many_have_it(store, few, named, condition, expected):
    assert names_found(store, condition) == (expected, len(expected))


def test_pages_of_a_part_of_a_name_are_in_order_and_count_all(store, few, named):
    assert names_found(store, "contains:a", size=3) == (["\U0010ffffa", "banana", "apple_2"], 4)
    assert names_found(store, "contains:a", size=3, page=2) == (["apple"], 4)
    assert names_found(store, "contains:a", size=3, page=3) == ([], 4)
    assert names_found(store, "startswith:a", size=1, sort="name", is_descending=False) == (["apple"], 2)


def test_a_page_after_the_last_says_how_many_there_are(store, named):
    assert store.find(Artifact, Query(size=2, page=9)).total == 6
    assert store.find(Artifact, Query(size=4, page=2)).total == 6


def runs_in(store, number, **fields):
    owner = an_owner()
    store.insert([owner])
    runs = [a_run(owner.id, **fields) for _ in range(number)]
    store.insert(runs)
    return runs


def test_digits_at_either_end_find_a_run(store):
    first, second = runs_in(store, 2)

    assert store.with_digits(Run, first.id) == [first]
    assert store.with_digits(Run, first.id[-4:]) == [first]
    assert store.with_digits(Run, second.id[-11:]) == [second]
    assert store.with_digits(Run, second.id[:20]) == [second]
    assert store.with_digits(Run, first.id[:4]) == [second, first]
    assert store.with_digits(Run, first.id[3:12]) == []
    assert store.with_digits(Run, first.id[-3:]) == []
    assert store.with_digits(Run, first.id + "0") == []


def test_digits_find_an_artifact(store):
    one = an_artifact()
    store.insert([one, an_artifact(name="other")])

    assert [found.id for found in store.with_digits(Artifact, one.id[-8:])] == [one.id]


def test_pipelines_have_the_number_of_their_runs_and_the_newest(store):
    pipeline = Pipeline(id=new_id(), name="flow", created_at=1)
    store.insert([pipeline, Pipeline(id=new_id(), name="idle", created_at=1)])
    *_, newest = runs_in(store, 3, pipeline_name="flow")
    runs_in(store, 1, pipeline_name="other")

    assert store.runs_of_pipelines(["flow", "idle", "none"]) == {"flow": (3, newest)}


def test_tags_are_counted_by_name_and_kind(store):
    first, second = runs_in(store, 2)
    tags = [tag_on("run", first.id, TagSpec("b")), tag_on("run", second.id, TagSpec("b"))]
    tags += [tag_on("artifact", new_id(), TagSpec("b")), tag_on("run", first.id, TagSpec("a"))]
    store.annotate(Notes(tags=tags))

    assert store.tag_counts() == [("a", "run", 1), ("b", "artifact", 1), ("b", "run", 2)]


def test_tags_conditions_and_sorts_go_together(store):
    runs = runs_in(store, 3, pipeline_name="flow") + runs_in(store, 1, pipeline_name="other")
    store.annotate(Notes(tags=[tag_on("run", run.id, TagSpec("new")) for run in runs[1:]]))
    store.annotate(Notes(tags=[tag_on("run", runs[2].id, TagSpec("good"))]))
    of_flow = (Condition("pipeline_name", "equals", "flow"),)

    found = store.find(Run, Query(of_flow, tag="new", size=1))

    assert (found.items, found.total) == ([runs[2]], 2)
    assert store.find(Run, Query(of_flow, tag="new", is_descending=False)).items == runs[1:3]
    assert store.find(Run, Query(tag=("new", "good"))).items == [runs[2]]
    by_name = store.find(Run, Query(tag="new", sort="name")).items
    assert by_name == sorted(runs[1:], key=lambda run: run.name, reverse=True)


def test_runs_that_have_not_ended_come_last_or_first(store):
    ended, going = runs_in(store, 2)
    store.update(Run, ended.id, ended_at=5)

    assert [run.id for run in store.find(Run, Query(sort="ended_at")).items] == [ended.id, going.id]
    upwards = store.find(Run, Query(sort="ended_at", is_descending=False)).items
    assert [run.id for run in upwards] == [going.id, ended.id]
