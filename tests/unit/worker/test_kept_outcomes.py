"""What attempts have left is found by their ids, and nothing of others is."""

from zenml.records.task import StepOutcome
from zenml.worker import kept_outcomes
from zenml.worker.kept_outcomes import Kept


def outcome():
    return Kept(StepOutcome(started_at=1, ended_at=2))


def test_what_attempts_left_is_found_and_dropped(tmp_path):
    root = str(tmp_path)
    for identifier in ("mine", "others"):
        kept_outcomes.keep(root, identifier, outcome(), "seal")

    left = kept_outcomes.left_of(root, ["mine", "without"])
    kept_outcomes.drop(root, left)

    assert left == ["mine"]
    assert kept_outcomes.left_of(root, ["mine", "others"]) == ["others"]
    assert kept_outcomes.read(root, "others", "seal") == outcome()


def test_nothing_is_left_where_nothing_was_staged(tmp_path):
    assert kept_outcomes.left_of(str(tmp_path), ["mine"]) == []
