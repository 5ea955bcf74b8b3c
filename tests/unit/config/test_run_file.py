"""What a configuration file says, and everything that is wrong with it."""

import inspect
import json
import os

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import zenml.config
from zenml.config import CachePolicy, PipelineRunConfiguration, RunEnded, Schedule, StepRetryConfig
from zenml.config.json_schema import schema_text
from zenml.config.option_schemas import SCHEMAS
from zenml.config.option_table import ALIASES, BY_NAME, OPTIONS
from zenml.config.run_file import RunFile, read_run_file
from zenml.config.yaml_document import YamlDocument
from zenml.errors import ConfigurationError


@pytest.fixture
def read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def read(text):
        (tmp_path / "run.yaml").write_text(text)
        return read_run_file("run.yaml")

    return read


def problems(file):
    with pytest.raises(ConfigurationError) as caught:
        file.raise_problems()
    return str(caught.value)


EVERYTHING = """
run_name: nightly
enable_cache: false
enable_step_logs: true
enable_artifact_metadata: true
enable_artifact_visualization: true
enable_pipeline_logs: true
enable_heartbeat: false
schedule: {cron_expression: "0 2 * * *"}
build: 1f3a
settings: {docker: {parent_image: a}}
environment: {A: "1", B: 2}
secrets: [aws]
tags: [a, {name: b, exclusive: true}]
extra: {owner: me}
model: {name: churn, version: 3}
parameters: {rows: 3}
retry: {max_retries: 2, delay: 1}
failure_hook_source: alerts.tell
success_hook_source: {module: alerts, attribute: cheer, type: user}
start_hook_source: a.b
end_hook_source: a.b
init_hook_source: a.b
init_hook_kwargs: {x: 1}
on_cleanup: a.b
substitutions: {who: me}
execution_mode: fail_fast
cache_policy: {max_age_days: 7}
steps:
  train:
    parameters: {rate: 0.5}
    enable_cache: true
    runtime: isolated
    timeout: 60
    step_operator: true
    experiment_tracker: mlflow
    outputs: {model: {materializer_source: mats.M}}
    step_type: tool_call
    group: {name: g}
    retry: 3
    on_failure: a.b
    cache_policy: default
    heartbeat_healthy_threshold: 5
"""


def test_every_documented_option_is_taken(read):
    file = read(EVERYTHING)

    file.raise_problems()
    options = file.options
    assert options["on_failure"] == "alerts.tell"
    assert options["on_success"] == "alerts.cheer"
    assert options["retry"] == StepRetryConfig(max_retries=2, delay=1)
    assert options["cache_policy"] == CachePolicy(max_age_days=7)
    assert options["schedule"] == Schedule(cron_expression="0 2 * * *")
    assert options["steps"]["train"]["output_materializers"] == {"model": "mats.M"}
    assert options["steps"]["train"]["group"] == "g"


def test_every_field_of_a_schedule_can_be_written(read):
    fields = set(inspect.signature(Schedule).parameters)
    assert SCHEMAS["schedule"]["properties"].keys() == fields

    file = read(
        "schedule:\n"
        "  name: after training\n"
        "  on:\n"
        "    run_ended: {pipeline: train, status: [failed, stopped]}\n"
        "  start_time: 2030-01-31\n"
        "  end_time: 2031-01-31T02:00:00+02:00\n"
        "  overlap: queue\n"
        "  catchup: none\n"
        "  catchup_limit: 5\n"
        "  jitter: 30\n"
        "  max_runs: 3\n"
    )

    file.raise_problems()
    assert file.options["schedule"] == Schedule(
        "after training",
        start_time="2030-01-31",
        end_time="2031-01-31T02:00:00+02:00",
        on=RunEnded("train", ["failed", "stopped"]),
        overlap="queue",
        catchup="none",
        catchup_limit=5,
        jitter=30,
        max_runs=3,
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("on: {run_ended: {status: any}}", "`schedule.on.run_ended` lacks `pipeline`; add it"),
        ("on: {run_end: {pipeline: a}}", "has no option `run_end`; did you mean `run_ended`?"),
        ("on: {run_ended: {pipeline: a, status: complete}}", "`schedule.on.run_ended.status` is 'complete'"),
        ("on: {}", "`schedule`: `on` of a Schedule names 0 events"),
        ("on: true", "`schedule.on` is True; it must be a mapping"),
        ("{interval_second: 60, overlap: que}", "`schedule.overlap` is 'que'; it can be `skip`, `queue`"),
        ("{interval_second: 60, max_runs: 0}", "it must be a whole number from 1 up"),
        ("{cron: '* * * * *'}", "has no option `cron`; did you mean `cron_expression`?"),
    ],
)
def test_what_is_wrong_with_a_schedule_is_told(read, text, message):
    assert message in problems(read(f"schedule:\n  {text}"))


