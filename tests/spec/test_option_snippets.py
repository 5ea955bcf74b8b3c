"""The snippets on options, hooks, retries, configuration and schedules run as they are printed.

What they leave undefined is added around them. Cloud components that a snippet names are not there:
their snippets are declared as printed, and what running them says is tested beside.
"""

# ruff: noqa: W293  as printed

import os

import pytest
from printed import run_snippets

# -- Execution control

ASYNCHRONOUS = """
from zenml import pipeline

@pipeline(settings={"orchestrator": {"synchronous": False}})
def my_pipeline():
    ...
"""
ASYNCHRONOUS_YAML = """
settings:
  orchestrator.<STACK_NAME>:
    synchronous: false
"""
WAITING_STEP = """
@step
def slow():
    wait_until(lambda: os.path.exists("go"))
"""


def test_an_asynchronous_pipeline(lab):
    calls_a_step = ASYNCHRONOUS.replace("    ...\n", "    slow()\n")

    result = run_snippets(
        lab,
        WAITING_STEP,
        calls_a_step,
        'run = my_pipeline()\nfact(status=str(run.status))\nopen("go", "w").close()',
    )

    assert result.facts["status"] == "running"
    (run,) = lab.client().list_pipeline_runs().items
    assert str(run.wait(30).status) == "completed"


def test_an_asynchronous_pipeline_by_file(lab):
    lab.write("config.yaml", ASYNCHRONOUS_YAML.replace("<STACK_NAME>", "default"))

    result = run_snippets(
        lab,
        WAITING_STEP,
        """
        @pipeline
        def my_pipeline():
            slow()

        run = my_pipeline.with_options(config_path="config.yaml")()
        fact(status=str(run.status))
        open("go", "w").close()
        """,
    )

    assert result.facts["status"] == "running"
    (run,) = lab.client().list_pipeline_runs().items
    assert str(run.wait(30).status) == "completed"


# -- Scheduling

SCHEDULE = """
from zenml.config.schedule import Schedule
from zenml import pipeline
from datetime import datetime

@pipeline()
def my_pipeline(...):
    ...

# Use cron expressions
schedule = Schedule(cron_expression="5 14 * * 3")  # Runs at 2:05 PM every Wednesday

# Or use human-readable time intervals
schedule = Schedule(start_time=datetime.now(), interval_second=1800)  # Runs every 30 minutes

# Apply the schedule when running the pipeline
my_pipeline = my_pipeline.with_options(schedule=schedule)
my_pipeline()
"""
MANAGE_SCHEDULES = """
# Example of updating a schedule
from zenml.client import Client

# Find the existing schedule
client = Client()
schedules = client.list_pipeline_schedules()

# Delete the existing schedule
# Note: You also need to delete the schedule on the orchestrator side
client.delete_schedule(schedule_id="your-schedule-id")

# Create and run with a new schedule
new_schedule = Schedule(cron_expression="0 9 * * *")  # Daily at 9 AM
my_pipeline.with_options(schedule=new_schedule)()
"""
NOTING_STEP = """
@step
def note():
    mark("ran")
"""


def schedule_snippet():
    """The snippet has `(...)` for parameters, which is no Python, and an empty body."""
    return SCHEDULE.replace("my_pipeline(...):\n    ...", "my_pipeline():\n    note()")


def test_setting_up_a_schedule(lab):
    result = run_snippets(lab, NOTING_STEP, schedule_snippet())

    assert result.count("ran") == 0
    (schedule,) = lab.client().list_pipeline_schedules()
    assert schedule.interval_second.total_seconds() == 1800


def test_updating_a_schedule(lab):
    managing = MANAGE_SCHEDULES.replace('"your-schedule-id"', "list(schedules)[0].id")

    run_snippets(lab, NOTING_STEP, schedule_snippet(), managing)

    (schedule,) = lab.client().list_pipeline_schedules()
    assert schedule.cron_expression == "0 9 * * *"


SCHEDULED_RUN = """
from zenml.config import Schedule

schedule = Schedule(cron_expression="0 2 * * *")  # Daily at 2 AM

simple_pipeline.run(schedule=schedule)
"""


def test_running_with_a_schedule(lab):
    result = run_snippets(lab, NOTING_STEP, "@pipeline\ndef simple_pipeline():\n    note()\n", SCHEDULED_RUN)

    assert result.count("ran") == 0
    (schedule,) = lab.client().list_pipeline_schedules()
    assert schedule.cron_expression == "0 2 * * *"


# -- Retries

