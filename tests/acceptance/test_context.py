"""`get_step_context()`: what a step can know of itself."""

import pytest

HEAD = "from zenml import get_step_context\n"


@pytest.mark.parametrize("runtime", ["inline", "isolated"])
def test_a_step_knows_its_names_configuration_and_inputs(lab, runtime):
    result = lab.run(
        HEAD
        + f"""
@step
def load() -> list:
    return [1, 2]

@step(runtime="{runtime}", extra={{"note": "x"}})
def train(data: list, both: list, rate: float = 0.5) -> int:
    context = get_step_context()
    fact(
        pipeline=context.pipeline.name,
        run=context.pipeline_run.name,
        run_id=context.pipeline_run.id,
        step=[context.step_name, context.step_run.name],
        step_id=context.step_run.id,
        parameters=context.step_run.config.parameters,
        extra=context.step_run.config.extra,
        attempt=context.attempt,
        model=context.model,
        inputs={{name: repr(item) for name, item in context.inputs.items()}},
        loaded=context.inputs["data"].load(),
        unknown=str(outcome(lambda: context.inputs["date"])),
    )
    return 1

@pipeline
def flow():
    data = load()
    train(data, [data, data], id="fit")

run = flow.with_options(run_name="tonight")()
fact(ids=[run.id, run.steps["fit"].id])
"""
    )

    facts = result.facts
    assert (facts["pipeline"], facts["run"]) == ("flow", "tonight")
    assert [facts["run_id"], facts["step_id"]] == facts["ids"]
    assert facts["step"] == ["fit", "fit"]
    assert (facts["parameters"], facts["extra"]) == ({"rate": 0.5}, {"note": "x"})
    assert (facts["attempt"], facts["model"], facts["loaded"]) == (1, None, [1, 2])
    one = "<input artifact `flow::load::output`, list>"
    assert facts["inputs"] == {"data": one, "both": f"[{one}, {one}]"}
    assert "`data`" in facts["unknown"]


@pytest.mark.parametrize("runtime", ["inline", "isolated"])
def test_what_a_step_says_of_its_outputs_is_recorded_with_them(lab, runtime):
    result = lab.run(
        HEAD
        + f"""
from typing import Annotated

@step(runtime="{runtime}")
def split() -> tuple[Annotated[bytes, "large"], Annotated[int, "small"]]:
    context = get_step_context()
    context.add_output_metadata({{"rows": 1}}, output_name="large")
    context.add_output_metadata({{"rows": 2}}, output_name="large")
    context.add_output_tags(["raw"], "small")
    fact(uri=context.get_output_artifact_uri("large"),
         errors=[str(outcome(lambda: context.add_output_metadata({{}}, name))) for name in (None, "lrge")])
    return b"x" * 100_000, 2

@pipeline
def flow():
    split()

outputs = flow().steps["split"].outputs
fact(found=[outputs["large"].run_metadata["rows"], outputs["small"].tags], real=outputs["large"].uri)
"""
    )

    assert result.facts["found"] == [2, ["raw"]]
    assert result.facts["uri"] == result.facts["real"]
    assert "has 2 outputs" in result.facts["errors"][0]
    assert "no output `lrge`" in result.facts["errors"][1]


def test_outside_a_step_there_is_no_context(lab):
    result = lab.run(
        HEAD
        + """
@step
def work():
    import threading
    thread = threading.Thread(target=lambda: fact(thread=type(outcome(get_step_context)).__name__))
    thread.start()
    thread.join()

@pipeline
def flow():
    fact(traced=type(outcome(get_step_context)).__name__)
    work()

flow()
error = outcome(get_step_context)
fact(outside=type(error).__name__, is_runtime_error=isinstance(error, RuntimeError), text=str(error))
"""
    )

    assert {result.facts[place] for place in ("thread", "traced", "outside")} == {"ContextError"}
    assert result.facts["is_runtime_error"]
    assert "inside a step" in result.facts["text"]


def test_an_asynchronous_step_has_its_context(lab):
    result = lab.run(
        HEAD
        + """
@step
async def work() -> str:
    import asyncio
    await asyncio.sleep(0)
    return get_step_context().step_name

@pipeline
def flow():
    work()

fact(name=value(flow(), "work"))
"""
    )

    assert result.facts["name"] == "work"


def test_parallel_steps_have_contexts_of_their_own(lab):
    result = lab.run(
        HEAD
        + """
@step
def meet(x: int) -> str:
    mark("here")
    wait_for_mark("here", 3)
    return get_step_context().step_name

@pipeline
def flow():
    for x in range(3):
        meet(x, id=f"meet_{x}")

run = flow()
fact(right=[value(run, name) == name for name in run.steps])
"""
    )

    assert result.facts["right"] == [True] * 3
