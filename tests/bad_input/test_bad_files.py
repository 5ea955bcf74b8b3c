"""Configuration files: YAML that is none, keys that are not there, values that are not possible, by line."""

import os

import bad_samples
import pytest
from bad_rows import attempt, by_id, check_error, check_message, row

from zenml.client import Client
from zenml.errors import ConfigurationError


def written(name, text, *fragments):
    """Return a row whose code is a YAML file."""
    return row(name, ConfigurationError, text, *fragments)


FILES = [
    written("a list at the top", "- a\n- b", "run.yaml:1", "mapping"),
    written("a text at the top", "enable_cache", "run.yaml:1", "mapping"),
    written("a key without a colon", "enable_cache true", "run.yaml:1", "mapping"),
    written("a tab", "settings:\n\tdocker: {}", "run.yaml:2", "tab"),
    written("wrong indentation", "settings:\n    docker: {}\n  extra: {}", "run.yaml:3", "not YAML"),
    written("a bracket that is not closed", "tags: [a, b\nextra: {}", "run.yaml:2", "not YAML"),
    written("a quote that is not closed", "run_name: 'x\n", "run.yaml:", "not YAML", "Repair"),
    written("two colons", "run_name: a: b", "run.yaml:1", "not YAML"),
    written("a key twice", "enable_cache: true\nenable_cache: false", "run.yaml:2", "`enable_cache`", "line 1", "keep one"),
    written("a key of a step twice", "steps:\n  double: {}\n  double: {}", "run.yaml:3", "`double`", "line 2"),
    written("two documents", "enable_cache: true\n---\nenable_cache: false", "run.yaml:2", "second document"),
    written("a tag that makes objects", "extra: !!python/object/apply:os.system [ls]", "run.yaml:1", "tag", "plain value"),
    written("an alias of nothing", "extra: *base", "run.yaml:1", "`*base`"),
    written("a key that is a number", "1: a", "run.yaml:1", "quote"),
    written("a key that is a flag", "steps:\n  yes: {}", "run.yaml:2", "true", "quote"),
    written("a key that is a list", "[a]: b", "run.yaml:1", "key"),
    written("an unknown option", "enable_cach: true", "run.yaml:1", "`enable_cach`", "`enable_cache`"),
    written("an option far from any", "gpus: 2", "run.yaml:1", "`gpus`", "it takes"),
    written("two unknown options", "enable_cach: true\ngpus: 2", "2 problems", "run.yaml:1", "run.yaml:2"),
    written("a flag that is text", "enable_cache: 'yes please'", "run.yaml:1", "`enable_cache`", "true or false"),
    written("a flag that is a number", "enable_step_logs: 1", "run.yaml:1", "`enable_step_logs`", "true or false"),
    written("a step that is not there", "steps:\n  doubel:\n    enable_cache: false", "run.yaml:2", "`doubel`", "`double`", "`flow`"),
    written("steps that are a list", "steps:\n  - double", "run.yaml:1", "`steps`", "mapping"),
    written("a step that is a flag", "steps:\n  double: false", "run.yaml:2", "`double`", "mapping"),
    written("an unknown option of a step", "steps:\n  double:\n    enable_cach: false", "run.yaml:3", "`double`", "`enable_cach`", "`enable_cache`"),
    written("a pipeline's option of a step", "steps:\n  double:\n    tags: [a]", "run.yaml:3", "`double`", "`tags`"),
    written("an unknown argument", "parameters:\n  rat: 0.1", "run.yaml:2", "`rat`", "`rate`", "`flow`"),
    written("an argument of a wrong type", "parameters:\n  rate: fast", "run.yaml:2", "`rate`", "`flow`", "float", "'fast'"),
    written("an argument that is empty", "parameters:\n  rounds:", "run.yaml:2", "`rounds`", "`flow`", "int"),
    written("arguments that are a list", "parameters: [1]", "run.yaml:1", "`parameters`", "mapping"),
    written("an unknown argument of a step", "steps:\n  scale:\n    parameters:\n      facto: 1", "run.yaml:4", "`facto`", "`factor`", "`scale`"),
    written("an argument of a step of a wrong type", "steps:\n  scale:\n    parameters:\n      factor: big", "run.yaml:4", "`factor`", "`scale`", "'big'"),
    written("an output that is not there", "steps:\n  double:\n    outputs:\n      modle: {materializer_source: a.B}", "run.yaml:", "`modle`", "`double`", "output"),
    written("an unknown key of an output", "steps:\n  double:\n    outputs:\n      output: {materializer: a.B}", "run.yaml:4", "`materializer`", "`materializer_source`"),
    written("a retry with a typo", "steps:\n  double:\n    retry:\n      max_retry: 3", "run.yaml:4", "`max_retry`", "`max_retries`"),
    written("a retry below zero", "retry:\n  max_retries: -1", "run.yaml:2", "`retry.max_retries`", "-1", "from 0 up"),
    written("a shrinking backoff", "retry:\n  backoff: 0.5", "run.yaml:1", "`retry`", "`backoff`", "from 1 up"),
    written("an age below zero", "cache_policy:\n  max_age_days: -1", "run.yaml:2", "max_age_days", "-1"),
    written("an unknown cache policy", "cache_policy: never", "run.yaml:1", "`cache_policy`", "never", "`default`"),
    written("a cron expression of four fields", "schedule:\n  cron_expression: 0 2 * *", "run.yaml:1", "`cron_expression`", "4 fields"),
    written("an unknown key of a schedule", "schedule:\n  cron: 0 2 * * *", "run.yaml:2", "`cron`", "`cron_expression`"),
    written("a model without a name", "model:\n  version: 3", "run.yaml:1", "`model`", "`name`"),
    written("a model that is text", "model: churn", "run.yaml:1", "`model`", "mapping"),
    written("an unknown runtime", "steps:\n  double:\n    runtime: docker", "run.yaml:3", "`runtime`", "docker", "`isolated`"),
    written("an unknown execution mode", "execution_mode: fail_slow", "run.yaml:1", "`execution_mode`", "fail_slow", "`fail_fast`"),
    written("a timeout of zero", "steps:\n  double:\n    timeout: 0", "run.yaml:3", "`timeout`", "greater than 0"),
    written("a timeout that is not a number", "steps:\n  double:\n    timeout: .nan", "run.yaml:3", "`timeout`", "nan"),
    written("no parallelism", "max_parallelism: 0", "run.yaml:1", "`max_parallelism`", "from 1 up"),
    written("an environment that is a list", "environment:\n  - A=1", "run.yaml:1", "`environment`", "mapping"),
    written("a variable that is a flag", "environment:\n  A: true", "run.yaml:2", "`environment.A`", "text"),
    written("secrets that are text", "secrets: aws", "run.yaml:1", "`secrets`", "list"),
    written("tags that are text", "tags: nightly", "run.yaml:1", "`tags`", "list"),
    written("a tag that is a number", "tags: [5]", "run.yaml:1", "`tags.0`", "5", "text"),
    written("a hook that cannot be imported", "on_failure: alerts.tell_team", "`on_failure`", "`alerts.tell_team`", "module.function"),
    written("a hook that is a number", "on_failure: 5", "run.yaml:1", "`on_failure`", "5", "text"),
    written("settings with a typo", "settings:\n  dokcer:\n    parent_image: x", "`settings`", "`dokcer`", "`docker`", "run.yaml:2"),
    written("docker settings with a typo", "settings:\n  docker:\n    parent_imge: x", "`parent_imge`", "`parent_image`", "run.yaml:"),
    written("resources that are impossible", "steps:\n  double:\n    settings:\n      resources:\n        memory: 4 gigs", "`memory`", "4 gigs", "2GB", "run.yaml:"),
    written("a placeholder whose variable is not set", "extra:\n  url: ${NOT_SET_ANYWHERE}", "run.yaml:2", "`NOT_SET_ANYWHERE`", "${NOT_SET_ANYWHERE:-"),
    written("a run name with an unknown placeholder", "run_name: run_{dte}", "`run_name`", "`{dte}`", "`date`"),
    written("a refresh of a step that is not there", "refresh: [laod]", "`laod`", "`load`", "`flow`"),
    written("a name that only code may set", "name: other", "run.yaml:1", "`name`", "`run_name`"),
]  # fmt: skip