RETRY = """
from zenml.config.retry_config import StepRetryConfig

@step(
    retry=StepRetryConfig(
        max_retries=3,  # Maximum number of retry attempts
        delay=10,       # Initial delay in seconds before first retry
        backoff=2       # Factor by which delay increases after each retry
    )
)
def unreliable_step():
    # This step might fail due to transient issues
    ...
"""


def test_retries(lab):
    """As printed, but in tenths of a second: the waits themselves are tested with a virtual clock."""
    quick = RETRY.replace("delay=10,", "delay=0.1,").replace(
        "    ...\n", '    mark("try")\n    if len(marks("try")) < 4:\n        raise ConnectionError("down")\n'
    )

    result = run_snippets(
        lab, quick, "@pipeline\ndef flow():\n    unreliable_step()\n\nfact(statuses=statuses(flow()))"
    )

    assert result.count("try") == 4
    assert result.facts["statuses"] == {"unreliable_step": "completed"}


def test_the_retries_of_the_document_are_what_is_recorded(lab):
    result = run_snippets(
        lab,
        RETRY,
        """
        @pipeline
        def flow():
            unreliable_step()

        retry = flow().steps["unreliable_step"].config.retry
        fact(retry=[retry.max_retries, retry.delay, retry.backoff])
        """,
    )

    assert result.facts["retry"] == [3, 10, 2]


# -- Hooks

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


def test_hooks_of_a_step(lab):
    result = run_snippets(lab, STEP_HOOKS, "@pipeline\ndef flow():\n    my_step()\n\nflow()")

    assert "Step my_step completed successfully with output: 42" in result.out


def test_hooks_of_a_pipeline(lab):
    hooks = STEP_HOOKS.partition("@step")[0]
    calls = PIPELINE_HOOKS.replace("    ...\n", "    good()\n    bad()\n")

    result = run_snippets(
        lab,
        hooks,
        """
        @step
        def good() -> int:
            return 1

        @step
        def bad() -> int:
            raise ValueError("no")
        """,
        calls,
        "try:\n    my_pipeline()\nexcept ValueError:\n    pass",
    )

    assert "Step good completed successfully with output: 1" in result.out
    assert "Step failed with error: no" in result.out


CONTEXT_IN_HOOKS = """
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


@pytest.mark.parametrize("runtime", ["inline", "isolated"])
def test_the_context_in_hooks(lab, runtime):
    result = run_snippets(
        lab,
        CONTEXT_IN_HOOKS,
        f"""
        @pipeline
        def flow():
            my_step.with_options(runtime={runtime!r})()

        try:
            flow.with_options(run_name="today")()
        except ValueError:
            pass
        """,
    )

    said = result.out.splitlines()
    for line in (
        "Failed step: my_step",
        "Parameters: {'some_parameter': 1}",
        "Exception: ValueError: My exception",
        "Pipeline: today",
    ):
        assert line in said


ALERTER_IN_HOOK = """
from zenml import get_step_context
from zenml.client import Client

def on_failure():
    step_name = get_step_context().step_run.name
    Client().active_stack.alerter.post(f"{step_name} just failed!")
"""
ALERTER_HOOKS = """
from zenml.hooks import alerter_success_hook, alerter_failure_hook

@step(on_failure=alerter_failure_hook, on_success=alerter_success_hook)
def my_step():
    ...
