"""Starting pipelines from a client, from a step and from another pipeline, declared here or elsewhere."""

import pytest
from lab import KIT

from zenml.client import Client
from zenml.errors import ConfigurationError, NotFoundError, RunFailedError

FLOW = """
    from zenml.client import Client

    @step
    def greet(name: str) -> str:
        mark(name)
        return name

    @pipeline
    def hello(name: str = "World"):
        greet(name)
"""
GUARDED = """
    if __name__ == "__main__":
        hello()
"""


@pytest.fixture
def elsewhere(lab, monkeypatch):
    """A client of a process that has not declared the pipeline, which was run from a file."""
    lab.run(FLOW + GUARDED)
    for name, value in lab.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", KIT)
    monkeypatch.setenv("LAB_TRACE", lab.trace)
    return lab.client()


def test_a_pipeline_of_this_process(lab):
    result = lab.run(
        FLOW
        + """
    run = Client().trigger_pipeline(
        "hello", run_configuration={"parameters": {"name": "Bob"}, "run_name": "triggered"}
    )
    fact(name=run.name, status=str(run.wait(30).status))
    """
    )

    assert result.facts == {"name": "triggered", "status": "completed"}
    assert [mark["mark"] for mark in result.marks] == ["Bob"]


def test_a_pipeline_run_configuration_and_waiting_for_the_end(lab):
    result = lab.run(
        FLOW
        + """
    from zenml.config import PipelineRunConfiguration, StepRetryConfig

    configuration = PipelineRunConfiguration(enable_cache=False, retry=StepRetryConfig(max_retries=2))
    run = Client().trigger_pipeline("hello", configuration, synchronous=True)
    fact(status=str(run.status), cache=run.config.enable_cache, retries=run.config.retry.max_retries)
    """
    )

    assert result.facts == {"status": "completed", "cache": False, "retries": 2}


@pytest.mark.parametrize("runtime", ["inline", "isolated"])
def test_from_a_step(lab, runtime):
    result = lab.run(
        FLOW
        + f"""
    @step(runtime={runtime!r})
    def start_it() -> str:
        return Client().trigger_pipeline("hello", synchronous=True).name

    @pipeline
    def outer():
        start_it()

    if __name__ == "__main__":
        hello()
        fact(started=outer().steps["start_it"].output.load())
    """
    )

    run = lab.client().get_pipeline_run(result.facts["started"])
    assert str(run.status) == "completed"
    assert run.pipeline.name == "hello"


def test_from_another_pipeline_it_is_a_run_of_its_own(lab):
    result = lab.run(
        FLOW
        + """
    @step
    def work():
        pass

    @pipeline
    def outer():
        fact(started=Client().trigger_pipeline("hello", synchronous=True).name)
        work()

    fact(outer=sorted(outer().steps))
    """
    )

    assert result.facts["outer"] == ["work"]
    assert str(lab.client().get_pipeline_run(result.facts["started"]).status) == "completed"


def test_a_pipeline_of_another_process(elsewhere):
    run = elsewhere.trigger_pipeline("hello", {"parameters": {"name": "Bob"}, "enable_cache": False})

    assert str(run.wait(30).status) == "completed"
    assert run.steps["greet"].output.load() == "Bob"


def test_a_configuration_file(elsewhere, tmp_path):
    (tmp_path / "night.yaml").write_text("parameters:\n  name: Night\n")

    run = elsewhere.trigger_pipeline("hello", config_path=tmp_path / "night.yaml", synchronous=True)

    assert run.steps["greet"].output.load() == "Night"


def test_what_keeps_a_run_from_beginning_is_told(elsewhere):
    with pytest.raises(RunFailedError, match="nme"):
        elsewhere.trigger_pipeline("hello", {"parameters": {"nme": "Bob"}})


def test_a_script_that_runs_when_it_is_imported_is_refused(lab, monkeypatch):
    lab.run(FLOW + "\n    hello()\n")
    for name, value in lab.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", KIT)

    with pytest.raises(RunFailedError, match=r"script.py:\d+.*calls pipeline `hello` while it is imported"):
        lab.client().trigger_pipeline("hello")
    assert lab.client().list_pipeline_runs().total == 1


def test_a_pipeline_that_no_other_process_can_import_is_refused(lab):
    lab.run(
        FLOW
        + """
    def make():
        @pipeline
        def local():
            greet("x")
        return local

    make()()
    """
    )

    with pytest.raises(ConfigurationError, match="declared inside a function"):
        lab.client().trigger_pipeline("local")


def test_wrong_calls_are_refused(lab):
    client = Client(lab.database())

    with pytest.raises(NotFoundError, match="no pipeline `nowhere`"):
        client.trigger_pipeline("nowhere")
    with pytest.raises(ConfigurationError, match="not both"):
        client.trigger_pipeline("nowhere", {}, config_path="x.yaml")
    with pytest.raises(ConfigurationError, match="takes no `template_id`"):
        client.trigger_pipeline("nowhere", template_id="t")
