"""`Client` and the functions beside it, in a store that holds a run; and variables of the environment."""

import bad_samples
import pytest
from bad_rows import by_id, check_row, row

from zenml import add_tags, save_artifact
from zenml.client import Client
from zenml.errors import (
    AmbiguousNameError,
    ConfigurationError,
    ContextError,
    MaterializerError,
    NotFoundError,
    StoreUnavailableError,
)

READING = [
    row("a run that is not there", NotFoundError, "Client().get_pipeline_run('nigthly')", "`nigthly`", "`nightly`", "zenml run list"),
    row("a run by a number", NotFoundError, "Client().get_pipeline_run(42)", "`42`", "`nightly`"),
    row("a run by None", NotFoundError, "Client().get_pipeline_run(None)", "None", "name"),
    row("a run by an empty text", NotFoundError, "Client().get_pipeline_run('')", "No run", "''", "name"),
    row("a part of two names", AmbiguousNameError, "Client().get_pipeline_run('night')", "`night`", "2 runs", "nightly", "nights"),
    row("a pipeline that is not there", NotFoundError, "Client().get_pipeline('flwo')", "`flwo`", "`flow`"),
    row("a step that is not there", NotFoundError, "Client().get_pipeline_run('nightly').steps['doubel']", "`doubel`", "`double`"),
    row("an output that is not there", NotFoundError, "Client().get_pipeline_run('nightly').steps['load'].outputs['model']", "`model`", "`output`"),
    row("an artifact that is not there", NotFoundError, "Client().get_artifact_version('custmers')", "`custmers`", "`customers`"),
    row("a version that is not there", NotFoundError, "Client().get_artifact_version('customers', 7)", "`customers`", "7", "1"),
    row("a version that is a word", ConfigurationError, "Client().get_artifact_version('customers', 'latest')", "'latest'", "whole numbers"),
    row("an artifact by None", NotFoundError, "Client().get_artifact_version(None)", "None", "name"),
    row("a secret that is not there", NotFoundError, "Client().get_secret('awss')", "`awss`", "`aws`", "zenml secret create"),
    row("a schedule that is not there", NotFoundError, "Client().get_schedule('daily')", "`daily`", "no schedules"),
    row("no schedule to delete", NotFoundError, "Client().delete_schedule()", "schedule", "name or id"),
    row("a schedule to delete that is not there", NotFoundError, "Client().delete_schedule(schedule_id='your-schedule-id')", "`your-schedule-id`"),
    row("an unknown filter", ConfigurationError, "Client().list_pipeline_runs(statsu='failed')", "`statsu`", "`status`"),
    row("a filter far from any", ConfigurationError, "Client().list_pipeline_runs(gpus=1)", "`gpus`", "Fields are"),
    row("an unknown word as status", ConfigurationError, "Client().list_pipeline_runs(status='faild')", "'faild'", "`failed`", "status"),
    row("a filter that is a mapping", ConfigurationError, "Client().list_pipeline_runs(name={'a': 1})", "`name`", "text"),
    row("a sort that is no order", ConfigurationError, "Client().list_pipeline_runs(sort_by='up:name')", "`up:name`", "asc:FIELD"),
    row("a sort by no field", ConfigurationError, "Client().list_pipeline_runs(sort_by='desc:naem')", "`naem`", "`name`"),
    row("a sort that is a number", ConfigurationError, "Client().list_pipeline_runs(sort_by=5)", "5", "asc:FIELD"),
    row("page zero", ConfigurationError, "Client().list_pipeline_runs(page=0)", "page 0", "first page is 1"),
    row("a page that is text", ConfigurationError, "Client().list_pipeline_runs(page='first')", "'first'", "page"),
    row("half a page", ConfigurationError, "Client().list_pipeline_runs(page=1.5)", "1.5", "page"),
    row("a page of nothing", ConfigurationError, "Client().list_artifact_versions(size=0)", "0 items", "choose 1 to"),
    row("a size that is text", ConfigurationError, "Client().list_pipelines(size='all')", "'all'", "1 to"),
    row("a tag that is a number", ConfigurationError, "Client().list_pipeline_runs(tag=5)", "tag", "5", "text"),
    row("tags that are numbers", ConfigurationError, "Client().list_pipeline_runs(tags=[5])", "5", "text"),
]  # fmt: skip