@pytest.mark.parametrize(**by_id(FILES))
def test_a_wrong_file(row, tmp_path):
    (tmp_path / "run.yaml").write_text(row.code + "\n", encoding="utf-8")
    bad_samples.RAN.clear()
    error = attempt("flow.with_options(config_path='run.yaml')()", tmp_path)
    assert error is not None
    check_error(error, row.error)
    check_message(str(error), row.fragments)
    assert bad_samples.RAN == []
    assert Client().list_pipeline_runs().total == 0


def _missing(folder):
    return "rn.yaml", ("`rn.yaml`", "does not exist", "`run.yaml`")


def _directory(folder):
    os.mkdir("configs")
    return "configs", ("`configs`", "folder", "file")


def _latin(folder):
    (folder / "latin.yaml").write_bytes("run_name: Büro".encode("latin-1"))
    return "latin.yaml", ("`latin.yaml`", "UTF-8")


def _wide(folder):
    (folder / "wide.yaml").write_bytes("run_name: x".encode("utf-16"))
    return "wide.yaml", ("`wide.yaml`", "UTF-8")


def _huge(folder):
    (folder / "huge.yaml").write_bytes(b"a: b\n" * 300_000)
    return "huge.yaml", ("`huge.yaml`", "1 MiB")


def _deep(folder):
    (folder / "deep.yaml").write_text("extra: " + "[" * 5000 + "]" * 5000)
    return "deep.yaml", ("deep.yaml", "nested")


def _bomb(folder):
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    (folder / "bomb.yaml").write_text("extra:\n" + "\n".join(f"  {line}" for line in lines))
    return "bomb.yaml", ("bomb.yaml", "aliases")


def _nul(folder):
    (folder / "nul.yaml").write_bytes(b"run_name: a\0b")
    return "nul.yaml", ("nul.yaml", "not YAML")


def _unreadable(folder):
    return "a\0b", ("config_path", "a\\x00b", "no path")


def _number(folder):
    return 5, ("`config_path`", "5", "path")


def _mapping(folder):
    return {"enable_cache": False}, ("`config_path`", "path", "with_options(**")


@pytest.mark.parametrize(
    "write",
    [_missing, _directory, _latin, _wide, _huge, _deep, _bomb, _nul, _unreadable, _number, _mapping],
    ids=lambda write: write.__name__.strip("_"),
)
@pytest.mark.parametrize("spelling", ["config_path", "config_file"])
def test_a_file_that_cannot_be_read(write, spelling, tmp_path):
    (tmp_path / "run.yaml").write_text("enable_cache: true\n")
    path, fragments = write(tmp_path)
    error = attempt(f"flow.with_options({spelling}={path!r})", tmp_path)
    assert error is not None
    check_error(error, ConfigurationError)
    check_message(str(error), [one.replace("config_path", spelling) for one in fragments])


def test_two_files(tmp_path):
    error = attempt("flow.with_options(config_path='a.yaml', config_file='b.yaml')", tmp_path)
    check_error(error, ConfigurationError)
    check_message(str(error), ("'a.yaml'", "'b.yaml'", "give one"))
