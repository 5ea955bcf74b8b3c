"""The snippets of the specification on hooks run as they are printed; what they leave undefined is added around them."""

from test_snippets import run_snippets

STEP_HOOKS = """
def success_hook(step_name, step_output):
    print(f"Step {step_name} completed successfully with output: {step_output}")

def failure_hook(exception: BaseException):
    print(f"Step failed with error: {str(exception)}")

@step(on_success=success_hook, on_failure=failure_hook)
def my_step():
    return 42
"""
PIPELINE_HOOKS = """
@pipeline(on_failure=failure_hook, on_success=success_hook)
def my_pipeline():
    ...
"""
CONTEXT = """
from zenml import step, get_step_context

def on_failure(exception: BaseException):
    context = get_step_context()
    print(f"Failed step: {context.step_run.name}")
    print(f"Parameters: {context.step_run.config.parameters}")
    print(f"Exception: {type(exception).__name__}: {str(exception)}")

    # Access pipeline information
    print(f"Pipeline: {context.pipeline_run.name}")

@step(on_failure=on_failure)
def my_step(some_parameter: int = 1):
    raise ValueError("My exception")
"""
ALERTER = """
from zenml import get_step_context
from zenml.client import Client

def on_failure():
    step_name = get_step_context().step_run.name
    Client().active_stack.alerter.post(f"{step_name} just failed!")
"""
BUILT_IN = """
from zenml.hooks import alerter_success_hook, alerter_failure_hook

@step(on_failure=alerter_failure_hook, on_success=alerter_success_hook)
def my_step():
    ...
"""
LIFECYCLE = '''
def setup_environment():
    """Run before pipeline starts."""
    print("Setting up environment...")
    return {"start_time": datetime.now()}

def cleanup():
    """Always runs at the end, even if pipeline fails."""
    close_connections()
    release_resources()

def on_success():
    """Called when pipeline completes successfully."""
    send_notification("Pipeline succeeded!")

def on_failure(exception: BaseException):
    """Called when pipeline fails."""
    log_error(exception)
    alert_team(f"Pipeline failed: {exception}")

@pipeline(on_init=setup_environment, on_cleanup=cleanup, on_success=on_success, on_failure=on_failure)
def robust_pipeline():
    risky_step()
'''
COMPONENTS = """
@step(experiment_tracker="mlflow_tracker", step_operator="vertex_ai")
def train_model():
    # This step will use MLflow for tracking and run on Vertex AI
    ...
"""
FLOW = """
@pipeline
def flow():
    my_step()
"""


def test_success_and_failure_hooks(lab):
    result = run_snippets(lab, STEP_HOOKS, PIPELINE_HOOKS, FLOW, "my_pipeline()\nflow()")

    assert "Step my_step completed successfully with output: 42" in result.out


def test_the_context_in_a_hook(lab):
    result = run_snippets(lab, CONTEXT, FLOW, "flow.with_options(run_name='tonight')()", expect=1)

    for line in (
        "Failed step: my_step",
        "Parameters: {'some_parameter': 1}",
        "Exception: ValueError: My exception",
        "Pipeline: tonight",
    ):
        assert line in result.out


def test_an_alerter_that_is_not_there_fails_the_hook_alone(lab):
    run_snippets(lab, ALERTER, "@step(on_success=on_failure)\ndef my_step(): ...", FLOW, "flow()")

    (run,) = lab.client().list_pipeline_runs().items
    assert str(run.status) == "completed"
    assert [row.status for row in run.hook_runs] == ["failed"]


def test_the_alerter_hooks(lab):
    run_snippets(lab, BUILT_IN, FLOW, "flow()")

    (run,) = lab.client().list_pipeline_runs().items
    assert [row.status for row in run.hook_runs] == ["completed"]


def test_the_hooks_of_a_pipeline(lab):
    around = """
        from datetime import datetime

        close_connections = lambda: mark("close")
        release_resources = lambda: mark("release")
        send_notification = lambda text: mark("sent", text=text)
        log_error = lambda error: mark("logged")
        alert_team = lambda text: mark("alerted", text=text)

        @step
        def risky_step():
            if os.environ.get("RISK"):
                raise ValueError("lost")
    """
    good = run_snippets(lab, around, LIFECYCLE, "robust_pipeline()")
    bad = run_snippets(
        lab,
        around,
        LIFECYCLE,
        "robust_pipeline.with_options(enable_cache=False)()",
        env={"RISK": "1"},
        expect=1,
    )

    assert [mark["mark"] for mark in good.marks] == ["sent", "close", "release"]
    assert [mark["mark"] for mark in bad.marks] == ["logged", "alerted", "close", "release"]
    assert bad.of("alerted")[0]["text"] == "Pipeline failed: lost"
    assert "Setting up environment..." in good.out


def test_components_that_are_not_registered(lab):
    result = run_snippets(lab, COMPONENTS, "@pipeline\ndef flow():\n    train_model()", "flow()", expect=1)

    assert (
        "Step `train_model` names the experiment tracker `mlflow_tracker`, which is not registered"
        in result.err
    )
    assert lab.client().list_pipeline_runs().items == []
