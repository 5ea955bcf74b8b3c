"""What the alerter hooks post, and how often; through an alerter that marks what it gets."""

import json
import os
import signal
import subprocess
import sys

import labkit
import pytest
from lab import KIT

ALARM = '''
"""A flavor, and a stack with a component of it, which the first process that imports this makes the active one."""
import os
from labkit import mark
from zenml.client import Client
from zenml.components import registry
from zenml.components.alerter import Alert, Alerter
from zenml.components.flavor import Flavor
from zenml.errors import ComponentError
import msgspec


class Marker(Alerter):
    flavor = "marker"

    def __init__(self, config, place):
        pass

    def post(self, message, params=None):
        parts = msgspec.structs.asdict(message) if isinstance(message, Alert) else {"text": message}
        mark("post", is_alert=isinstance(message, Alert), **parts)
        if os.path.exists("die"):
            os.kill(os.getpid(), 9)
        if os.path.exists("down"):
            raise ComponentError("Alerter `marker` did not take the message: it is down. Repair it.")
        return True


FLAVOR = Flavor(type="alerter", name="marker", component=Marker)
registry.BUILT_IN["alerter", "marker"] = "alarm"
if not os.path.exists("registered"):
    Client().create_stack_component("marks", "marker", "alerter")
    Client().create_stack("tested", {"alerter": "marks"})
    Client().activate_stack("tested")
    open("registered", "w").close()
'''
START = """
    import alarm
    from zenml.client import Client
    from zenml.hooks import alerter_failure_hook, alerter_success_hook

    alerted = dict(on_failure=alerter_failure_hook, on_success=alerter_success_hook, enable_cache=False)
"""


@pytest.fixture(autouse=True)
def alarm(lab):
    lab.write("alarm.py", ALARM)


def zenml(lab, *words):
    told = {"NO_COLOR": "1", "PYTHONPATH": KIT, "LAB_TRACE": lab.trace, "LAB_ID": lab.id}
    environment = {**os.environ, **lab.variables, **told}
    command = [sys.executable, "-m", "zenml", *words]
    return subprocess.run(
        command, env=environment, cwd=lab.folder, capture_output=True, text=True, check=False, timeout=120
    )


def posts(result):
    return result.of("post")


def all_posts(lab):
    """Return what all processes posted, also those that the test did not start itself."""
    return [one for one in labkit.read(lab.trace) if one["mark"] == "post"]


def test_a_failure_is_told_with_its_cause_its_log_and_where_to_look(lab):
    result = lab.run(
        START
        + """
    @step(**alerted)
    def train():
        for number in range(30):
            print(f"line {number}")
        try:
            {}["rows"]
        except KeyError as error:
            raise ValueError("no data " + "x" * 1000) from error

    @pipeline
    def flow():
        train()

    outcome(flow.with_options(run_name="nightly"))
    """
    )

    (post,) = posts(result)
    (run,) = lab.client().list_pipeline_runs().items
    short = run.id[-8:]
    assert post["is_alert"]
    assert post["title"] == "Step `train` of run `nightly` failed"
    assert post["level"] == "failure"
    cause, root = post["text"].splitlines()
    assert cause.startswith("ValueError: no data xxx")
    assert cause.endswith("…")
    assert root == "It began with KeyError: 'rows'"
    assert post["fields"].pop("duration").endswith("s")
    assert post["fields"] == {
        "pipeline": "flow",
        "run": "nightly",
        "step": "train",
        "look": f"zenml step show {short} train",
        "log": f"zenml logs {short} train",
    }
    assert post["log_tail"].splitlines() == [f"line {number}" for number in range(10, 30)]
    assert post["thread"] == run.id
    assert post["key"]
    assert zenml(lab, "step", "show", short, "train").returncode == 0


def test_a_success_is_told(lab):
    result = lab.run(
        START
        + """
    @step(**alerted)
    def train() -> int:
        print("much")
        return 1

    @pipeline
    def flow():
        train()

    flow.with_options(run_name="nightly")()
    """
    )

    (post,) = posts(result)
    assert post["title"] == "Step `train` of run `nightly` succeeded"
    assert (post["level"], post["text"], post["log_tail"]) == ("success", "", "")


@pytest.mark.parametrize("runtime", ["inline", "isolated"])
def test_the_first_cause_is_told_wherever_the_step_ran(lab, runtime):
    result = lab.run(
        START
        + f"""
    @step(runtime="{runtime}", **alerted)
    def train():
        print("in the log")
        try:
            try:
                raise ConnectionError("warehouse down")
            except ConnectionError:
                raise KeyError("table")
        except KeyError as error:
            raise ExceptionGroup("several", [ValueError("one"), ValueError("two")]) from error

    @pipeline
    def flow():
        train()

    outcome(flow)
    """
    )

    (post,) = posts(result)
    assert post["text"].endswith("\nIt began with ConnectionError: warehouse down")
    assert post["log_tail"] == "in the log"