"""


def test_an_alerter_in_a_hook_that_the_stack_lacks_never_changes_the_result(lab):
    result = run_snippets(
        lab,
        ALERTER_IN_HOOK,
        """
        @step(on_failure=on_failure)
        def my_step():
            raise ValueError("My exception")

        @pipeline
        def flow():
            my_step()

        try:
            flow()
        except ValueError as error:
            fact(error=str(error))
        """,
    )

    assert result.facts["error"] == "My exception"


def test_alerter_hooks(lab):
    result = run_snippets(
        lab, ALERTER_HOOKS, "@pipeline\ndef flow():\n    my_step()\n\nfact(statuses=statuses(flow()))"
    )

    assert result.facts["statuses"] == {"my_step": "completed"}


INIT = '''
def setup_environment():
    """Run before pipeline starts."""
    print("Setting up environment...")
    return {"start_time": datetime.now()}

@pipeline(on_init=setup_environment)
def my_pipeline():
    process_data()
'''
PIPELINE_END_HOOKS = '''
def on_success():
    """Called when pipeline completes successfully."""
    send_notification("Pipeline succeeded!")

def on_failure(exception: BaseException):
    """Called when pipeline fails."""
    log_error(exception)
    alert_team(f"Pipeline failed: {exception}")

@pipeline(
    on_success=on_success,
    on_failure=on_failure
)
def robust_pipeline():
    risky_step()
'''
CLEANUP = '''
def cleanup():
    """Always runs at the end, even if pipeline fails."""
    close_connections()
    release_resources()

@pipeline(on_cleanup=cleanup)
def pipeline_with_cleanup():
    allocate_resources()
    do_work()
'''


def test_the_initialization_hook(lab):
    result = run_snippets(
        lab,
        """
        from datetime import datetime
        from zenml import get_step_context

        @step
        def process_data():
            fact(state=sorted(get_step_context().pipeline_state))
        """,
        INIT,
        "my_pipeline()",
    )

    assert "Setting up environment..." in result.out
    assert result.facts["state"] == ["start_time"]


@pytest.mark.parametrize(
    ("fails", "marks"),
    [(False, ["Pipeline succeeded!"]), (True, ["logged ValueError", "Pipeline failed: risk"])],
)
def test_success_and_failure_hooks(lab, fails, marks):
    result = run_snippets(
        lab,
        f"""
        def send_notification(text):
            mark(text)

        def log_error(error):
            mark("logged " + type(error).__name__)

        alert_team = send_notification

        @step
        def risky_step():
            if {fails}:
                raise ValueError("risk")
        """,
        PIPELINE_END_HOOKS,
        "try:\n    robust_pipeline()\nexcept ValueError:\n    pass",
    )

    assert [mark["mark"] for mark in result.marks] == marks


@pytest.mark.parametrize("fails", [False, True])
def test_the_cleanup_hook(lab, fails):
    result = run_snippets(
        lab,
        f"""
        def close_connections():
            mark("closed")

        def release_resources():
            mark("released")

        @step
        def allocate_resources():
            mark("allocated")

        @step
        def do_work():
            if {fails}:
                raise ValueError("no")
        """,
        CLEANUP,
        "try:\n    pipeline_with_cleanup()\nexcept ValueError:\n    pass",
    )

    assert [mark["mark"] for mark in result.marks] == ["allocated", "closed", "released"]


# -- Configuration

STEP_SETTINGS = """
@step(
    settings={
        # Custom materializer for handling output serialization
        "output_materializers": {
            "output": "zenml.materializers.tensorflow_materializer.TensorflowModelMaterializer"
        },
        # Step-specific experiment tracker settings
        "experiment_tracker.mlflow": {
            "experiment_name": "custom_experiment"
        }
    }
)
def train_model() -> tf.keras.Model:
    model = build_and_train_model()
    return model
"""


def test_step_settings(lab):
    """With a small stand-in for the materializer and the model: TensorFlow is not part of the tests."""
    lab.write(
        "models.py",
        """
import json, os
from zenml.materializers.base_materializer import BaseMaterializer

class Model:
    def __init__(self, layers):
        self.layers = layers

class ModelMaterializer(BaseMaterializer):
    ASSOCIATED_TYPES = (Model,)

    def save(self, data):
        with open(os.path.join(self.uri, "model.json"), "w") as file:
            json.dump(data.layers, file)

    def load(self, data_type):
        with open(os.path.join(self.uri, "model.json")) as file:
            return Model(json.load(file))
""",
    )
    snippet = STEP_SETTINGS.replace(
        "zenml.materializers.tensorflow_materializer.TensorflowModelMaterializer", "models.ModelMaterializer"
    ).replace("tf.keras.Model", "Model")

    result = run_snippets(
        lab,
        "from models import Model\n\ndef build_and_train_model():\n    return Model([3, 1])\n",
        snippet,
        """
        @pipeline
        def flow():
            train_model()

        output = flow().steps["train_model"].output
        fact(materializer=output.materializer, layers=output.load().layers)
        """,
    )

    assert result.facts == {"materializer": "models.ModelMaterializer", "layers": [3, 1]}


COMPONENTS = """
@step(experiment_tracker="mlflow_tracker", step_operator="vertex_ai")
def train_model():
    # This step will use MLflow for tracking and run on Vertex AI
    ...

@step(experiment_tracker="wandb", step_operator="kubernetes")
def evaluate_model():
    # This step will use Weights & Biases for tracking and run on Kubernetes
    ...
