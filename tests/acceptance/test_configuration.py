"""Configuring runs: which source wins, variables of the environment, files, schedules, names."""

import re
from itertools import pairwise

import msgspec
import pytest

from zenml import get_step_context, pipeline, step
from zenml.client import Client
from zenml.client.explaining import explain
from zenml.client.run_diff import run_diff
from zenml.compile.compiler import compile_pipeline
from zenml.config import CachePolicy, DockerSettings, Model, PipelineRunConfiguration, Schedule
from zenml.declare.starting import compile_call
from zenml.errors import AmbiguousNameError, ConfigurationError, NotFoundError
from zenml.records import wire
from zenml.store.opening import open_store


@pytest.fixture(autouse=True)
def _fresh_store(zenml_store, tmp_path, monkeypatch):
    monkeypatch.delenv("ZENML_QUIET")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "run.yaml"
        path.write_text(text)
        return str(path)

    return write


# The table of precedence, row by row


def train(rate: float = 0.0, rows: int = 0) -> float:
    return rate


LEVELS = ("decorator", "configure", "yaml", "with_options")


def planned(tmp_path, *, of_step=(), of_run=(), of_pipeline=(), name="train"):
    """Compile a pipeline of one step, with a group or other options said at some levels.

    Args:
        of_step: by level, options that the step says of itself.
        of_run: by level, options that the run's configuration says of the step called `name`.
        of_pipeline: by level, options of the pipeline.
    """
    of_step, of_run, of_pipeline = dict(of_step), dict(of_run), dict(of_pipeline)
    declared = step(**of_step.get("decorator", {}))(train)
    declared.configure(**of_step.get("configure", {}))
    declared = declared.with_options(**of_step.get("with_options", {}))

    def flow():
        declared(id="first")

    whole = pipeline(**of_pipeline.get("decorator", {}))(flow)
    whole.configure(**of_pipeline.get("configure", {}))
    if "configure" in of_run:
        whole.configure(steps={name: of_run["configure"]})
    said = dict(of_pipeline.get("yaml", {}))
    if "yaml" in of_run:
        said["steps"] = {name: of_run["yaml"]}
    if said:
        path = tmp_path / "levels.yaml"
        path.write_text(wire.encode(said).decode())
        whole = whole.with_options(config_path=path)
    whole = whole.with_options(**of_pipeline.get("with_options", {}))
    if "with_options" in of_run:
        whole = whole.with_options(steps={name: of_run["with_options"]})
    plan = compile_pipeline(whole, (), {}).plan
    return plan, plan.definitions[plan.invocations[0].definition].options


@pytest.mark.parametrize(("weaker", "stronger"), list(pairwise(LEVELS)))
def test_a_level_of_the_pipeline_beats_the_one_before(weaker, stronger, tmp_path):
    said = {weaker: {"execution_mode": "fail_fast"}, stronger: {"execution_mode": "stop_on_failure"}}

    plan, _ = planned(tmp_path, of_pipeline=said)

    assert plan.options.execution_mode == "stop_on_failure"


ROWS = (
    ("of_step", "decorator"),
    ("of_step", "configure"),
    ("of_run", "configure"),
    ("of_run", "yaml"),
    ("of_step", "with_options"),
    ("of_run", "with_options"),
)


@pytest.mark.parametrize(("weaker", "stronger"), list(pairwise(ROWS)))
def test_a_level_of_a_step_beats_the_one_before(weaker, stronger, tmp_path):
    said = {"of_step": {}, "of_run": {}}
    said[weaker[0]][weaker[1]] = {"group": "weak"}
    said[stronger[0]][stronger[1]] = {"group": "strong"}

    _, options = planned(tmp_path, **said)

    assert options.group == "strong"


@pytest.mark.parametrize("of_pipeline", LEVELS)
def test_what_is_said_of_a_step_beats_what_is_said_of_the_pipeline(of_pipeline, tmp_path):
    _, options = planned(
        tmp_path,
        of_step={"decorator": {"enable_cache": True}},
        of_pipeline={of_pipeline: {"enable_cache": False}},
    )

    assert options.enable_cache is True


