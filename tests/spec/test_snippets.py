"""The snippets of the specification run as they are printed; what they leave undefined is added around them."""

import pytest
from printed import run_snippets

# -- Steps & Pipelines: creating steps

LOAD_DATA = """
from zenml import step

@step
def load_data() -> dict:
    training_data = [[1, 2], [3, 4], [5, 6]]
    labels = [0, 1, 0]
    return {'features': training_data, 'labels': labels}
"""
TRAIN_MODEL = """
@step
def train_model(data: dict) -> None:
    total_features = sum(map(sum, data['features']))
    total_labels = sum(data['labels'])
    print(f"Trained model using {len(data['features'])} data points. "
          f"Feature sum is {total_features}, label sum is {total_labels}")
"""
SIMPLE_PIPELINE = """
from zenml import pipeline

@pipeline
def simple_ml_pipeline():
    dataset = load_data()
    train_model(dataset)
"""
RUN_SIMPLE_PIPELINE = """
simple_ml_pipeline()
"""


def test_creating_and_running_a_pipeline(lab):
    result = run_snippets(lab, LOAD_DATA, TRAIN_MODEL, SIMPLE_PIPELINE, RUN_SIMPLE_PIPELINE)

    assert "Trained model using 3 data points. Feature sum is 21, label sum is 1" in result.out
    (run,) = lab.client().list_pipeline_runs().items
    assert run.pipeline.name == "simple_ml_pipeline"
    assert {name: str(step.status) for name, step in run.steps.items()} == {
        "load_data": "completed",
        "train_model": "completed",
    }


TYPE_ANNOTATIONS = """
from typing import Tuple

@step
def square_root(number: int) -> float:
    return number ** 0.5

@step
def divide(a: int, b: int) -> Tuple[int, int]:
    return a // b, a % b
"""


def test_type_annotations(lab):
    result = run_snippets(
        lab,
        TYPE_ANNOTATIONS,
        """
        @pipeline
        def flow():
            square_root(number=9)
            divide(a=7, b=2)

        run = flow()
        fact(root=value(run, "square_root"))
        fact(outputs={name: one.load() for name, one in run.steps["divide"].outputs.items()})
        """,
    )

    assert result.facts == {"root": 3.0, "outputs": {"output_0": 3, "output_1": 1}}


def test_types_of_inputs_are_checked(lab):
    result = run_snippets(
        lab,
        TYPE_ANNOTATIONS,
        """
        @pipeline
        def flow():
            square_root(number="nine")

        fact(is_type_error=isinstance(outcome(flow), TypeError))
        """,
    )

    assert result.facts == {"is_type_error": True}


def test_annotations_can_be_enforced(lab):
    result = run_snippets(
        lab,
        TYPE_ANNOTATIONS,
        """
        def some_step(number):
            return number

        fact(refused=outcome(lambda: step(some_step)) is not None)
        """,
        env={"ZENML_ENFORCE_TYPE_ANNOTATIONS": "True"},
    )

    assert result.facts == {"refused": True}


CUSTOM_OUTPUT_NAMES = """
from typing_extensions import Annotated  # or `from typing import Annotated` on Python 3.9+
from typing import Tuple

@step
def divide(a: int, b: int) -> Tuple[
    Annotated[int, "quotient"],
    Annotated[int, "remainder"]
]:
    return a // b, a % b
"""


def test_custom_output_names(lab):
    result = run_snippets(
        lab,
        CUSTOM_OUTPUT_NAMES,
        """
        @pipeline
        def flow():
            divide(7, 2)

        fact(outputs={name: one.load() for name, one in flow().steps["divide"].outputs.items()})
        """,
    )

    assert result.facts["outputs"] == {"quotient": 3, "remainder": 1}


def test_the_default_output_name(lab):
    result = run_snippets(
        lab,
        LOAD_DATA,
        TRAIN_MODEL,
        SIMPLE_PIPELINE,
        "fact(names=list(simple_ml_pipeline().steps['load_data'].outputs))",
    )

    assert result.facts == {"names": ["output"]}


MULTIPLE_RETURN_VALUES = """
from typing import Tuple
from sklearn.base import ClassifierMixin
from typing_extensions import Annotated

@step
def train_classifier(X_train, y_train) -> Tuple[
    Annotated[ClassifierMixin, "model"],
    Annotated[float, "accuracy"]
]:
    model = SVC(gamma=0.001)
    model.fit(X_train, y_train)
    accuracy = model.score(X_train, y_train)
    return model, accuracy
"""
TRAINING_DATA = """
import numpy as np
from sklearn.svm import SVC

X_train, y_train = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 1])
"""
RUN_A_STEP = """
model, accuracy = train_classifier(X_train=X_train, y_train=y_train)
"""
CALL_THE_FUNCTION = """
model, accuracy = train_classifier.entrypoint(X_train=X_train, y_train=y_train)
"""
REPORT = "fact(model=type(model).__name__, accuracy=accuracy)\n"