def test_a_step_that_is_tried_again_is_told_once(lab):
    result = lab.run(
        START
        + """
    @step(retry={"max_retries": 2, "delay": 0}, **alerted)
    def train():
        mark("tried")
        raise ValueError("lost")

    @pipeline
    def flow():
        train()

    outcome(flow)
    """
    )

    (post,) = posts(result)
    assert result.count("tried") == 3
    assert post["fields"]["attempt"] == "3"


MAP = """
    @step(**alerted)
    def work(part: int) -> int:
        BODY

    @pipeline(dynamic=True)
    def flow():
        results = work.map(list(range(10)), on_error="collect")
        try:
            results.load()
        except Exception:
            pass

    outcome(flow)
"""


def test_elements_that_fail_alike_are_told_three_times_and_then_in_a_summary(lab):
    result = lab.run(START + MAP.replace("BODY", 'raise ValueError(f"part {part} of 10 is bad")'))

    told = posts(result)
    (run,) = lab.client().list_pipeline_runs().items
    assert len(told) == 4
    # Hooks of elements run side by side, so the summary need not be the last to arrive.
    (summary,) = [post for post in told if "More than 3 steps" in post["text"]]
    assert summary["title"].endswith("failed, as others")
    assert [row.status for row in run.hook_runs] == ["completed"] * 10
    assert len([row for row in run.hook_runs if row.posted]) == 4
    assert result.err.count("More steps ended like this") >= 1


def test_elements_that_succeed_are_told_three_times_and_then_in_a_summary(lab):
    result = lab.run(START + MAP.replace("BODY", "return part"))

    assert len(posts(result)) == 4


def test_elements_that_fail_with_different_causes_are_all_told(lab):
    result = lab.run(START + MAP.replace("BODY", 'raise ValueError("bad" + "x" * part)'))

    assert len(posts(result)) == 10


FAILING = """
    import os
    import alarm
    from zenml import pipeline, step
    from zenml.hooks import alerter_failure_hook

    @step(on_failure=alerter_failure_hook)
    def work():
        raise ValueError(open("cause").read())

    @pipeline
    def flow():
        work()

    if __name__ == "__main__":
        flow.with_options(run_name="nightly")()
"""


def test_a_resumed_run_that_fails_again_tells_only_what_is_new(lab):
    lab.write("flow.py", FAILING)
    lab.write("cause", "lost")
    lab.start(script="flow.py").finish()
    assert zenml(lab, "run", "resume", "nightly").returncode == 1
    lab.write("cause", "found, and broken")
    result = zenml(lab, "run", "resume", "nightly")

    assert result.returncode == 1
    (run,) = lab.client().list_pipeline_runs().items
    assert [bool(row.posted) for row in run.hook_runs] == [True, False, True]


def test_what_an_owner_posted_that_died_in_doing_so_is_posted_again_with_the_same_key(lab):
    lab.write("flow.py", FAILING)
    lab.write("cause", "lost")
    lab.write("die", "")
    first = lab.start(script="flow.py").finish()
    assert first.returncode == -signal.SIGKILL
    (lab.folder / "die").unlink()

    zenml(lab, "run", "resume", "nightly")

    (run,) = lab.client().list_pipeline_runs().items
    assert [row.status for row in run.hook_runs][:1] == ["completed"]
    assert [bool(row.posted) for row in run.hook_runs] == [True, False]
    keys = [post["key"] for post in all_posts(lab)]
    assert len(keys) == 2
    assert len(set(keys)) == 1


RECORD_AND_DIE = """
    import os
    import zenml.execute.posted_news as posted_news

    def record_and_die(self, *words, record=posted_news.PostedNews.record):
        record(self, *words)
        if os.path.exists("die-after"):
            os.kill(os.getpid(), 9)

    posted_news.PostedNews.record = record_and_die
"""


def test_what_an_owner_posted_that_died_right_after_is_not_posted_again(lab):
    lab.write("flow.py", RECORD_AND_DIE + FAILING)
    lab.write("cause", "lost")
    lab.write("die-after", "")
    first = lab.start(script="flow.py").finish()
    (lab.folder / "die-after").unlink()

    zenml(lab, "run", "resume", "nightly")

    assert first.returncode == -signal.SIGKILL
    (run,) = lab.client().list_pipeline_runs().items
    assert [row.status for row in run.hook_runs] == ["completed", "completed"]
    assert [bool(row.posted) for row in run.hook_runs] == [True, False]
    assert len(all_posts(lab)) == 1


