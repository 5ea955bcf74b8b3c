"""Models in every store: which version a run gets, what belongs to it, where it stands."""

import pytest
from store_samples import DOCUMENTS, a_run, a_step, an_artifact, ended, started_run, write

from zenml.errors import ConfigurationError, NotFoundError, StoreUnavailableError
from zenml.records.models import Model, ModelLink, ModelVersion, StageChange
from zenml.records.plan import ModelSpec, TagSpec
from zenml.records.run import Artifact, Run, Tag
from zenml.store import removal


def run_on(store, *specs):
    """Begin a run that works on versions; return it and the versions by what was asked."""
    run = a_run(store.owner().id)
    assert store.start_run(run, DOCUMENTS, specs)
    return run, {asked: version for (_, asked), version in store.models.of_run(run.id).items()}


def version_of(store, asked=None, name="churn"):
    """Begin a run that works on one version; return the version."""
    _, versions = run_on(store, ModelSpec(name, asked))
    return versions[asked or ""]


def link(store, run, version, **fields):
    """Record a finished step whose artifact belongs to a version; return the artifact."""
    step = a_step(run, **fields)
    artifact = an_artifact(step.id)
    write(store, run, started=[step])
    links = [ModelLink(version_id=version.id, kind="artifact", target_id=artifact.id)]
    write(store, run, ended=[ended(step, artifact)], links=links)
    return artifact


# Which version a run gets


def test_each_run_without_a_version_makes_the_next_one(store):
    versions = [version_of(store) for _ in range(3)]

    assert [(one.number, one.name, one.stage) for one in versions] == [
        (1, "1", "none"), (2, "2", "none"), (3, "3", "none"),
    ]  # fmt: skip


def test_a_version_knows_the_run_that_made_it(store):
    run, versions = run_on(store, ModelSpec("churn"))

    assert versions[""].run_id == run.id


@pytest.mark.parametrize("asked", ["production", "staging", "archived", "v1", "none"])
def test_text_names_a_version_that_is_made_where_there_is_none(store, asked):
    first, second = version_of(store, asked), version_of(store, asked)

    assert (first.name, first.number, first.stage) == (asked, 1, "none")
    assert second.id == first.id


def test_a_stage_wins_over_a_name(store):
    named = version_of(store, "production")
    promoted = version_of(store)
    store.models.set_stage(promoted.id, "production")

    assert version_of(store, "production").id == promoted.id

    store.models.set_stage(promoted.id, "none")

    assert version_of(store, "production").id == named.id


def test_latest_is_the_newest_version_before_the_run(store):
    version_of(store)
    newest = version_of(store, "v2")

    _, versions = run_on(store, ModelSpec("churn"), ModelSpec("churn", "latest"))

    assert versions["latest"].id == newest.id
    assert versions[""].number == 3


def test_latest_is_made_where_there_is_none(store):
    assert version_of(store, "latest").name == "1"


def test_a_number_is_that_version(store):
    first, _ = version_of(store), version_of(store)

    assert version_of(store, "1").id == first.id


@pytest.mark.parametrize("asked", ["7", "0", "99999999999999999999"])
def test_a_number_that_is_not_there_records_nothing(store, asked):
    version_of(store)
    store.models.set_stage(version_of(store, "good").id, "production")
    run = a_run(store.owner().id)

    with pytest.raises(NotFoundError) as caught:
        store.start_run(run, DOCUMENTS, [ModelSpec("other"), ModelSpec("churn", asked)])

    assert f"no version `{asked}`" in str(caught.value)
    assert "`good` (production), `1`" in str(caught.value)
    assert store.get(Run, run.id) is None
    assert [model.name for model in store.select(Model)] == ["churn"]


def test_a_run_whose_name_is_taken_makes_no_version(store):
    taken = started_run(store)

    assert not store.start_run(a_run(store.owner().id, name=taken.name), DOCUMENTS, [ModelSpec("churn")])

    assert store.select(ModelVersion) == []


def test_the_number_of_a_deleted_version_is_not_given_again(store):
    version_of(store)
    store.models.delete_version(version_of(store).id)

    assert version_of(store).number == 3


def test_processes_that_begin_runs_at_once_never_share_a_number(shared_store, start_process, root):
    processes = [start_process("start_runs_with_models", root, 25) for _ in range(2)]
    for process in processes:
        assert process.hear() == ["ready"]
    for process in processes:
        process.say()
    numbers = [int(words[0]) for process in processes for words in process.rest()]

    assert sorted(numbers) == list(range(1, 51))


def test_the_database_itself_refuses_a_second_version_of_one_number(store):
    version = version_of(store)
    twin = {**{name: getattr(version, name) for name in version.__struct_fields__}, "id": "x", "name": "x"}

    with pytest.raises(StoreUnavailableError, match=r"(?i)unique"):
        store.insert([ModelVersion(**twin)])


def test_tags_go_to_the_model_when_it_is_made_and_to_each_version(store):
    first, second = (run_on(store, ModelSpec("churn", None, (TagSpec(tag),)))[1][""] for tag in ("a", "b"))

    found = {(tag.kind, tag.target_id, tag.name) for tag in store.select(Tag)}

    assert found == {
        ("model", first.model_id, "a"),
        ("model_version", first.id, "a"),
        ("model_version", second.id, "b"),
    }


