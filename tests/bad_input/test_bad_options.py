"""Values of options: cache, retries, limits, hooks, environment, secrets, model, schedule, settings."""

import pytest
from bad_rows import by_id, check_row, row

from zenml.errors import ConfigurationError, NotFoundError, TypeMismatchError


def said(name, options, *fragments, error=ConfigurationError):
    """Return a row in which a step with these options is run."""
    code = (
        f"@step({options})\ndef train(rate: float = 0.5) -> int:\n    RAN.append('train')\n    return 1\n\n"
    )
    code += "@pipeline\ndef training():\n    train()\n\ntraining()"
    return row(name, error, code, *fragments)


def run_with(name, options, *fragments, error=ConfigurationError):
    """Return a row in which the pipeline `flow` is run with these options."""
    return row(name, error, f"flow.with_options({options})()", *fragments)


def made(name, code, *fragments, error=ConfigurationError):
    """Return a row in which something is made that is never used."""
    return row(name, error, code, *fragments)


CACHE = [
    said("a cache flag that is text", "enable_cache='no'", "`enable_cache`", "`train`", "'no'", "True or False"),
    said("a cache flag that is a number", "enable_cache=0", "`enable_cache`", "`train`", "0", "True or False"),
    said("a cache policy that is a number", "cache_policy=7", "`cache_policy`", "`train`", "7", "CachePolicy"),
    said("an unknown word as cache policy", "cache_policy='never'", "`cache_policy`", "`train`", "'never'", "CachePolicy"),
    said("a cache policy class", "cache_policy=CachePolicy", "`cache_policy`", "`train`", "CachePolicy("),
    said("a mapping with an unknown field", "cache_policy={'max_age': 3}", "`cache_policy`", "`train`", "`max_age`", "`max_age_days`"),
    made("an age below zero", "CachePolicy(max_age_days=-1)", "`max_age_days`", "-1", "greater than 0"),
    made("an age of zero", "CachePolicy(max_age_days=0)", "`max_age_days`", "0", "enable_cache=False"),
    made("an age that is not a number", "CachePolicy(max_age_days=float('nan'))", "`max_age_days`", "nan"),
    made("an age that is text", "CachePolicy(max_age_days='7 days')", "`max_age_days`", "'7 days'"),
    made("two ages", "CachePolicy(max_age_days=1, expires_after=3)", "`max_age_days`", "`expires_after`", "not both"),
    made("an expiry that is text", "CachePolicy(expires_after='1h')", "`expires_after`", "'1h'", "seconds"),
    made("ignored fields that are one text", "CachePolicy(ignore_fields='time')", "`ignore_fields`", '["time"]'),
    made("ignored fields that are numbers", "CachePolicy(ignore_fields=[1])", "`ignore_fields`", "1", "texts"),
    made("ignored fields that are a number", "CachePolicy(ignore_fields=5)", "`ignore_fields`", "5", "list"),
    made("an unknown field of a cache policy", "CachePolicy(max_age=7)", "CachePolicy", "`max_age`", "`max_age_days`"),
    made("a flag of a cache policy", "CachePolicy(include_step_code='yes')", "`include_step_code`", "'yes'", "True or False"),
    said("an ignored input that is not there", "cache_policy=CachePolicy(ignore_fields=['rat'])", "`train`", "`rat`", "`rate`"),
    said("a dependency that is not there", "cache_policy=CachePolicy(file_dependencies=['dta.csv'])", "`train`", "`dta.csv`", "does not exist"),
    said("a source that is not there", "cache_policy=CachePolicy(source_dependencies=['my.missing'])", "`train`", "`my.missing`", "import"),
    said("a cache function with a parameter", "cache_policy=CachePolicy(cache_func=lambda day: 'a')", "`train`", "cache_func", "parameter"),
    said("a cache function that returns a number", "cache_policy=CachePolicy(cache_func=lambda: 5)", "`train`", "cache_func", "5", "text"),
    said("a cache function that fails", "cache_policy=CachePolicy(cache_func=lambda: 1 / 0)", "`train`", "cache_func", "ZeroDivisionError"),
    made("a cache function that is a number", "CachePolicy(cache_func=5)", "`cache_func`", "5", "function"),
]  # fmt: skip