"""


def test_components_of_steps(lab):
    """The components are not registered: declaring is fine, running says which is missing, before anything runs."""
    result = run_snippets(
        lab,
        COMPONENTS,
        """
        @pipeline
        def flow():
            train_model()
            evaluate_model()

        try:
            flow()
        except Exception as error:
            fact(error=type(error).__name__, text=str(error))
        """,
    )

    assert result.facts["error"] == "ConfigurationError"
    assert "mlflow_tracker" in result.facts["text"]
    assert "train_model" in result.facts["text"]
    assert lab.client().list_pipeline_runs().total == 0


CONFIGURE = """
# Create a pipeline
my_pipeline = MyPipeline()

# Configure the pipeline
my_pipeline.configure(
    enable_cache=False,
    enable_artifact_metadata=True,
    settings={
        "docker": {
            "parent_image": "zenml-io/zenml-cuda:latest"
        }
    }
)

# Run the pipeline
my_pipeline()
"""


def test_configuring_a_pipeline(lab):
    result = run_snippets(
        lab,
        NOTING_STEP,
        """
        @pipeline
        class MyPipeline:
            def __call__(self):
                note()
        """,
        CONFIGURE,
        "my_pipeline()",
    )

    assert result.count("ran") == 2
    config = lab.client().list_pipeline_runs().items[0].config
    assert config.settings == {"docker": {"parent_image": "zenml-io/zenml-cuda:latest"}}


PLACEHOLDER_IN_CODE = """
from zenml import step

@step(extra={"value_from_environment": "${ENV_VAR}"})
def my_step() -> None:
    ...
"""
PLACEHOLDER_IN_YAML = """
extra:
  value_from_environment: ${ENV_VAR}
  combined_value: prefix_${ENV_VAR}_suffix
"""


def test_environment_variables_in_code(lab):
    result = run_snippets(
        lab,
        PLACEHOLDER_IN_CODE,
        """
        @pipeline
        def flow():
            my_step()

        fact(extra=flow().steps["my_step"].config.extra)
        """,
        env={"ENV_VAR": "blue"},
    )

    assert result.facts["extra"] == {"value_from_environment": "blue"}


def test_environment_variables_in_files(lab):
    lab.write("config.yaml", PLACEHOLDER_IN_YAML)

    result = run_snippets(
        lab,
        NOTING_STEP,
        """
        @pipeline
        def flow():
            note()

        fact(extra=flow.with_options(config_path="config.yaml")().config.extra)
        """,
        env={"ENV_VAR": "blue"},
    )

    assert result.facts["extra"] == {
        "value_from_environment": "blue",
        "combined_value": "prefix_blue_suffix",
    }


RUNTIME_CONFIGURATION = """
# Configure specific step parameters
my_pipeline.with_options(steps={"trainer": {"parameters": {"learning_rate": 0.01}}})()

# Or using a YAML configuration file
my_pipeline.with_options(config_file="path_to_yaml_file")()
"""


def test_configuring_a_run(lab):
    lab.write("path_to_yaml_file", "steps:\n  trainer:\n    parameters:\n      learning_rate: 0.5\n")

    result = run_snippets(
        lab,
        """
        @step
        def trainer(learning_rate: float = 0.1):
            mark(str(learning_rate))

        @pipeline
        def my_pipeline():
            trainer()
        """,
        RUNTIME_CONFIGURATION,
    )

    assert [mark["mark"] for mark in result.marks] == ["0.01", "0.5"]


RUN_CONFIGURATION = """
from zenml.config import PipelineRunConfiguration

run_config = PipelineRunConfiguration(
    enable_cache=False,
    run_name="experimental_run"
)

simple_pipeline.with_options(**run_config)(name="Bob")
"""


def test_overriding_the_configuration(lab):
    result = run_snippets(
        lab,
        """
        @step
        def greet(name: str):
            mark(name)

        @pipeline
        def simple_pipeline(name: str = "World"):
            greet(name)
        """,
        RUN_CONFIGURATION,
    )

    assert [mark["mark"] for mark in result.marks] == ["Bob"]
    (run,) = lab.client().list_pipeline_runs().items
    assert (run.name, run.config.enable_cache) == ("experimental_run", False)


# -- Environment, secrets, containers, models

ENVIRONMENT = """
@pipeline(
    environment={
        "CUDA_VISIBLE_DEVICES": "0,1",
        "OMP_NUM_THREADS": "4"
    }
)
def gpu_pipeline():
    train_on_gpu()
"""
SECRETS = """
@pipeline(
    secrets=["aws_credentials", "api_keys"]
)
def secure_pipeline():
    # Secrets are available as environment variables
    upload_to_s3()