WRITING = [
    row("an artifact without a name", ConfigurationError, "save_artifact(1, '')", "''", "name"),
    row("an artifact whose name is a number", ConfigurationError, "save_artifact(1, 5)", "5", "name"),
    row("an artifact whose name cannot be printed", ConfigurationError, "save_artifact(1, 'a\\0b')", "'a\\x00b'", "printable"),
    row("a value and its name exchanged", ConfigurationError, "save_artifact('customers', {'a': 1})", "{'a': 1}", "name"),
    row("a version that exists", ConfigurationError, "save_artifact(1, 'customers', version=1)", "`customers`", "version 1", "Leave `version` out"),
    row("a version that is text", ConfigurationError, "save_artifact(1, 'customers', version='v2')", "'v2'", "whole numbers"),
    row("a lock as an artifact", MaterializerError, "save_artifact(threading.Lock(), 'lock')", "`lock`", "Return the data"),
    row("a generator as an artifact", MaterializerError, "save_artifact((n for n in 'ab'), 'letters')", "generator", "list"),
    row("an output as an artifact", ConfigurationError, "@pipeline\ndef work():\n    save_artifact(load(), 'one')\n\nwork()", "`load`", "`one`", "step"),
    row("a materializer that is not there", ConfigurationError, "save_artifact(1, 'one', materializer='my.missing.One')", "`my.missing.One`", "import"),
    row("a materializer that is a number", ConfigurationError, "save_artifact(1, 'one', materializer=5)", "5", "materializer"),
    row("a tag of an artifact that is a number", ConfigurationError, "save_artifact(1, 'one', tags=[5])", "`one`", "5", "text"),
    row("metadata of an artifact that are a list", ConfigurationError, "save_artifact(1, 'one', user_metadata=[1])", "`one`", "mapping"),
    row("an artifact to load that is not there", NotFoundError, "load_artifact('custmers')", "`custmers`", "`customers`"),
    row("a version to load that is not there", NotFoundError, "load_artifact('customers', 9)", "`customers`", "9"),
    row("an artifact to load by None", NotFoundError, "load_artifact(None)", "None", "name"),
    row("metadata of nothing", ContextError, "log_metadata({'a': 1})", "`log_metadata`", "`run_id_name_or_prefix=`"),
    row("metadata of a run that is not there", NotFoundError, "log_metadata({'a': 1}, run_id_name_or_prefix='nigthly')", "`nigthly`", "`nightly`"),
    row("metadata of a step without its run", ContextError, "log_metadata({'a': 1}, step_name='load')", "`load`", "`run_id_name_or_prefix=`"),
    row("metadata of a step that is not there", NotFoundError, "log_metadata({'a': 1}, step_name='laod', run_id_name_or_prefix='nightly')", "`laod`", "`load`"),
    row("metadata of a step id that is not there", NotFoundError, "log_metadata({'a': 1}, step_id='123')", "`123`", "steps['name'].id"),
    row("metadata of an artifact and a run", ConfigurationError, "log_metadata({'a': 1}, artifact_name='customers', run_id_name_or_prefix='nightly')", "artifact", "run", "once for each"),
    row("metadata inferred outside a step", ContextError, "log_metadata({'a': 1}, infer_artifact=True)", "`infer_artifact=True`", "`artifact_name=`"),
    row("metadata that are a number", ConfigurationError, "log_metadata(0.9, run_id_name_or_prefix='nightly')", "0.9", "mapping"),
    row("metadata whose name is a number", ConfigurationError, "log_metadata({1: 0.9}, run_id_name_or_prefix='nightly')", "1", "text"),
    row("NaN as metadata", ConfigurationError, "log_metadata({'loss': float('nan')}, run_id_name_or_prefix='nightly')", "`loss`", "nan", "leave it out"),
    row("a lock as metadata", ConfigurationError, "log_metadata({'lock': threading.Lock()}, run_id_name_or_prefix='nightly')", "`lock`", "numbers, text"),
    row("metadata that hold themselves", ConfigurationError, "a = {}\na['a'] = a\nlog_metadata(a, run_id_name_or_prefix='nightly')", "itself", "metadata"),
    row("a huge number as metadata", ConfigurationError, "log_metadata({'n': 2**70}, run_id_name_or_prefix='nightly')", "`n`", "64 bits", "text"),
    row("a tag of nothing", ContextError, "add_tags('good')", "`run=`", "`artifact=`"),
    row("a tag of a run that is not there", NotFoundError, "add_tags('good', run='nigthly')", "`nigthly`", "`nightly`"),
    row("a tag of two things", ConfigurationError, "add_tags('good', run='nightly', artifact='customers')", "once for each"),
    row("an empty tag", ConfigurationError, "add_tags('', run='nightly')", "''", "Tag("),
    row("a number as a tag", ConfigurationError, "add_tags(5, run='nightly')", "5", "text"),
    row("a tag to remove from nothing", NotFoundError, "remove_tags('good', artifact='custmers')", "`custmers`", "`customers`"),
    row("the context outside a step", ContextError, "get_step_context()", "`get_step_context()`", "inside a step"),
    row("the context in a pipeline", ContextError, "@pipeline\ndef work():\n    get_step_context()\n\nwork()", "`get_step_context()`", "inside a step"),
    row("a secret without a name", ConfigurationError, "Client().create_secret('', {'a': 'b'})", "''", "name"),
    row("a secret that exists", ConfigurationError, "Client().create_secret('aws', {'a': 'b'})", "`aws`", "update"),
    row("a secret of a list", ConfigurationError, "Client().create_secret('gcp', ['a'])", "`gcp`", "mapping"),
    row("a secret with a mapping in it", ConfigurationError, "Client().create_secret('gcp', {'a': {}})", "`gcp`", "`a`", "text"),
    row("a secret whose key is a number", ConfigurationError, "Client().create_secret('gcp', {1: 'a'})", "`gcp`", "1", "text"),
    row("a key of a secret that is not there", NotFoundError, "Client().update_secret('aws', remove_values=['KYE'])", "`aws`", "`KYE`", "`KEY`"),
    row("a secret to delete that is not there", NotFoundError, "Client().delete_secret('asw')", "`asw`", "`aws`"),
]  # fmt: skip


