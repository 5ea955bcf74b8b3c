"""What notebooks show: everything of the user's is escaped, and nothing is loaded."""

import pytest

from zenml import pipeline, step
from zenml.client import Client

pytestmark = pytest.mark.usefixtures("zenml_lab")


@step
def load() -> list[int]:
    return [1]


@step
def fail(numbers: list[int]) -> int:
    raise ValueError("<script>alert(1)</script>")


@pipeline
def flow():
    fail(load())


def failed_run():
    with pytest.raises(ValueError, match="script"):
        flow.with_options(run_name="<b>odd</b>")()
    return Client().get_pipeline_run("<b>odd</b>")


def test_text_of_the_user_is_escaped():
    run = failed_run()

    assert "&lt;b&gt;odd&lt;/b&gt;" in run._repr_html_()
    assert "<script>" not in run.steps["fail"]._repr_html_()
    assert "&lt;script&gt;" in run.steps["fail"]._repr_html_()


def test_steps_stand_below_those_they_wait_for():
    html = failed_run()._repr_html_()

    assert html.index("padding-left:0px") < html.index("padding-left:14px")


def test_an_artifact_shows_what_is_noted_of_it():
    html = failed_run().steps["load"].output._repr_html_()

    assert "flow::load::output" in html
    assert "sha256:" in html


def test_a_map_is_one_row_with_its_failures_behind_it():
    @step(enable_cache=False)
    def invert(x: int) -> float:
        return 1 / x

    @pipeline(dynamic=True)
    def mapping():
        invert.map(range(3), id="parts", on_error="collect")

    html = mapping()._repr_html_()

    assert html.count("<tr>") == 2
    assert "3 elements: " in html
    assert "1 failed (handled)" in html
    assert "</summary>parts[0]</details>" in html