@pytest.mark.parametrize("level", ["configure", "yaml", "with_options"])
def test_an_invocation_id_beats_the_name_of_the_step(level, tmp_path):
    said = {"train": {"group": "by name", "timeout": 5}, "first": {"group": "by id"}}
    declared = step(train)

    def flow():
        declared(id="first")
        declared(id="second")

    whole = pipeline(flow)
    if level == "yaml":
        (tmp_path / "c.yaml").write_text(wire.encode({"steps": said}).decode())
        whole = whole.with_options(config_path="c.yaml")
    else:
        whole = getattr(whole, level)(steps=said)
    plan = compile_pipeline(whole, (), {}).plan

    found = [plan.definitions[one.definition].options for one in plan.invocations]
    assert [(one.group, one.timeout) for one in found] == [("by id", 5), ("by name", 5)]


def rate_of(whole, *args, **kwargs):
    compiled = compile_pipeline(whole, args, kwargs)
    return wire.decode(bytes(compiled.plan.invocations[0].inputs["rate"].data), float)


def test_parameters_of_a_step_from_weak_to_strong(file):
    """Default, `with_options` of the step, the call in the pipeline, a file, `with_options` of the pipeline."""
    declared = step(train)
    fixed = declared.with_options(parameters={"rate": 0.1})
    in_call = pipeline(lambda: fixed(rate=0.2))
    from_file = in_call.with_options(config_path=file("steps: {train: {parameters: {rate: 0.3}}}"))
    from_run = from_file.with_options(steps={"train": {"parameters": {"rate": 0.4}}})

    assert [
        rate_of(pipeline(lambda: declared())),
        rate_of(pipeline(lambda: fixed())),
        rate_of(in_call),
        rate_of(from_file),
        rate_of(from_run),
    ] == [0.0, 0.1, 0.2, 0.3, 0.4]


def test_parameters_of_a_pipeline_from_weak_to_strong(file):
    declared = step(train)

    @pipeline
    def flow(rate: float = 0.0):
        declared(rate)

    configured = flow.with_options()
    configured.configure(parameters={"rate": 0.1})
    from_file = configured.with_options(config_path=file("parameters: {rate: 0.2}"))
    from_code = from_file.with_options(parameters={"rate": 0.3})

    assert [
        rate_of(flow),
        rate_of(configured),
        rate_of(from_file),
        rate_of(from_code),
        rate_of(from_code, 0.4),
    ] == [0.0, 0.1, 0.2, 0.3, 0.4]


# Files


def test_problems_with_the_file_and_with_the_pipeline_are_told_together(file):
    declared = step(train)

    @pipeline
    def flow(rows: int = 1):
        declared()

    path = file(
        "run_nam: x\n"
        "parameters:\n"
        "  rows: many\n"
        "  row: 1\n"
        "steps:\n"
        "  trian: {}\n"
        "  train:\n"
        "    parameters:\n"
        "      rate: fast\n"
        "      rat: 1\n"
        "    outputs: {model: {materializer_source: a.B}}\n"
    )
    with pytest.raises(ConfigurationError) as caught:
        flow.with_options(config_file=path)()

    text = str(caught.value)
    assert "has 7 problems" in text
    for line, words in {
        1: "`run_nam`; did you mean `run_name`?",
        3: "must be `int`",
        4: "sets `row`, which pipeline `flow` does not take. Did you mean `rows`?",
        6: "for a step `trian`, which pipeline `flow` does not have. Did you mean `train`?",
        9: "must be `float`",
        10: "sets `rat`, which step `train` does not take. Did you mean `rate`",
        11: "names the output `model`, which step `train` does not have",
    }.items():
        assert re.search(rf"run\.yaml:{line} .*{re.escape(words)}", text), text