def test_what_is_said_of_a_model_is_kept_from_its_first_run(store):
    run_on(store, ModelSpec("churn", about={"license": "MIT"}))
    run_on(store, ModelSpec("churn", about={"license": "GPL"}))

    assert store.models.model("churn").about == {"license": "MIT"}


# What belongs to a version


def test_artifacts_of_a_version_are_those_that_were_linked(store):
    run, versions = run_on(store, ModelSpec("churn"))
    mine = link(store, run, versions[""])
    link(store, run, version_of(store), invocation_id="other")

    assert [one.id for one in store.models.artifacts(versions[""].id)] == [mine.id]


def test_a_link_to_a_version_that_was_deleted_meanwhile_is_left_out(store):
    run, versions = run_on(store, ModelSpec("churn"))
    store.models.delete_version(versions[""].id)

    link(store, run, versions[""])

    assert store.select(ModelLink) == []


def test_a_version_and_its_artifacts_outlive_its_run(store):
    run, versions = run_on(store, ModelSpec("churn"))
    artifact = link(store, run, versions[""])
    write(
        store, run, run=Run(**{**{n: getattr(run, n) for n in run.__struct_fields__}, "status": "completed"})
    )

    assert removal.delete_runs(store, [run.id]) == [run.id]

    assert removal.unused_artifacts(store) == []
    assert ("part of", "", "churn 1") in removal.uses_of(store, artifact.id)
    assert [one.id for one in store.models.artifacts(versions[""].id)] == [artifact.id]

    store.models.delete_version(versions[""].id)

    assert [one.id for one in removal.unused_artifacts(store)] == [artifact.id]


def test_deleting_a_model_leaves_runs_and_artifacts_only(store):
    run, versions = run_on(store, ModelSpec("churn", None, (TagSpec("a"),)))
    artifact = link(store, run, versions[""])
    store.models.set_stage(versions[""].id, "production")

    store.models.delete(store.models.model("churn"))

    assert [store.select(kind) for kind in (Model, ModelVersion, ModelLink, StageChange, Tag)] == [[]] * 5
    assert store.get(Run, run.id) is not None
    assert store.get(Artifact, artifact.id) is not None


# Stages


@pytest.mark.parametrize("stage", ["staging", "production"])
def test_one_version_is_in_a_stage(store, stage):
    first, second = version_of(store), version_of(store)
    store.models.set_stage(first.id, stage)

    with pytest.raises(ConfigurationError, match=f"Version `1` of model `churn` is in {stage}"):
        store.models.set_stage(second.id, stage)

    assert store.get(ModelVersion, second.id).stage == "none"

    store.models.set_stage(second.id, stage, force=True)

    assert [store.get(ModelVersion, one.id).stage for one in (first, second)] == ["archived", stage]


def test_models_have_stages_of_their_own(store):
    for name in ("churn", "fraud"):
        store.models.set_stage(version_of(store, name=name).id, "production")

    assert {one.stage for one in store.select(ModelVersion)} == {"production"}


def test_each_change_of_a_stage_is_remembered_once(store):
    first, second = version_of(store), version_of(store)
    store.models.set_stage(first.id, "production")
    store.models.set_stage(first.id, "production")
    store.models.set_stage(second.id, "production", force=True)

    changes = store.select(StageChange)

    assert sorted((one.version_id == first.id, one.stage) for one in changes) == [
        (False, "production"), (True, "archived"), (True, "production"),
    ]  # fmt: skip
    assert all(one.changed_by and one.created_at for one in changes)


def test_an_unknown_stage_is_refused(store):
    with pytest.raises(ConfigurationError, match="no stage `live`"):
        store.models.set_stage(version_of(store).id, "live")


# Finding and creating by hand


def test_what_is_not_there_is_named_with_what_is(store):
    version_of(store)

    with pytest.raises(NotFoundError, match=r"no model `chrun`. There is: `churn`"):
        store.models.find("chrun")
    with pytest.raises(NotFoundError, match=r"no version `v9`. It has: `1`"):
        store.models.find("churn", "v9")


def test_finding_makes_nothing(store):
    store.models.create("churn", {})

    with pytest.raises(NotFoundError, match="It has: none"):
        store.models.find("churn", "production")

    assert store.select(ModelVersion) == []


def test_names_are_given_once(store):
    model = store.models.create("churn", {})
    store.models.create_version("churn", "v1")

    with pytest.raises(ConfigurationError, match="a model `churn` already"):
        store.models.create("churn", {})
    with pytest.raises(ConfigurationError, match="a version `v1` already"):
        store.models.create_version("churn", "v1")
    assert store.models.model(model.id) == store.models.model("churn")


@pytest.mark.parametrize("name", ["3", "latest", " "])
def test_a_version_is_not_called_what_means_something_else(store, name):
    store.models.create("churn", {})

    with pytest.raises(ConfigurationError, match="cannot be called"):
        store.models.create_version("churn", name)