def test_all_problems_are_told_together_with_their_lines(read):
    file = read(
        "enable_cach: true\n"
        "run_name: 5\n"
        "enable_cache: maybe\n"
        "retry: {max_retries: -1}\n"
        "steps:\n"
        "  train:\n"
        "    timeout: fast\n"
        "    run_time: inline\n"
        "  train:\n"
        "    timeout: 1\n"
        "schedule: {cron_expression: 61 * * * *}\n"
        "model: {version: 2}\n"
        "tags: nightly\n"
    )

    text = problems(file)

    assert "Configuration file `run.yaml` has 10 problems" in text
    for line in (
        "run.yaml:1 a run has no option `enable_cach`; did you mean `enable_cache`?",
        "run.yaml:2 `run_name` is 5; it must be text",
        "run.yaml:3 `enable_cache` is 'maybe'; it must be true or false",
        "run.yaml:4 `retry.max_retries` is -1; it must be a whole number from 0 up",
        "run.yaml:7 `timeout` is 'fast'; it must be a number greater than 0",
        "run.yaml:8 step `train` has no option `run_time`; did you mean `runtime`?",
        "run.yaml:9 `train` is given twice, first in line 6; keep one",
        "run.yaml:11 `schedule`: `cron_expression` is '61 * * * *': its field minute `61` is not possible",
        "run.yaml:12 `model` lacks `name`",
    ):
        assert line in text, text


def test_one_problem_is_one_line(read):
    assert problems(read("tags: nightly")) == "run.yaml:1 `tags` is 'nightly'; it must be a list."


@pytest.mark.parametrize("text", ["- a\n", "just words"])
def test_a_file_is_a_mapping(read, text):
    assert "no mapping of options to values" in problems(read(text))


@pytest.mark.parametrize("text", ["steps: [a]", "steps: {a: 5}"])
def test_steps_are_mappings(read, text):
    assert "it must be a mapping" in problems(read(text))


def test_a_placeholder_fits_everywhere(read):
    read("enable_cache: ${A}\nsteps: {s: {timeout: '${T:-5}'}}\nretry: {delay: '${D}'}").raise_problems()


def test_a_configuration_is_a_mapping_of_what_was_set(tmp_path):
    config = PipelineRunConfiguration(enable_cache=False, failure_hook_source="a.b", tags=None)

    assert dict(config) == {"enable_cache": False, "on_failure": "a.b"}
    assert (config.enable_cache, config.run_name, config.failure_hook_source) == (False, None, "a.b")
    with pytest.raises(ConfigurationError, match=r"no option `run_nam`. Did you mean `run_name`\?"):
        PipelineRunConfiguration(run_nam="x")
    with pytest.raises(AttributeError):
        config.nothing


def test_a_configuration_from_a_file(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("run_name: a\nextra: {x: 1}\n")

    assert dict(PipelineRunConfiguration.from_yaml(path)) == {"run_name": "a", "extra": {"x": 1}}
    path.write_text("run_nam: a\n")
    with pytest.raises(ConfigurationError, match=r"c\.yaml:1 a run has no option `run_nam`"):
        PipelineRunConfiguration.from_yaml(path)


def test_the_published_schema_is_that_of_the_table():
    path = os.path.join(os.path.dirname(zenml.config.__file__), "run_configuration.schema.json")

    with open(path, encoding="utf-8") as file:
        text = file.read()

    assert text == schema_text(), "run: python docs/make_reference.py"
    schema = json.loads(text)
    files = {option.name for option in OPTIONS if option.is_in_files}
    listed = schema["properties"].keys() | schema["$defs"]["step"]["properties"].keys()
    assert files <= listed
    assert ALIASES.keys() <= listed


def test_every_option_has_a_shape():
    assert {option.shape for option in OPTIONS} <= SCHEMAS.keys() | {"steps"}
    assert set(ALIASES.values()) <= BY_NAME.keys()


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("${A}")
FIELDS = st.sampled_from(
    [
        "name",
        "max_retries",
        "delay",
        "cron_expression",
        "interval_second",
        "start_time",
        "module",
        "a",
        "version",
    ]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(FIELDS, inner, max_size=3),
    max_leaves=6,
)
SECTION = st.dictionaries(st.sampled_from([*BY_NAME, *ALIASES, "outputs"]), VALUES, max_size=4)


@settings(max_examples=300, deadline=None)
@example({}, {"train": {"outputs": "${A}"}})
@example({}, {"train": {"outputs": {"model": "${A}"}}})
@given(SECTION, st.dictionaries(st.sampled_from(["train", "load"]), SECTION, max_size=2))
def test_any_content_is_a_configuration_or_problems(options, steps):
    document = YamlDocument("run.yaml", "")
    document.value = {**options, "steps": steps}

    file = RunFile(document)

    try:
        file.raise_problems()
    except ConfigurationError:
        return
    PipelineRunConfiguration(**file.options)