def test_running_an_individual_step(lab):
    result = run_snippets(lab, TRAINING_DATA, MULTIPLE_RETURN_VALUES, RUN_A_STEP, REPORT)

    assert result.facts == {"model": "SVC", "accuracy": 1.0}
    assert lab.client().list_pipelines().total == 0
    assert lab.client().list_pipeline_runs().total == 1


def test_bypassing_the_store(lab):
    result = run_snippets(lab, TRAINING_DATA, MULTIPLE_RETURN_VALUES, CALL_THE_FUNCTION, REPORT)

    assert result.facts == {"model": "SVC", "accuracy": 1.0}
    assert not lab.store.exists()


def test_bypassing_the_store_by_default(lab):
    result = run_snippets(
        lab,
        TRAINING_DATA,
        MULTIPLE_RETURN_VALUES,
        RUN_A_STEP,
        REPORT,
        env={"ZENML_RUN_SINGLE_STEPS_WITHOUT_STACK": "True"},
    )

    assert result.facts == {"model": "SVC", "accuracy": 1.0}
    assert not lab.store.exists()


def test_tuple_literals_are_several_outputs_and_other_tuples_are_one(lab):
    result = run_snippets(
        lab,
        """
        from typing import Tuple

        @step
        def literal() -> Tuple[int, int]:
            return 1, 2

        @step
        def parenthesised() -> Tuple[int, int]:
            return (1, 2)

        @step
        def variable() -> Tuple[int, int]:
            result = (1, 2)
            return result

        @pipeline
        def flow():
            literal()
            parenthesised()
            variable()

        fact(**{name: len(step.outputs) for name, step in flow().steps.items()})
        """,
    )

    assert result.facts == {"literal": 2, "parenthesised": 2, "variable": 1}


TUPLES = """
from zenml import step
from typing_extensions import Annotated
from typing import Tuple

# Single output artifact
@step
def my_step() -> Tuple[int, int]:
    output_value = (0, 1)
    return output_value

# Multiple output artifacts
@step
def my_step() -> Tuple[int, int]:
    return 0, 1  # or return (0, 1)
"""


@pytest.mark.parametrize(("kept", "outputs"), [("# Multiple output artifacts", 1), ("", 2)])
def test_tuples_as_one_output_or_as_several(lab, kept, outputs):
    """The snippet declares `my_step` twice: as a whole the second one counts, cut before it the first one."""
    snippet = TUPLES.partition(kept)[0] if kept else TUPLES

    result = run_snippets(
        lab,
        snippet,
        """
        @pipeline
        def flow():
            my_step()

        fact(outputs=len(flow().steps["my_step"].outputs))
        """,
    )

    assert result.facts["outputs"] == outputs


# -- Steps & Pipelines: parameters

PARAMETERS = """
@step
def my_step(input_1: int, input_2: int) -> None:
    pass

@pipeline
def my_pipeline(environment: str):
    my_step(input_1=42, input_2=43)
"""
PARAMETER_OR_ARTIFACT = """
@pipeline
def my_pipeline():
    int_artifact = some_other_step()
    # input_1 is an artifact, input_2 is a parameter
    my_step(input_1=int_artifact, input_2=42)
"""


def test_parameters(lab):
    result = run_snippets(
        lab,
        PARAMETERS,
        """
        run = my_pipeline(environment="test")
        fact(pipeline=run.config.parameters, step=run.steps["my_step"].config.parameters)
        """,
    )

    assert result.facts == {"pipeline": {"environment": "test"}, "step": {"input_1": 42, "input_2": 43}}


def test_parameters_and_artifacts(lab):
    result = run_snippets(
        lab,
        PARAMETERS,
        "@step\ndef some_other_step() -> int:\n    return 7\n",
        PARAMETER_OR_ARTIFACT,
        """
        step_run = my_pipeline().steps["my_step"]
        fact(parameters=step_run.config.parameters, artifact=step_run.inputs["input_1"].load())
        """,
    )

    assert result.facts == {"parameters": {"input_2": 42}, "artifact": 7}


# -- Steps & Pipelines: caching