def test_a_file_sets_what_it_says(file):
    @step(extra={"a": 1})
    def work() -> int:
        return 1

    @pipeline
    def flow():
        work()

    path = file("run_name: from_yaml\nenable_cache: false\ntags: [x]\nsteps: {work: {extra: {b: 2}}}\n")
    run = flow.with_options(config_path=path)()

    assert (run.name, run.config.enable_cache) == ("from_yaml", False)
    assert [tag.name for tag in run.tags] == ["x"]
    assert run.steps["work"].config.extra == {"a": 1, "b": 2}


def test_a_template_used_as_it_is_changes_nothing(tmp_path):
    @step(
        enable_cache=False, retry=3, model=Model("m", license="MIT", tags=["t"]), cache_policy=CachePolicy(1)
    )
    def load(rows: int, script: str = "echo ${HOME}", tiny: float = 1e-05) -> list[int]:
        return [1] * rows

    @step
    def fit(data: list[int], layers: tuple[int, ...] = (1, 2), note: str | None = None) -> int:
        return 1

    @pipeline(tags=["a"], environment={"X": "${HOME}"})
    def flow(rows: int = 3, name: str = "x: y # z"):
        fit(load(rows, script="run ${HOME} and $${HOME}"))
        fit(load(rows), id="other", note="\u007f\U0001f600")

    path = tmp_path / "template.yaml"

    flow.write_run_configuration_template(path)

    text = path.read_text()
    assert text.startswith("# yaml-language-server: $schema=run_configuration.schema.json\n")
    assert "  rows: 3  # int\n" in text
    assert '# tags: ["a"]' in text
    assert "    #   # data:  # an output or artifact\n" in text
    assert "    #   rows: 3  # int\n" in text
    assert '    # model: {"name": "m", "license": "MIT", "tags": ["t"]}' in text
    assert '    # cache_policy: {"expires_after": 86400.0}' in text
    before = compile_call(flow, (), {}).plan
    assert without_words(compile_call(flow.with_options(config_path=path), (), {}).plan) == before
    changed = flow.with_options(config_path=path).with_options(parameters={"rows": 4})
    assert compile_call(changed, (), {}).plan != before


def test_a_template_can_be_used_without_its_comment_marks(tmp_path):
    """What stands behind a `#` with a value is sound, and says what holds now."""

    @step(
        retry=3, model=Model("m", version=2, license="MIT", tags=["t"]), cache_policy=CachePolicy(1, ["rows"])
    )
    def load(rows: int, word: str = "x: y") -> int:
        return rows

    @pipeline(tags=["a"], extra={"who": "me"}, execution_mode="fail_fast")
    def flow(rows: int = 3):
        load(rows)

    path = tmp_path / "template.yaml"
    flow.write_run_configuration_template(path)
    kept = [
        re.sub(r"^( *)# ", r"\1", line) if "(now)" in line or "# int" in line or "# str" in line else line
        for line in path.read_text().replace("    # parameters:", "    parameters:").splitlines()
    ]
    path.write_text("\n".join(kept))

    before, after = (compile_call(one, (), {}).plan for one in (flow, flow.with_options(config_path=path)))
    assert without_words(after) == before


def without_words(plan):
    """Return what a plan comes to, whatever was said for it."""
    return msgspec.structs.replace(plan, said={})


def test_a_template_of_a_pipeline_that_needs_arguments_says_so(tmp_path):
    @pipeline
    def flow(rows: int):
        step(train)(rows=rows)

    flow.write_run_configuration_template(tmp_path / "t.yaml")

    text = (tmp_path / "t.yaml").read_text()
    assert "  # rows:  # int, needed\n" in text
    assert "# The steps are not known: Pipeline `flow`" in text


# Variables of the environment


@step(extra={"value": "${COLOR}", "literal": "$${COLOR}"})
def tell(word: str = "", rate: float = 0.0, flags: list[bool] | None = None) -> dict:
    extra = get_step_context().step_run.config.extra
    return {"extra": extra, "word": word, "rate": rate, "flags": flags}


@pipeline
def telling():
    tell()


@pipeline
def another():
    tell()


PARAMETERS = {"word": "a ${COLOR}", "rate": "${RATE}", "flags": ["${YES:-true}"]}