RETRIES = [
    made("retries below zero", "StepRetryConfig(max_retries=-1)", "`max_retries`", "-1", "from 0 up"),
    made("half a retry", "StepRetryConfig(max_retries=1.5)", "`max_retries`", "1.5", "whole number"),
    made("retries as text", "StepRetryConfig(max_retries='3')", "`max_retries`", "'3'", "whole number"),
    made("retries as a flag", "StepRetryConfig(max_retries=True)", "`max_retries`", "True", "whole number"),
    made("a delay below zero", "StepRetryConfig(delay=-5)", "`delay`", "-5", "from 0 up"),
    made("a delay that is not a number", "StepRetryConfig(delay=float('nan'))", "`delay`", "nan", "number"),
    made("a delay as a timedelta", "StepRetryConfig(delay=timedelta(seconds=5))", "`delay`", "timedelta", "number"),
    made("a shrinking backoff", "StepRetryConfig(backoff=0.5)", "`backoff`", "0.5", "from 1 up"),
    made("too much jitter", "StepRetryConfig(jitter=2)", "`jitter`", "2", "from 0 to 1"),
    made("retry on a number", "StepRetryConfig(retry_on=[5])", "`retry_on`", "5", "exception"),
    made("retry on a lone number", "StepRetryConfig(retry_on=5)", "`retry_on`", "5", "exception"),
    made("retry on a class that is no exception", "StepRetryConfig(retry_on=[int])", "`retry_on`", "int", "exception"),
    made("a typo in StepRetryConfig", "StepRetryConfig(retries=3)", "StepRetryConfig", "`retries`", "`max_retries`"),
    said("retry as text", "retry='often'", "`retry`", "`train`", "'often'", "StepRetryConfig"),
    said("retry as a flag", "retry=True", "`retry`", "`train`", "True", "StepRetryConfig"),
    said("retry below zero", "retry=-1", "`train`", "`max_retries`", "-1"),
    said("retry as a mapping with a typo", "retry={'max_retry': 3}", "`retry`", "`train`", "`max_retry`", "`max_retries`"),
    said("a timeout of zero", "timeout=0", "`timeout`", "`train`", "0", "greater than 0"),
    said("a timeout below zero", "timeout=-3", "`timeout`", "`train`", "-3", "seconds"),
    said("a timeout as text", "timeout='10s'", "`timeout`", "`train`", "'10s'", "seconds"),
    said("a timeout that is not a number", "timeout=float('nan')", "`timeout`", "`train`", "nan"),
    said("a timeout as a timedelta", "timeout=timedelta(minutes=1)", "`timeout`", "`train`", "seconds"),
    said("a timeout of an inline step", "timeout=5, runtime='inline'", "`train`", "`timeout`", "inline", "isolated"),
    said("an unknown runtime", "runtime='docker'", "`runtime`", "`train`", "'docker'", "`inline`", "`isolated`"),
    run_with("an unknown execution mode", "execution_mode='fail_slow'", "`execution_mode`", "`flow`", "'fail_slow'", "`fail_fast`"),
    run_with("no parallelism", "max_parallelism=0", "`max_parallelism`", "`flow`", "0", "from 1 up"),
    run_with("parallelism as text", "max_parallelism='4'", "`max_parallelism`", "`flow`", "'4'"),
]  # fmt: skip

HOOKS = [
    said("a hook that is a number", "on_success=5", "`on_success`", "`train`", "5", "function"),
    said("a hook that is called already", "on_failure=print('failed')  or 0", "`on_failure`", "`train`", "0", "function"),
    said("a hook that cannot be imported", "on_failure='alerts.tell_team'", "`on_failure`", "`train`", "`alerts.tell_team`", "import"),
    said("a hook without a module", "on_failure='tell'", "`on_failure`", "`train`", "`tell`", "module.function"),
    said("a hook that asks for too much", "on_success=lambda a, b, c: None", "`train`", "on_success", "`a`"),
    said("a hook that asks for an unknown type", "on_success=lambda *, colour: None", "`train`", "on_success", "`colour`"),
    said("a step as a hook", "on_success=load", "`on_success`", "`train`", "`load`", "step", "function"),
    run_with("a pipeline as a hook", "on_cleanup=flow", "`on_cleanup`", "`flow`", "pipeline", "function"),
    run_with("on_init with unknown arguments", "on_init=lambda: None, on_init_kwargs={'url': 'x'}", "`flow`", "on_init", "`url`"),
    run_with("on_init_kwargs that are a list", "on_init=print, on_init_kwargs=[1]", "`on_init_kwargs`", "`flow`", "[1]", "mapping"),
    run_with("on_init_kwargs without on_init", "on_init_kwargs={'url': 'x'}", "`on_init_kwargs`", "`flow`", "`on_init`"),
    run_with("a hook of a step in a list", "on_success=[print]", "`on_success`", "function"),
]  # fmt: skip