def test_an_alerter_that_fails_is_seen_and_changes_nothing(lab):
    lab.write("down", "")
    result = lab.run(
        START
        + """
    @step(**alerted)
    def work(x: int) -> int:
        return x

    @pipeline
    def flow():
        work(work(1))

    flow.with_options(run_name="nightly")()
    """
    )

    (run,) = lab.client().list_pipeline_runs().items
    assert str(run.status) == "completed"
    assert [row.status for row in run.hook_runs] == ["failed", "failed"]
    assert result.err.count("it is down") == 2
    assert "it is down" in zenml(lab, "run", "show", "nightly").stdout


def test_an_alerter_that_takes_long_to_fail_does_not_hold_up_every_step(lab):
    lab.write("down", "")
    result = lab.run(
        START
        + """
    import zenml.execute.posted_news as posted_news
    posted_news.SLOW = 0.0

    @step(**alerted)
    def work(x: int) -> int:
        return x

    @pipeline
    def flow():
        work(work(work(1)))

    flow()
    """
    )

    (run,) = lab.client().list_pipeline_runs().items
    assert len(posts(result)) == 1
    assert [row.status for row in run.hook_runs] == ["failed"] * 3
    assert "is left alone" in run.hook_runs[1].failure.message


def test_an_alerter_without_a_limit_of_time_is_given_up(lab):
    lab.run(
        START
        + """
    import zenml.declare.alerter_hooks as alerter_hooks
    alerter_hooks.LONGEST_POST = 0.1
    alarm.Marker.post = lambda self, message, params=None: hang()

    @step(**alerted)
    def work() -> int:
        return 1

    @pipeline
    def flow():
        work()

    flow()
    """
    )

    (run,) = lab.client().list_pipeline_runs().items
    assert str(run.status) == "completed"
    assert "within 0.1 s" in run.hook_runs[0].failure.message


def test_secrets_are_not_posted(lab):
    result = lab.run(
        START
        + """
    from zenml.context.masking import register_secret

    @step(**alerted)
    def work():
        print("the key is hunter2-hunter2")
        register_secret("hunter2-hunter2")
        print("it is still hunter2-hunter2")
        raise ValueError("not with hunter2-hunter2") from KeyError("hunter2-hunter2")

    @pipeline
    def flow():
        work()

    outcome(flow)
    """
    )

    (post,) = posts(result)
    assert "hunter2" not in json.dumps(post)
    assert post["log_tail"] == "the key is ***\nit is still ***"


def test_a_pipeline_whose_function_fails_is_told(lab):
    result = lab.run(
        START
        + """
    @step
    def work(x: int) -> int:
        print("in work")
        if x == 2:
            raise ValueError("no rows")
        return x

    @pipeline(dynamic=True, on_failure=alerter_failure_hook)
    def flow():
        work(1)
        raise LookupError("nothing to do")

    outcome(flow.with_options(run_name="nightly"))
    """
    )

    (post,) = posts(result)
    assert post["title"] == "Run `nightly` failed"
    assert post["text"] == "LookupError: nothing to do"
    assert post["fields"]["look"].startswith("zenml run show ")


@pytest.mark.parametrize("runtime", ["inline", "isolated"])
def test_a_step_and_a_hook_of_the_user_post_text(lab, runtime):
    result = lab.run(
        START
        + f"""
    from zenml import get_step_context

    def on_failure():
        step_name = get_step_context().step_run.name
        Client().active_stack.alerter.post(f"{{step_name}} just failed!")

    @step(runtime="{runtime}", on_failure=on_failure)
    def work():
        import alarm  # also in a process of its own
        Client().active_stack.alerter.post("here I am")
        raise ValueError("lost")

    @pipeline
    def flow():
        work()

    outcome(flow)
    """
    )

    assert [post["text"] for post in posts(result)] == ["here I am", "work just failed!"]


def test_an_alerter_that_knows_text_only_gets_text(lab):
    result = lab.run(
        START
        + """
    class TextOnly:
        def post(self, text):
            mark("text", text=text)

    alarm.FLAVOR = alarm.Flavor(type="alerter", name="marker", component=lambda config, place: TextOnly())

    @step(**alerted)
    def work():
        raise ValueError("lost")

    @pipeline
    def flow():
        work()

    outcome(flow.with_options(run_name="nightly"))
    """
    )

    (post,) = result.of("text")
    assert post["text"].startswith(
        "Step `work` of run `nightly` failed\n\nValueError: lost\n\npipeline: flow\n"
    )