@pytest.mark.parametrize("runtime", ["inline", "isolated"])
def test_a_step_sees_the_values_and_the_store_does_not(runtime, monkeypatch, tmp_path):
    monkeypatch.setenv("COLOR", "azure-blue")
    monkeypatch.setenv("RATE", "0.01")

    run = telling.with_options(
        steps={"tell": {"parameters": PARAMETERS, "runtime": runtime}}, extra={"run": "x ${COLOR}"}
    )()

    assert run.steps["tell"].output.load() == {
        "extra": {"value": "azure-blue", "literal": "${COLOR}"},
        "word": "a azure-blue",
        "rate": 0.01,
        "flags": [True],
    }
    stored = wire.encode((run.record, run.plan, run.steps["tell"].record)).decode()
    assert "azure" not in stored
    assert "${COLOR}" in stored
    assert set(run.record.variables) == {"COLOR", "RATE", "YES:-true"}


def test_a_recorded_run_shows_values_only_while_they_hold(monkeypatch):
    monkeypatch.setenv("COLOR", "blue")
    monkeypatch.setenv("RATE", "0.5")
    run = telling.with_options(steps={"tell": {"parameters": PARAMETERS}}, extra={"run": "${COLOR}"})()

    assert run.config.extra == {"run": "blue"}
    assert run.steps["tell"].config.extra == {"value": "blue", "literal": "${COLOR}"}
    assert run.steps["tell"].config.parameters == {"word": "a blue", "rate": 0.5, "flags": [True]}

    monkeypatch.setenv("COLOR", "red")
    later = Client().get_pipeline_run(run.id)
    assert later.config.extra == {"run": "${COLOR}"}
    assert later.steps["tell"].config.extra["value"] == "${COLOR}"
    assert later.steps["tell"].config.parameters["word"] == "a ${COLOR}"

    monkeypatch.delenv("COLOR")
    assert Client().get_pipeline_run(run.id).config.extra == {"run": "${COLOR}"}


def test_a_changed_variable_runs_the_step_again_and_is_named_without_its_value(monkeypatch):
    monkeypatch.setenv("COLOR", "blue")
    telling()
    assert telling().steps["tell"].status == "cached"

    monkeypatch.setenv("COLOR", "red")
    run = telling()

    assert run.steps["tell"].status == "completed"
    first = Client().list_pipeline_runs("asc:created").items[0]
    differences = {one.name: one for one in run_diff(open_store(), first.id, run.id).environment}
    assert differences["variable COLOR"].after == "another value"
    answer = explain(open_store(), run.id, "tell")
    assert answer.reason == "because variable COLOR changed"
    assert "red" not in str(answer)
    assert "blue" not in str(answer)


def test_a_variable_that_only_the_run_names_does_not_count(monkeypatch):
    monkeypatch.setenv("COLOR", "blue")
    noted = telling.with_options(extra={"who": "${WHO:-me}"})
    noted()
    monkeypatch.setenv("WHO", "you")

    assert noted().steps["tell"].status == "cached"


def test_missing_variables_are_told_at_once_before_anything_runs(monkeypatch, file):
    monkeypatch.delenv("COLOR", raising=False)
    ran = []

    @step
    def first() -> None:
        ran.append(1)

    @pipeline(settings={"docker": DockerSettings(parent_image="${IMAGE_X}")})
    def flow():
        first()
        tell()

    path = file("extra:\n  who: ${WHO_X}\nsteps:\n  first:\n    timeout: ${T_X}\n")
    with pytest.raises(ConfigurationError) as caught:
        flow.with_options(config_path=path)()

    text = str(caught.value)
    assert ran == []
    assert "lacks 4 variables" in text
    assert "`COLOR`, in `extra.value` of step `tell`" in text
    assert re.search(r"`WHO_X`, in `extra.who` of pipeline `flow` \(.*run\.yaml:2\)", text), text
    assert re.search(r"`T_X`, in `steps.first.timeout` of pipeline `flow` \(.*run\.yaml:5\)", text), text
    assert "`IMAGE_X`" in text