ENVIRONMENT = [
    said("an environment that is a list", "environment=['A=1']", "`environment`", "`train`", "mapping"),
    said("an environment that is text", "environment='A=1'", "`environment`", "`train`", "'A=1'", "mapping"),
    said("a variable with an equals sign", "environment={'A=B': '1'}", "`environment`", "`train`", "'A=B'"),
    said("a variable with NUL", "environment={'A': 'a\\0b'}", "`environment`", "`train`", "'A'", "NUL"),
    said("a variable that is a list", "environment={'A': [1]}", "`environment`", "`train`", "'A'", "[1]", "text"),
    said("a variable that is None", "environment={'A': None}", "`environment`", "`train`", "'A'", "None", "text"),
    said("a variable that is a flag", "environment={'A': True}", "`environment`", "`train`", "'A'", "True", "text"),
    said("a variable whose name is a number", "environment={1: 'a'}", "`environment`", "`train`", "1", "text"),
    said("secrets that are one text", "secrets='aws'", "`secrets`", "`train`", '["aws"]'),
    said("secrets that are a number", "secrets=5", "`secrets`", "`train`", "5", "list"),
    said("a secret that is a number", "secrets=[5]", "`secrets`", "`train`", "5", "name"),
    said("a secret that is not there", "secrets=['aws_credentals']", "`aws_credentals`", "`train`", "zenml secret create", error=NotFoundError),
    said("a placeholder whose variable is not set", "environment={'URL': '${NOT_SET_ANYWHERE}'}", "`NOT_SET_ANYWHERE`", "`train`", "${NOT_SET_ANYWHERE:-", "environment.URL"),
    run_with("a placeholder in an argument of no number", "parameters={'rate': '${HOME}'}", "`rate`", "`flow`", "float", error=TypeMismatchError),
    run_with("two placeholders", "extra={'a': '${NOT_SET_A}', 'b': '${NOT_SET_B}'}", "`NOT_SET_A`", "`NOT_SET_B`", "2 variables"),
    said("substitutions that are a list", "substitutions=['a']", "`substitutions`", "`train`", "mapping"),
    said("a substitution that is a list", "substitutions={'a': []}", "`substitutions`", "`train`", "'a'", "text"),
]  # fmt: skip

MODELS = [
    made("a model without a name", "Model()", "Model", "`name`"),
    made("a model with an empty name", "Model(name='')", "model", "''", "Model(name='churn')"),
    made("a model whose name is a number", "Model(name=5)", "model", "5", "Model(name='churn')"),
    made("a model with a version that is a float", "Model(name='churn', version=1.5)", "`version`", "`churn`", "1.5"),
    made("a model whose tags are one text", "Model(name='churn', tags='a')", "`tags`", "`churn`", '["a"]'),
    made("a typo in Model", "Model(name='churn', licence='MIT')", "`licence`", "`license`"),
    made("two names of a model", "Model('churn', name='x')", "Model", "`name`"),
    said("a model that is text", "model='churn'", "`model`", "`train`", "'churn'", "Model(name="),
    said("a model that is a mapping without a name", "model={'version': 1}", "`model`", "`train`", "`name`"),
    said("a model with a tag that is a number", "model=Model(name='churn', tags=[1])", "`churn`", "1", "tag"),
    run_with("a model class", "model=Model", "`model`", "Model(name="),
]  # fmt: skip