NOT_CACHED_STEP = """
@step(enable_cache=False)
def non_cached_step():
    pass
"""
NOT_CACHED_PIPELINE = """
@pipeline(enable_cache=False)
def my_pipeline():
    ...
"""
CONFIGURE_CACHE = """
my_step.configure(enable_cache=False)
my_pipeline.configure(enable_cache=False)
"""
MARKED_STEP = """
@step
def my_step():
    mark("ran")

@pipeline
def my_pipeline():
    my_step()
"""


def test_a_step_without_cache(lab):
    result = run_snippets(
        lab,
        NOT_CACHED_STEP,
        """
        @pipeline
        def flow():
            non_cached_step()

        fact(statuses=[statuses(flow()), statuses(flow())])
        """,
    )

    assert result.facts["statuses"] == [{"non_cached_step": "completed"}] * 2


def test_a_pipeline_without_cache(lab):
    result = run_snippets(lab, NOT_CACHED_PIPELINE, "fact(status=str(my_pipeline().status))")

    assert result.facts == {"status": "completed"}


def test_steps_are_cached_until_that_is_configured_otherwise(lab):
    result = run_snippets(
        lab,
        MARKED_STEP,
        "my_pipeline()\nmy_pipeline()\nfact(cached=len(marks('ran')))\n",
        CONFIGURE_CACHE,
        "my_pipeline()\nfact(configured=len(marks('ran')))\n",
    )

    assert result.facts == {"cached": 1, "configured": 2}


# -- Steps & Pipelines: order, composition, fan-in, names

EXECUTION_ORDER = """
@pipeline
def my_pipeline():
    step_a_output = step_a()
    step_b_output = step_b()
    
    # step_c will only run after both step_a and step_b complete, even if
    # it doesn't use their outputs directly
    step_c(after=[step_a_output, step_b_output])
    
    # You can also specify dependencies using the step invocation ID
    step_d(after="step_c")
"""  # noqa: W293  printed like this


def test_execution_order(lab):
    steps = "".join(
        f'@step\ndef step_{name}() -> str:\n    mark("{name}")\n    return "{name}"\n' for name in "abcd"
    )

    result = run_snippets(lab, steps, EXECUTION_ORDER, "my_pipeline()")

    order = [mark["mark"] for mark in result.marks]
    assert sorted(order[:2]) == ["a", "b"]
    assert order[2:] == ["c", "d"]


COMPOSITION = """
@pipeline
def data_pipeline(mode: str):
    if mode == "train":
        data = training_data_loader_step()
    else:
        data = test_data_loader_step()
    
    processed_data = preprocessing_step(data)
    return processed_data

@pipeline
def training_pipeline():
    # Use another pipeline inside this pipeline
    training_data = data_pipeline(mode="train")
    model = train_model(data=training_data)
    test_data = data_pipeline(mode="test")
    evaluate_model(model=model, data=test_data)
"""  # noqa: W293  printed like this


def test_composition(lab):
    result = run_snippets(
        lab,
        """
        @step
        def training_data_loader_step() -> list:
            return [1, 2, 3]

        @step
        def test_data_loader_step() -> list:
            return [10]

        @step
        def preprocessing_step(data: list) -> list:
            return [2 * x for x in data]

        @step
        def train_model(data: list) -> int:
            return sum(data)

        @step
        def evaluate_model(model: int, data: list) -> str:
            return f"{model} on {data}"
        """,
        COMPOSITION,
        """
        run = training_pipeline()
        fact(found=value(run, "evaluate_model"), steps=sorted(run.steps))
        """,
    )

    assert result.facts["found"] == "12 on [20]"
    assert result.facts["steps"] == [
        "evaluate_model",
        "preprocessing_step",
        "preprocessing_step_2",
        "test_data_loader_step",
        "train_model",
        "training_data_loader_step",
    ]
    assert lab.client().list_pipeline_runs().total == 1


FAN = """
@pipeline
def fan_pipeline():
    # Fan-out: Process data chunks in parallel
    results = []
    for i in range(5):
        results.append(process_chunk(i))
    
    # Fan-in: Combine all results
    final_result = combine_results(results)
"""  # noqa: W293  printed like this


def test_fan_out_and_fan_in(lab):
    result = run_snippets(
        lab,
        """
        @step
        def process_chunk(i: int) -> int:
            mark("chunk")
            wait_for_mark("chunk", 5)
            return i * i

        @step
        def combine_results(results: list[int]) -> int:
            return sum(results)
        """,
        FAN,
        'run = fan_pipeline()\nfact(total=value(run, "combine_results"), steps=len(run.steps))\n',
    )

    assert result.facts == {"total": 30, "steps": 6}