def test_literals_in_calls_stay_as_they_are(monkeypatch):
    monkeypatch.setenv("COLOR", "blue")

    @pipeline
    def flow(text: str):
        tell(text)

    run = flow("echo ${COLOR} $${COLOR}")

    assert run.steps["tell"].output.load()["word"] == "echo ${COLOR} $${COLOR}"
    assert run.steps["tell"].config.parameters["word"] == "echo ${COLOR} $${COLOR}"


def test_options_of_other_types_are_read_from_variables(monkeypatch):
    monkeypatch.setenv("SECONDS_X", "2.5")
    monkeypatch.setenv("CACHE_X", "false")
    monkeypatch.setenv("NAME_X", "2024")

    @step(timeout="${SECONDS_X}", enable_cache="${CACHE_X}", retry={"max_retries": "${TIMES_X:-2}"})
    def work() -> None: ...

    compiled = compile_call(
        pipeline(lambda: work()).with_options(run_name="${NAME_X}", tags=["${NAME_X}"]), (), {}
    )

    (definition,) = compiled.plan.definitions.values()
    assert (definition.options.timeout, definition.options.enable_cache) == (2.5, False)
    assert definition.options.retry.max_retries == 2
    assert (compiled.run_name, compiled.plan.options.tags) == ("2024", ("2024",))


def test_a_configured_pipeline_parameter_is_read_as_its_type_asks(monkeypatch):
    monkeypatch.setenv("ROWS_X", "3")

    @pipeline
    def flow(rows: int, word: str):
        assert (rows, word) == (3, "3")

    compile_call(flow.with_options(parameters={"rows": "${ROWS_X}", "word": "${ROWS_X}"}), (), {})


def test_a_refreshed_step_sees_the_values_too(monkeypatch):
    monkeypatch.setenv("COLOR", "blue")

    run = telling.with_options(refresh=True)()

    assert run.steps["tell"].output.load()["extra"]["value"] == "blue"


# Settings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dcoker": {}}, r"key `dcoker`.*Did you mean `docker`\?"),
        ({"orchestratr.local": {}}, r"Did you mean `orchestrator.local`\?"),
        ({"orchestrator.": {}}, "has the key `orchestrator.`"),
        ({"docker": {"requirement": []}}, r"`settings.docker` of .*no `requirement`. Did you mean"),
        ({"resources": {"memory": "2"}}, "`memory` of ResourceSettings is '2'"),
        ({"docker": "image"}, "must be a mapping"),
    ],
)
def test_settings_are_checked(settings, message, monkeypatch):
    monkeypatch.setenv("COLOR", "blue")
    for whole in (
        pipeline(settings=settings)(lambda: tell()),
        pipeline(lambda: tell.with_options(settings=settings)()),
    ):
        with pytest.raises(ConfigurationError, match=message):
            compile_call(whole.with_options(parameters={}), (), {})


def test_settings_objects_are_merged_with_mappings(monkeypatch):
    monkeypatch.setenv("COLOR", "blue")

    whole = pipeline(settings={"docker": DockerSettings(parent_image="a", user="u")})(lambda: tell())
    plan = compile_call(whole.with_options(settings={"docker": {"user": "v"}}), (), {}).plan

    assert plan.options.settings == {"docker": {"parent_image": "a", "user": "v"}}


# Schedules


def test_a_schedule_is_stored_and_nothing_runs(capfd, monkeypatch):
    monkeypatch.setenv("COLOR", "blue")
    scheduled = telling.with_options(schedule=Schedule(name="nightly", cron_expression="0 2 * * *"))

    assert scheduled() is None

    said = capfd.readouterr().err
    assert "is stored: next run at " in said
    assert "No scheduler serves this store yet: zenml schedule serve" in said
    client = Client()
    assert client.list_pipeline_runs().total == 0
    (stored,) = client.list_pipeline_schedules()
    assert (stored.name, stored.cron_expression, stored.pipeline_name) == ("nightly", "0 2 * * *", "telling")
    assert open_store().document(stored.record.plan) is not None
    assert (stored.timezone, stored.overlap, stored.catchup) == (None, "skip", "latest")
    client.delete_schedule(schedule_id=stored.id)
    assert client.list_schedules().total == 0


