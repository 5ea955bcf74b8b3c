"""What a resumed run takes of what it has recorded: the own result first, then the same content that nobody wants."""

from zenml.compile.cache_key import CacheKey
from zenml.execute.recorded import Recorded, differing
from zenml.records.ids import RunId, StepRunId
from zenml.records.plan import Invocation
from zenml.records.run import StepRun


def step(name, key, status="completed", attempt=1, **fields):
    return StepRun(
        id=StepRunId(f"{name}-{attempt}"),
        run_id=RunId("run"),
        invocation_id=name,
        attempt=attempt,
        status=status,
        definition="d",
        invocation=Invocation(name, "d"),
        cache_key=key,
        started_at=attempt,
        **fields,
    )


def taken(recorded, name, key, known=()):
    recorded.announce(name, key)
    found = recorded.take(name, key, dict.fromkeys(known))
    return found and found.step.id


def test_a_result_is_taken_under_its_own_id_and_once():
    recorded = Recorded([step("a", "k")], {})

    assert taken(recorded, "a", "k", ["a"]) == "a-1"
    assert taken(recorded, "a", "k", ["a"]) is None


def test_another_key_takes_nothing():
    recorded = Recorded([step("a", "k")], {})

    assert taken(recorded, "a", "other", ["a"]) is None


def test_only_what_succeeded_counts():
    for status in ("failed", "interrupted", "retried", "skipped", "stopped"):
        assert taken(Recorded([step("a", "k", status)], {}), "a", "k", ["a"]) is None


def test_the_own_result_wins_over_the_same_content_elsewhere():
    recorded = Recorded([step("b", "k"), step("a", "k")], {})

    assert taken(recorded, "a", "k") == "a-1"
    assert taken(recorded, "b", "k") == "b-1"


def test_the_same_content_counts_under_an_id_that_is_gone():
    recorded = Recorded([step("old", "k")], {})

    assert taken(recorded, "new", "k", ["new"]) == "old-1"


def test_what_another_call_will_want_is_not_taken():
    recorded = Recorded([step("a_2", "k")], {})

    assert taken(recorded, "a", "k", ["a", "a_2"]) is None
    assert taken(recorded, "a_2", "k", ["a", "a_2"]) == "a_2-1"


def test_calls_that_changed_places_find_each_others_results():
    recorded = Recorded([step("a", "one"), step("a_2", "two")], {})
    known = ["a", "a_2"]
    recorded.announce("a", "two")
    recorded.announce("a_2", "one")

    assert taken(recorded, "a", "two", known) == "a_2-1"
    assert taken(recorded, "a_2", "one", known) == "a-1"


def test_a_call_that_began_and_did_not_finish_takes_no_result_of_another():
    """Its own place is known, so the same content under another id is of another call."""
    recorded = Recorded([step("a", "k", "interrupted"), step("gone", "k")], {})

    assert taken(recorded, "a", "k", ["a"]) is None


def test_attempts_are_numbered_on_and_a_result_before_the_last_attempt_says_so():
    recorded = Recorded([step("a", "k"), step("a", "k", "interrupted", attempt=2)], {})

    assert recorded.attempts == {"a": 2}
    assert recorded.take("a", "k", {"a": None}).is_last is False


def test_the_reason_is_given_once_and_says_what_differs():
    before = {"code": "1", "input:x": "1", "variable:HOME:-y": "1"}
    recorded = Recorded(
        [
            step("a", "k", key_parts=before),
            step("b", "k2", "interrupted"),
            step("c", "k3"),
        ],
        {},
    )

    assert (
        recorded.reason("a", CacheKey("new", {**before, "code": "2"})) == "its code changed since it was done"
    )
    assert recorded.reason("a", CacheKey("new", {})) is None
    assert recorded.reason("b", CacheKey("k2", {})) == "it was interrupted"
    assert recorded.reason("c", CacheKey("k3", {})) == "its stored output is damaged or gone"
    assert recorded.reason("d", CacheKey("k4", {})) is None
    assert (
        differing(before, {"code": "2", "input:x": "2", "variable:HOME:-y": "1"})
        == "its code and its input `x` changed"
    )
    assert differing(before, {}) == "its code, its input `x` and more changed"
    assert differing({"variable:A:-b": "1"}, {"variable:A:-b": "2"}) == "the variable `A` changed"
