"""The cache key is equal exactly when everything that a result depends on is."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zenml.compile.cache_key import KeyBuilder, artifact_part
from zenml.records import values
from zenml.records.plan import (
    ArtifactRef,
    CacheRules,
    Collection,
    Invocation,
    Output,
    OutputRef,
    Source,
    StepDefinition,
    StepOptions,
    Value,
)
from zenml.records.run import Artifact


def artifact(**fields):
    start = {
        "id": "a",
        "name": "n",
        "output": "o",
        "type": "int",
        "materializer": "json",
        "digest": "d",
        "size": 1,
    }
    return Artifact(**{**start, "created_at": 0, **fields})


def definition(**fields):
    start = {
        "name": "f",
        "source": Source("m", "f"),
        "options": StepOptions(),
        "outputs": (Output("o", "int"),),
    }
    return StepDefinition(**{**start, "code": "code", **fields})


def value(thing):
    return Value(msgspec.Raw(values.encode(thing)))


def key(inputs=None, step=None, artifacts=None, **invocation):
    call = Invocation("f", "digest", inputs or {}, **invocation)
    return KeyBuilder().build(call, step or definition(), lambda ref: (artifacts or {})[ref])


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
NAMED = st.dictionaries(st.sampled_from("abc"), PLAIN, max_size=3)


def exactly(thing):
    """What tells values apart: 1, 1.0 and True are three values, and so are 0.0 and -0.0."""
    if isinstance(thing, dict):
        return ("dict", frozenset((name, exactly(item)) for name, item in thing.items()))
    if isinstance(thing, list):
        return ("list", tuple(map(exactly, thing)))
    return (type(thing).__name__, repr(thing))


@given(NAMED, NAMED)
def test_keys_are_equal_exactly_when_the_parameters_are(first, second):
    keys = [key({name: value(item) for name, item in one.items()}).digest for one in (first, second)]

    assert (keys[0] == keys[1]) == (exactly(first) == exactly(second))


@given(PLAIN)
def test_the_same_value_gives_the_same_key(thing):
    assert key({"x": value(thing)}) == key({"x": value(thing)})


def test_the_order_of_a_mapping_does_not_matter():
    assert key({"x": value({"a": 1, "b": 2})}).digest == key({"x": value({"b": 2, "a": 1})}).digest


def test_the_order_of_arguments_does_not_matter():
    assert key({"x": value(1), "y": value(2)}).digest == key({"y": value(2), "x": value(1)}).digest


def test_the_order_of_a_list_matters():
    assert key({"x": value([1, 2])}).digest != key({"x": value([2, 1])}).digest


def test_the_name_of_an_argument_matters():
    assert key({"x": value(1)}).digest != key({"y": value(1)}).digest


@pytest.mark.parametrize(
    "change",
    [
        {"code": "other"},
        {"outputs": (Output("p", "int"),)},
        {"outputs": (Output("o", "int"), Output("p", "int"))},
        {"outputs": (Output("o", "int", "m.M"),)},
        {"options": StepOptions(output_materializers={"o": ("m.M",)})},
        {"options": StepOptions(settings={"a": 1})},
        {"options": StepOptions(extra={"a": 1})},
    ],
    ids=str,
)
def test_what_a_result_depends_on_changes_the_key(change):
    assert key(step=definition(**change)).digest != key().digest


@pytest.mark.parametrize(
    "change",
    [
        {"name": "g"},
        {"source": Source("m", "f", "file.py", 7)},
        {"doc": "Other words."},
        {"outputs": (Output("o", "float"),)},
        {"options": StepOptions(enable_step_logs=False)},
        {"options": StepOptions(runtime="isolated")},
        {"options": StepOptions(cache=CacheRules(max_age=5))},
    ],
    ids=str,
)
def test_what_a_result_does_not_depend_on_does_not_change_the_key(change):
    assert key(step=definition(**change)).digest == key().digest


def test_the_id_of_a_call_and_what_it_waits_for_do_not_matter():
    assert key(after=("other",)).digest == key().digest


def test_an_ignored_input_does_not_matter():
    ignoring = definition(options=StepOptions(cache=CacheRules(ignored=("when",))))

    first, second = (key({"x": value(1), "when": value(now)}, ignoring) for now in (1, 2))

    assert first.digest == second.digest


def test_how_much_a_step_may_use_does_not_count():
    small, large = ({"a": 1, "resources": {"memory": memory}} for memory in ("1GB", "8GB"))

    assert (
        key(step=definition(options=StepOptions(settings=small))).digest
        == key(step=definition(options=StepOptions(settings=large))).digest
        == key(step=definition(options=StepOptions(settings={"a": 1}))).digest
    )


def test_settings_and_extra_are_told_apart():
    assert (
        key(step=definition(options=StepOptions(settings={"a": 1}))).digest
        != key(step=definition(options=StepOptions(extra={"a": 1}))).digest
    )


REF = OutputRef("load", "o")


@pytest.mark.parametrize("change", [{"digest": "e"}, {"type": "float"}, {"materializer": "pickle"}], ids=str)
def test_the_content_of_an_artifact_matters(change):
    first, second = (key({"x": REF}, artifacts={REF: one}) for one in (artifact(), artifact(**change)))

    assert first.digest != second.digest


@pytest.mark.parametrize(
    "change", [{"id": "b"}, {"name": "m"}, {"version": 7}, {"producer": "p"}, {"key": "k"}], ids=str
)
def test_where_an_artifact_comes_from_does_not_matter(change):
    first, second = (key({"x": REF}, artifacts={REF: one}) for one in (artifact(), artifact(**change)))

    assert first.digest == second.digest


def test_an_artifact_of_the_run_and_a_stored_one_are_the_same_input():
    stored = ArtifactRef("a")

    assert key({"x": REF}, artifacts={REF: artifact()}) == key({"x": stored}, artifacts={stored: artifact()})


@given(st.lists(st.integers(0, 3), max_size=4), st.lists(st.integers(0, 3), max_size=4))
def test_lists_of_inputs_are_equal_when_their_items_are(first, second):
    artifacts = {OutputRef(str(i), "o"): artifact(digest=str(i)) for i in range(4)}
    keys = [
        key({"x": Collection(tuple(OutputRef(str(i), "o") for i in one))}, artifacts=artifacts).digest
        for one in (first, second)
    ]

    assert (keys[0] == keys[1]) == (first == second)


def test_a_list_of_inputs_is_not_a_list_as_a_value():
    assert key({"x": Collection((value(1),))}).digest != key({"x": value([1])}).digest


def test_the_parts_explain_the_key():
    found = key({"x": REF, "y": value(1)}, artifacts={REF: artifact()})

    assert set(found.parts) == {"code", "outputs", "input:x", "input:y"}
    assert found.parts["input:x"] == artifact_part(artifact())


# Rules


def ruled(**rules):
    return definition(options=StepOptions(cache=CacheRules(**rules)))


REF = OutputRef("a", "o")


def test_code_that_does_not_count_changes_nothing():
    step = ruled(counts_code=False)
    other = msgspec.structs.replace(step, code="other")

    assert key(step=step).digest == key(step=other).digest
    assert key(step=ruled()).digest != key(step=msgspec.structs.replace(ruled(), code="other")).digest


def test_parameters_that_do_not_count_change_nothing_but_artifacts_still_do():
    step = ruled(counts_parameters=False)
    artifacts = {REF: artifact()}

    assert key({"x": value(1)}, step).digest == key({"x": value(2)}, step).digest
    assert (
        key({"x": REF}, step, artifacts).digest != key({"x": REF}, step, {REF: artifact(digest="e")}).digest
    )


@pytest.mark.parametrize(
    ("counts", "same_content_counts", "other_content_counts"),
    [("content", False, True), ("id", True, True), ("none", False, False)],
)
def test_artifacts_count_by_content_by_id_or_not_at_all(counts, same_content_counts, other_content_counts):
    step = ruled(counts_artifacts=counts)
    first, again, other = (
        key({"x": REF}, step, {REF: made}).digest
        for made in (artifact(id="1"), artifact(id="2"), artifact(id="3", digest="e"))
    )

    assert (first != again, first != other) == (same_content_counts, other_content_counts)


def test_an_item_of_a_list_that_does_not_count_still_counts_as_an_item():
    step = ruled(counts_artifacts="none")
    artifacts = {REF: artifact()}
    one, two = Collection((REF,)), Collection((REF, REF))

    assert key({"x": one}, step, artifacts).digest != key({"x": two}, step, artifacts).digest


def test_dependencies_count():
    step = definition(dependencies={"file:data.csv": "1"})
    other = definition(dependencies={"file:data.csv": "2"})

    assert len({key(step=one).digest for one in (definition(), step, other)}) == 3


def test_the_environment_counts_whatever_its_order():
    def of(environment):
        return key(step=definition(options=StepOptions(environment=environment)))

    assert of({"A": "1", "B": "2"}) == of({"B": "2", "A": "1"})
    assert of({"A": "1"}).digest not in {of({"A": "2"}).digest, of({}).digest}
    assert set(of({"A": "1"}).parts) - set(key().parts) == {"environment"}


def test_a_secret_counts_by_its_fingerprint():
    call = Invocation("f", "digest", {})

    def of(fingerprint):
        step = definition(options=StepOptions(secrets=("aws",)))
        return KeyBuilder({"aws": fingerprint, "unused": "x"}).build(call, step, lambda ref: None)

    assert of("one") == of("one")
    assert of("one").digest != of("two").digest
    assert of("one").parts["secret:aws"] == "one"
    assert "secret:unused" not in of("one").parts