def test_a_named_schedule_is_changed_in_place(capfd, monkeypatch):
    monkeypatch.setenv("COLOR", "blue")
    client = Client()

    def declare(pipeline=telling, **options):
        pipeline.with_options(schedule=Schedule(name="nightly", **options))()
        return client.get_schedule("nightly")

    first = declare(cron_expression="0 2 * * *")
    client.pause_schedule("nightly", "holidays")
    second = declare(cron_expression="0 3 * * *", overlap="queue")

    assert client.list_schedules().total == 1
    assert (second.id, second.created) == (first.id, first.created)
    assert (second.cron_expression, second.overlap) == ("0 3 * * *", "queue")
    assert (second.active, second.pause_reason, second.next_run) == (False, "holidays", None)
    assert "is changed: it is paused: holidays" in capfd.readouterr().err
    with pytest.raises(ConfigurationError, match="a schedule `nightly` already, of pipeline `telling`"):
        declare(another, cron_expression="0 2 * * *")


def test_schedules_without_a_name_are_several(monkeypatch):
    monkeypatch.setenv("COLOR", "blue")
    for _ in range(2):
        assert telling.run(schedule=Schedule(interval_second=60)) is None
    client = Client()

    assert client.list_schedules(pipeline_name="telling").total == 2
    with pytest.raises(AmbiguousNameError, match="fits 2 schedules"):
        client.get_schedule("telling")
    with pytest.raises(NotFoundError, match="no schedule `other`"):
        client.delete_schedule("other")
    newest = client.list_schedules().items[0]
    assert client.get_schedule(newest.id[-8:]).interval_second.total_seconds() == 60


def test_collecting_garbage_keeps_what_a_schedule_needs(monkeypatch):
    from zenml.client.garbage import collect, find_garbage

    monkeypatch.setenv("COLOR", "blue")
    telling.with_options(schedule=Schedule(name="s", interval_second=60))()
    store = open_store()

    collect(store, find_garbage(store))

    assert store.document(Client().get_schedule("s").record.plan) is not None


# Names


def test_placeholders_in_names_of_runs_and_artifacts(monkeypatch):
    from typing import Annotated

    @step
    def report() -> Annotated[int, "report_{who}_{date}"]:
        return 1

    @pipeline(substitutions={"who": "me"})
    def flow():
        report()

    run = flow.with_options(run_name="{who}-{date}-{time}")()

    day = run.start_time.strftime("%Y_%m_%d")
    assert run.name == run.start_time.strftime("me-%Y_%m_%d-%H_%M_%S_%f")
    assert list(run.steps["report"].outputs) == [f"report_me_{day}"]
    assert Client().get_artifact_version(f"report_me_{day}").load() == 1
    again = flow.with_options(run_name="{datetime}")()
    assert again.steps["report"].status == "cached"
    other = flow.with_options(substitutions={"who": "you"})()
    assert other.steps["report"].status == "completed"


def test_an_unknown_placeholder_in_a_name_is_refused():
    with pytest.raises(ConfigurationError, match=r"has the placeholder `{dat}`.*Did you mean `date`"):
        compile_call(pipeline(lambda: step(train)()).with_options(run_name="x_{dat}"), (), {})


# Other options of a run


def test_a_configuration_unpacks_into_options():
    config = PipelineRunConfiguration(enable_cache=False, run_name="experiment", unlisted=True)

    run = pipeline(lambda: step(train)()).with_options(**config)()

    assert (run.name, run.config.enable_cache, run.record.pipeline_id) == ("experiment", False, None)


def test_options_that_mean_nothing_here_are_told(capfd):
    pipeline(name="p")(lambda: step(train)()).with_options(build="1f", prevent_build_reuse=True)()

    assert "`build` and `prevent_build_reuse` of pipeline `p`: not used" in capfd.readouterr().err