@pytest.fixture
def filled_store():
    for name in ("nightly", "nights"):
        bad_samples.flow.with_options(run_name=name)()
    save_artifact([1, 2], "customers")
    Client().create_secret("aws", {"KEY": "hush-hush"})
    add_tags("good", run="nightly")


@pytest.mark.parametrize(**by_id(READING))
def test_a_wrong_question(row, tmp_path, filled_store):
    check_row(row, tmp_path)


@pytest.mark.parametrize(**by_id(WRITING))
def test_a_wrong_change(row, tmp_path, filled_store):
    check_row(row, tmp_path)


VARIABLES = [
    ("ZENML_DURABILITY", "fast", row("durability", ConfigurationError, "flow()", "ZENML_DURABILITY", "`fast`", "`relaxed`")),
    ("ZENML_CONFIG_PATH", "/proc/nothing", row("a folder that cannot be", StoreUnavailableError, "flow()", "`/proc/nothing`", "ZENML_CONFIG_PATH")),
    ("ZENML_CONFIG_PATH", "{here}/flow.py", row("a file as folder", StoreUnavailableError, "flow()", "flow.py", "ZENML_CONFIG_PATH")),
    ("ZENML_SECRETS_KEY", "short", row("a key that is none", ConfigurationError, "Client().create_secret('a', {'b': 'c'})", "ZENML_SECRETS_KEY", "32")),
    ("ZENML_ALLOW_PICKLE", "0", row("no pickles", MaterializerError, """
        class Odd:
            pass

        @step
        def train() -> Odd:
            RAN.append("train")
            return Odd()

        @pipeline
        def training():
            train()

        training()
        """, "`train`", "Odd", "ZENML_ALLOW_PICKLE", "flow.py:4")),
    ("ZENML_ENFORCE_TYPE_ANNOTATIONS", "maybe", row("a flag of annotations", ConfigurationError, "step(lambda: 1)", "ZENML_ENFORCE_TYPE_ANNOTATIONS", "`maybe`", "true")),
    ("ZENML_RUN_SINGLE_STEPS_WITHOUT_STACK", "jes", row("a flag of single steps", ConfigurationError, "load()", "ZENML_RUN_SINGLE_STEPS_WITHOUT_STACK", "`jes`", "true")),
]  # fmt: skip


@pytest.mark.parametrize(("variable", "value", "row"), VARIABLES, ids=[one[2].id for one in VARIABLES])
def test_a_wrong_variable(variable, value, row, tmp_path, monkeypatch):
    from bad_rows import attempt, check_error, check_message

    bad_samples.RAN.clear()
    monkeypatch.setenv(variable, value.format(here=tmp_path))
    error = attempt(row.code, tmp_path)
    assert error is not None
    check_error(error, row.error)
    check_message(str(error), row.fragments)
    assert bad_samples.RAN == []