CUSTOM_IDS = """
@pipeline
def my_pipeline():
    # Custom invocation ID "first_step"
    first_output = my_step(step_name="first_step")
    # Custom invocation ID "second_step"
    second_output = my_step(step_name="second_step")
"""


def test_custom_invocation_ids(lab):
    result = run_snippets(
        lab,
        "@step\ndef my_step() -> int:\n    return 1\n",
        CUSTOM_IDS,
        "fact(steps=list(my_pipeline().steps))",
    )

    assert result.facts == {"steps": ["first_step", "second_step"]}


NAMED_RUN = """
from datetime import datetime

run_name = f"training_run_{datetime.now().strftime('%Y%m%d_%H%M%S')}"
my_pipeline.with_options(run_name=run_name)()
"""


def test_named_runs(lab):
    result = run_snippets(lab, MARKED_STEP, NAMED_RUN, "fact(name=run_name)")

    (run,) = lab.client().list_pipeline_runs().items
    assert run.name == result.facts["name"]


# -- Pipelines

SIMPLE = '''
from zenml import pipeline
from typing import Annotated

@pipeline
def simple_pipeline(name: str = "World") -> Annotated[str, "greeting"]:
    """A simple pipeline that demonstrates ZenML basics.
    
    Args:
        name: Name to include in greeting
        
    Returns:
        A greeting message as an artifact
    """
    greeting = simple_step(name=name)
    return greeting
'''  # noqa: W293  printed like this
RUN_SIMPLE = """
if __name__ == "__main__":
    simple_pipeline(name="Alice")
"""


def test_a_simple_pipeline(lab):
    run_snippets(
        lab,
        "@step\ndef simple_step(name: str) -> str:\n    return f'Hello, {name}!'\n",
        SIMPLE,
        RUN_SIMPLE,
    )

    client = lab.client()
    (run,) = client.list_pipeline_runs().items
    assert run.config.parameters == {"name": "Alice"}
    assert [(output.name, output.load()) for output in run.outputs] == [("greeting", "Hello, Alice!")]
    assert client.get_artifact_version("greeting").load() == "Hello, Alice!"


PIPELINE_OPTIONS = """
@pipeline(
    name="my_pipeline",                    # Override default name
    enable_cache=True,                     # Enable step caching
    enable_artifact_metadata=True,         # Track artifact metadata
    enable_step_logs=True,                 # Capture step logs
    tags=["production", "v1.0"],          # Add tags for filtering
)
def training_pipeline():
    data = load_data()
    model = train_model(data)
    evaluate_model(model)
"""
CHAIN = """
@step
def load_data() -> list:
    return [1, 2]

@step
def train_model(data: list) -> int:
    return sum(data)

@step
def evaluate_model(model: int) -> int:
    return model * 2
"""


def test_options_of_a_pipeline(lab):
    """The options that concern other parts of the product (settings, model, hooks) are left out here."""
    run_snippets(lab, CHAIN, PIPELINE_OPTIONS, "training_pipeline()")

    (run,) = lab.client().list_pipeline_runs(tag="v1.0").items
    assert run.pipeline.name == "my_pipeline"
    assert run.tags == ["production", "v1.0"]
    assert run.steps["evaluate_model"].output.load() == 6


DAG = """
@pipeline
def ml_pipeline():
    # ZenML automatically determines execution order
    raw_data = load_data()           # Runs first
    clean_data = preprocess(raw_data)  # Runs second (depends on load_data)
    model = train(clean_data)        # Runs third (depends on preprocess)
    metrics = evaluate(model)        # Runs fourth (depends on train)
"""


def test_the_order_follows_the_data(lab):
    result = run_snippets(
        lab,
        """
        @step
        def load_data() -> list:
            mark("load_data")
            return [1]

        @step
        def preprocess(data: list) -> list:
            mark("preprocess")
            return data

        @step
        def train(data: list) -> int:
            mark("train")
            return 1

        @step
        def evaluate(model: int) -> float:
            mark("evaluate")
            return 0.5
        """,
        DAG,
        "ml_pipeline()",
    )

    assert [mark["mark"] for mark in result.marks] == ["load_data", "preprocess", "train", "evaluate"]


PARALLEL = """
@pipeline
def parallel_pipeline():
    data = load_data()
    
    # These three steps run in parallel (no dependencies between them)
    train_result = train_model_a(data)
    test_result = train_model_b(data)
    baseline = train_model_c(data)
    
    # This step waits for all three to complete
    best = compare_models(train_result, test_result, baseline)
"""  # noqa: W293  printed like this