SCHEDULES = [
    made("a schedule of nothing", "Schedule()", "Schedule", "`cron_expression`", "none of them"),
    made("a schedule with two times", "Schedule(cron_expression='* * * * *', interval_second=5)", "`cron_expression`", "`interval_second`"),
    made("a cron expression of four fields", "Schedule(cron_expression='0 2 * *')", "`cron_expression`", "4 fields instead of 5"),
    made("a cron expression of six fields", "Schedule(cron_expression='0 0 2 * * *')", "`cron_expression`", "6 fields instead of 5"),
    made("a minute of 61", "Schedule(cron_expression='61 2 * * *')", "`cron_expression`", "minute", "`61`"),
    made("a month of 13", "Schedule(cron_expression='0 2 * 13 *')", "`cron_expression`", "month", "`13`"),
    made("a day that is a word", "Schedule(cron_expression='0 2 * * funday')", "`cron_expression`", "`funday`"),
    made("a cron expression in words", "Schedule(cron_expression='every day')", "`cron_expression`", "'every day'", "0 2 * * *"),
    made("a cron expression that is a number", "Schedule(cron_expression=5)", "`cron_expression`", "5", "0 2 * * *"),
    made("an interval below zero", "Schedule(interval_second=-5)", "`interval_second`", "-5", "timedelta"),
    made("an interval that is text", "Schedule(interval_second='1h')", "`interval_second`", "'1h'", "seconds"),
    made("an interval that is not a number", "Schedule(interval_second=float('nan'))", "`interval_second`", "nan"),
    made("an interval without end", "Schedule(interval_second=float('inf'))", "`interval_second`", "inf"),
    made("a start that is a word", "Schedule(start_time='tomorrow', interval_second=60)", "`start_time`", "'tomorrow'", "2030-01-31"),
    made("an end before the start", "Schedule(start_time='2030-02-01', end_time='2030-01-01', interval_second=60)", "ends", "before", "2030-01-01"),
    made("an unknown time zone", "Schedule(cron_expression='* * * * *', timezone='Europe/Berln')", "`timezone`", "'Europe/Berln'", "Europe/Berlin"),
    made("a schedule whose name is a number", "Schedule(name=5, interval_second=60)", "5", "name"),
    made("catchup as text", "Schedule(interval_second=60, catchup='yes')", "`catchup`", "'yes'", "`latest`"),
    made("an overlap with a typo", "Schedule(interval_second=60, overlap='que')", "`overlap`", "'que'", "`queue`"),
    made("a limit of catching up that is none", "Schedule(interval_second=60, catchup_limit=0)", "`catchup_limit`", "0", "from 1 up"),
    made("half a run at most", "Schedule(interval_second=60, max_runs=0.5)", "`max_runs`", "0.5", "from 1 up"),
    made("a jitter below zero", "Schedule(interval_second=60, jitter=-1)", "`jitter`", "-1", "greater than 0"),
    made("a jitter of an interval", "Schedule(interval_second=60, jitter=60)", "`jitter`", "`interval_second`", "shorter"),
    made("a day that never comes", "Schedule(cron_expression='0 2 30 2 *')", "`cron_expression`", "`30`", "`2`", "change one"),
    made("a start of the machine", "Schedule(cron_expression='@reboot')", "`cron_expression`", "'@reboot'", "no time"),
    made("an unknown short form", "Schedule(cron_expression='@dayly')", "`cron_expression`", "'@dayly'", "`@daily`"),
    made("an event that is text", "Schedule(on='train')", "`on`", "'train'", "RunEnded("),
    made("an event with a typo", "Schedule(on={'runended': {'pipeline': 'train'}})", "`on`", "'runended'", "`run_ended`"),
    made("two events", "Schedule(on={'run_ended': {}, 'new_artifact': {}})", "`on`", "2 events", "several schedules"),
    made("an event without its name", "Schedule(on={'new_artifact': {}})", "`on.new_artifact`", "lacks `name`"),
    made("an end that no run has", "Schedule(on={'run_ended': {'pipeline': 'train', 'status': 'complete'}})", "`status`", "'complete'", "`completed`"),
    made("a run after its end", "Schedule(run_once_start_time='2030-02-01', end_time='2030-01-01')", "`end_time`", "2030-02-01", "never run"),
    made("a typo in Schedule", "Schedule(cron='* * * * *')", "Schedule", "`cron`", "`cron_expression`"),
    run_with("a schedule that is text", "schedule='0 2 * * *'", "`schedule`", "`flow`", "Schedule("),
    run_with("a schedule that is a mapping with a typo", "schedule={'cron': '* * * * *'}", "`schedule`", "`flow`", "`cron`", "`cron_expression`"),
]  # fmt: skip

