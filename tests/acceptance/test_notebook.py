"""A real notebook: steps in cells, an isolated one too; an edited helper cell re-runs what depends on it."""

import pytest

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("ipykernel")

STEPS = """
from zenml import pipeline, step

@step
def load() -> list[int]:
    return [1, 2, 3]

@step
def total(numbers: list[int]) -> int:
    return sum(scale(number) for number in numbers)

@step(runtime="isolated")
def report(score: int) -> str:
    return f"score {score}"

@pipeline
def flow():
    report(total(load()))
"""
CELLS = (
    "def scale(number):\n    return 2 * number",
    STEPS,
    "run = flow()\nprint({name: step.record.status for name, step in run.steps.items()})",
    "run = flow()\nprint({name: step.record.status for name, step in run.steps.items()})",
    "def scale(number):\n    return 3 * number",
    "run = flow()\nprint({name: step.record.status for name, step in run.steps.items()}, run.steps['report'].output.load())",
    "run",
    "run.steps['total']",
    "run.steps['total'].output",
    """
@pipeline(dynamic=True)
def adaptive():
    numbers = load().load()
    futures = [report.submit(number) for number in numbers if number > 1]
    print([future.load() for future in futures])

adaptive()""",
)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """Execute the notebook in a kernel of its own; return what each cell printed and showed."""
    folder = tmp_path_factory.mktemp("notebook")
    patch = pytest.MonkeyPatch()
    patch.setenv("ZENML_CONFIG_PATH", str(folder / "store"))
    patch.setenv("IPYTHONDIR", str(folder / "ipython"))
    patch.setenv("ZENML_QUIET", "1")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    try:
        nbclient.NotebookClient(
            notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
        ).execute()
    finally:
        patch.undo()
    return [cell["outputs"] for cell in notebook["cells"]]


def printed(cell):
    return "".join(one["text"] for one in cell if one["output_type"] == "stream" and one["name"] == "stdout")


def shown(cell):
    return cell[0]["data"]["text/html"]


@pytest.mark.filterwarnings("ignore")
def test_a_second_run_is_cached(outputs):
    assert printed(outputs[2]).count("completed") == 3
    assert printed(outputs[3]).count("cached") == 3


@pytest.mark.filterwarnings("ignore")
def test_an_edited_helper_cell_runs_what_depends_on_it(outputs):
    assert printed(outputs[5]) == "{'load': 'cached', 'total': 'completed', 'report': 'completed'} score 18\n"


@pytest.mark.filterwarnings("ignore")
def test_views_are_shown_as_html(outputs):
    assert "total" in shown(outputs[6])
    assert "output" in shown(outputs[7])
    assert "digest" in shown(outputs[8])


def test_a_dynamic_pipeline_of_a_cell_runs_with_isolated_steps(outputs):
    assert "['score 2', 'score 3']" in printed(outputs[9])