def test_steps_without_dependencies_run_in_parallel(lab):
    models = "".join(
        f"""
@step
def train_model_{name}(data: list) -> str:
    mark("train")
    wait_for_mark("train", 3)
    return "{name}"
"""
        for name in "abc"
    )

    result = run_snippets(
        lab,
        CHAIN,
        models,
        "@step\ndef compare_models(a: str, b: str, c: str) -> str:\n    return max(a, b, c)\n",
        PARALLEL,
        'fact(best=value(parallel_pipeline(), "compare_models"))',
    )

    assert result.facts == {"best": "c"}


CACHED_PIPELINE = """
@pipeline(enable_cache=True)  # Default is True
def cached_pipeline():
    data = expensive_data_loading()  # Cached after first run
    model = train_model(data)        # Only reruns if data changes
"""


def test_a_cached_pipeline(lab):
    result = run_snippets(
        lab,
        CHAIN,
        "@step\ndef expensive_data_loading() -> list:\n    mark('load')\n    return [1]\n",
        CACHED_PIPELINE,
        "cached_pipeline()\nfact(statuses=statuses(cached_pipeline()))\n",
    )

    assert result.facts["statuses"] == {"expensive_data_loading": "cached", "train_model": "cached"}
    assert result.count("load") == 1


CACHE_POLICY = """
from zenml.config import CachePolicy

@pipeline(
    cache_policy=CachePolicy(
        max_age_days=7,  # Invalidate cache after 7 days
        ignore_fields=["timestamp"]  # Ignore these fields for cache key
    )
)
def time_sensitive_pipeline():
    process_data(timestamp=datetime.now())
"""


def test_a_cache_policy(lab):
    result = run_snippets(
        lab,
        """
        from datetime import datetime

        @step
        def process_data(timestamp: datetime) -> None:
            mark("ran")
        """,
        CACHE_POLICY,
        "time_sensitive_pipeline()\nfact(statuses=statuses(time_sensitive_pipeline()))\n",
    )

    assert result.facts["statuses"] == {"process_data": "cached"}
    assert result.count("ran") == 1


# -- Advanced features: configuration, scheduling

PIPELINE_CONFIGURE = """
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


def test_a_pipeline_class_is_configured_and_run(lab):
    run_snippets(
        lab,
        """
        @step
        def work() -> int:
            return 1

        @pipeline
        class MyPipeline:
            def connect(self):
                work()
        """,
        PIPELINE_CONFIGURE,
    )

    (run,) = lab.client().list_pipeline_runs().items
    assert (run.pipeline.name, run.config.enable_cache) == ("MyPipeline", False)
    assert run.config.settings == {"docker": {"parent_image": "zenml-io/zenml-cuda:latest"}}


RUNTIME_CONFIGURATION = """
# Configure specific step parameters
my_pipeline.with_options(steps={"trainer": {"parameters": {"learning_rate": 0.01}}})()

# Or using a YAML configuration file
my_pipeline.with_options(config_file="path_to_yaml_file")()
"""


def test_runtime_configuration(lab):
    (lab.folder / "path_to_yaml_file").write_text("steps: {trainer: {parameters: {learning_rate: 0.5}}}\n")
    run_snippets(
        lab,
        """
        @step
        def trainer(learning_rate: float = 0.1) -> float:
            return learning_rate

        @pipeline
        def my_pipeline():
            trainer()
        """,
        RUNTIME_CONFIGURATION,
    )

    runs = lab.client().list_pipeline_runs().items
    assert [run.steps["trainer"].output.load() for run in runs] == [0.5, 0.01]


SCHEDULED_EXECUTION = """
from zenml.config import Schedule

schedule = Schedule(cron_expression="0 2 * * *")  # Daily at 2 AM

simple_pipeline.run(schedule=schedule)
"""
MANAGING_SCHEDULES = """
# Example of updating a schedule
from zenml.client import Client

# Find the existing schedule
client = Client()
schedules = client.list_pipeline_schedules()
"""


def test_scheduled_execution(lab):
    result = run_snippets(
        lab,
        """
        @step
        def simple_step(name: str) -> str:
            mark("ran")
            return name

        @pipeline
        def simple_pipeline(name: str = "World"):
            simple_step(name=name)
        """,
        SCHEDULED_EXECUTION,
        MANAGING_SCHEDULES,
        "fact(crons=[one.cron_expression for one in schedules])",
    )

    assert result.facts == {"crons": ["0 2 * * *"]}
    assert result.count("ran") == 0