SETTINGS = [
    made("an unknown field of docker settings", "DockerSettings(requirement=['pandas'])", "DockerSettings", "`requirement`", "`requirements`"),
    made("docker settings with a wrong type", "DockerSettings(apt_packages='git')", "`apt_packages`", "'git'", "list"),
    made("an unknown field of resources", "ResourceSettings(cpus=2)", "ResourceSettings", "`cpus`", "cpu_count"),
    made("no processors", "ResourceSettings(cpu_count=0)", "`cpu_count`", "0", "greater than 0"),
    made("processors that are not a number", "ResourceSettings(cpu_count=float('nan'))", "`cpu_count`", "nan"),
    made("fewer than no graphics processors", "ResourceSettings(gpu_count=-1)", "`gpu_count`", "-1", "from 0 up"),
    made("half a graphics processor", "ResourceSettings(gpu_count=0.5)", "`gpu_count`", "0.5", "whole number"),
    made("memory without a unit", "ResourceSettings(memory='4')", "`memory`", "'4'", "2GB"),
    made("memory as a number", "ResourceSettings(memory=4)", "`memory`", "4", "text"),
    made("memory in an unknown unit", "ResourceSettings(memory='4 gigs')", "`memory`", "'4 gigs'", "2GB"),
    said("an unknown key of settings", "settings={'dokcer': {}}", "`settings`", "`train`", "`dokcer`", "`docker`"),
    said("settings that are a list", "settings=['docker']", "`settings`", "`train`", "mapping"),
    said("settings that are an object", "settings=DockerSettings()", "`settings`", "`train`", "mapping", "docker"),
    said("docker settings that are text", "settings={'docker': 'slim'}", "`settings.docker`", "`train`", "'slim'", "mapping"),
    said("docker settings with a typo", "settings={'docker': {'parent_imge': 'x'}}", "`settings.docker`", "`train`", "`parent_imge`", "`parent_image`"),
    said("resources with a typo", "settings={'resources': {'cpu': 1}}", "`settings.resources`", "`train`", "`cpu`", "`cpu_count`"),
    said("an object in settings", "settings={'orchestrator': {'lock': threading.Lock()}}", "`settings`", "`train`", "lock"),
    said("an object in extra", "extra={'lock': threading.Lock()}", "`extra`", "`train`", "lock"),
    said("NaN in extra", "extra={'rate': float('nan')}", "`extra`", "`train`", "nan"),
    said("extra that is a list", "extra=[1]", "`extra`", "`train`", "[1]", "mapping"),
    run_with("synchronous as text", "settings={'orchestrator': {'synchronous': 'no'}}", "`synchronous`", "'no'", "true or false"),
    said("a tracker that is not there", "experiment_tracker='mlflow'", "`train`", "`mlflow`", "experiment_tracker"),
    said("a tracker that is a number", "experiment_tracker=5", "`experiment_tracker`", "`train`", "5", "name"),
    said("an operator that is empty", "step_operator=''", "`step_operator`", "`train`", "''", "name"),
    said("a step type that is a number", "step_type=5", "`step_type`", "`train`", "5", "text"),
    said("a group that is a number", "group=5", "`group`", "`train`", "5", "text"),
    said("a threshold of zero", "heartbeat_healthy_threshold=0", "`heartbeat_healthy_threshold`", "`train`", "0"),
    run_with("tags that are one text", "tags='nightly'", "`tags`", "`flow`", '["nightly"]'),
    run_with("tags that are a number", "tags=5", "`tags`", "`flow`", "5", "list"),
    run_with("a tag that is a number", "tags=[5]", "`flow`", "5", "text"),
    run_with("an empty tag", "tags=['']", "tag", "''"),
    run_with("a tag that is a mapping with a typo", "tags=[{'nme': 'a'}]", "`tags`", "`flow`", "`nme`", "`name`"),
    made("a tag without a name", "Tag()", "Tag", "`name`"),
    made("a tag with a typo", "Tag('a', exlusive=True)", "Tag", "`exlusive`", "`exclusive`"),
    made("a run configuration with a typo", "PipelineRunConfiguration(enable_cach=True)", "`enable_cach`", "`enable_cache`"),
]  # fmt: skip


@pytest.mark.parametrize(**by_id(CACHE))
def test_a_wrong_cache_option(row, tmp_path):
    check_row(row, tmp_path)


@pytest.mark.parametrize(**by_id(RETRIES + HOOKS))
def test_a_wrong_option_of_execution(row, tmp_path):
    check_row(row, tmp_path)


@pytest.mark.parametrize(**by_id(ENVIRONMENT))
def test_a_wrong_environment(row, tmp_path):
    check_row(row, tmp_path)


@pytest.mark.parametrize(**by_id(MODELS + SCHEDULES))
def test_a_wrong_model_or_schedule(row, tmp_path):
    check_row(row, tmp_path)


@pytest.mark.parametrize(**by_id(SETTINGS))
def test_wrong_settings_and_tags(row, tmp_path):
    check_row(row, tmp_path)