"""
DOCKER = """
from zenml.config import DockerSettings

docker_settings = DockerSettings(
    requirements=["tensorflow==2.13.0", "pandas"],
    parent_image="tensorflow/tensorflow:latest-gpu"
)

@pipeline(settings={"docker": docker_settings})
def containerized_pipeline():
    train_in_container()
"""
MODEL = '''
from zenml import Model

@pipeline(
    model=Model(
        name="customer_churn",
        version="production",
        tags=["classification", "production"]
    )
)
def model_training_pipeline():
    """Pipeline runs are linked to the model version."""
    data = load_data()
    model = train(data)
    return model
'''


def test_environment_variables_of_a_pipeline(lab):
    result = run_snippets(
        lab,
        """
        @step
        def train_on_gpu():
            fact(devices=os.environ["CUDA_VISIBLE_DEVICES"], threads=os.environ["OMP_NUM_THREADS"])
        """,
        ENVIRONMENT,
        'gpu_pipeline()\nfact(outside=os.environ.get("CUDA_VISIBLE_DEVICES"))',
    )

    assert result.facts == {
        "devices": "0,1",
        "threads": "4",
        "outside": os.environ.get("CUDA_VISIBLE_DEVICES"),
    }


def test_secrets_of_a_pipeline(lab):
    result = run_snippets(
        lab,
        """
        from zenml.client import Client

        Client().create_secret(name="aws_credentials", values={"AWS_ACCESS_KEY_ID": "an-access-key"})
        Client().create_secret(name="api_keys", values={"API_KEY": "a-key-of-ours"})

        @step
        def upload_to_s3():
            fact(found=[os.environ["AWS_ACCESS_KEY_ID"], os.environ["API_KEY"]])
        """,
        SECRETS,
        "secure_pipeline()",
    )

    assert result.facts["found"] == ["an-access-key", "a-key-of-ours"]


def test_container_settings(lab):
    result = run_snippets(
        lab,
        '@step\ndef train_in_container():\n    mark("trained")\n',
        DOCKER,
        "containerized_pipeline()",
    )

    assert result.count("trained") == 1
    (run,) = lab.client().list_pipeline_runs().items
    docker = run.config.settings["docker"]
    assert docker["requirements"] == ["tensorflow==2.13.0", "pandas"]
    assert docker["parent_image"] == "tensorflow/tensorflow:latest-gpu"


def test_a_model(lab):
    run_snippets(
        lab,
        """
        @step
        def load_data() -> list[int]:
            return [1, 2]

        @step
        def train(data: list[int]) -> int:
            return sum(data)
        """,
        MODEL,
        "model_training_pipeline()",
    )

    (run,) = lab.client().list_pipeline_runs().items
    assert (run.model_version.model.name, run.model_version.name) == ("customer_churn", "production")
    assert sorted(tag.name for tag in run.model_version.tags) == ["classification", "production"]


PIPELINE_ARGUMENTS = """
@pipeline(
    name="my_pipeline",                    # Override default name
    enable_cache=True,                     # Enable step caching
    enable_artifact_metadata=True,         # Track artifact metadata
    enable_step_logs=True,                 # Capture step logs
    settings={"docker": docker_settings},  # Configure stack settings
    tags=["production", "v1.0"],          # Add tags for filtering
    model=Model(name="my_model"),          # Link to model registry
    on_failure=alert_on_failure,          # Failure callback
    on_success=notify_on_success,         # Success callback
)
def training_pipeline():
    data = load_data()
    model = train_model(data)
    evaluate_model(model)
"""


def test_all_arguments_of_a_pipeline(lab):
    result = run_snippets(
        lab,
        """
        from zenml import Model
        from zenml.config import DockerSettings

        docker_settings = DockerSettings(requirements=["pandas"])

        def alert_on_failure(exception: BaseException):
            mark("alert")

        def notify_on_success():
            mark("notify")

        @step
        def load_data() -> int:
            return 1

        @step
        def train_model(data: int) -> int:
            return data

        @step
        def evaluate_model(model: int):
            pass
        """,
        PIPELINE_ARGUMENTS,
        "run = training_pipeline()\nfact(tags=sorted(tag.name for tag in run.tags), model=run.model_version.name)",
    )

    assert result.count("notify") == 3
    assert result.count("alert") == 0
    assert result.facts == {"tags": ["production", "v1.0"], "model": "1"}
    (run,) = lab.client().list_pipeline_runs().items
    assert run.pipeline.name == "my_pipeline"
