"""Secrets of steps: there for the step that asks, in no file, and an error before anything runs if not."""

import re
from pathlib import Path

import pytest

SECRETS = """
from zenml.client import Client
from zenml.client.explaining import explain
from zenml.store.opening import open_store

client = Client()

def keep(name, **values):
    client.create_secret(name, values)
"""
VALUE = "clear-text-value-0815"


def assert_nowhere(lab, *texts):
    """No file of the store holds a text, the database's log included."""
    for path in lab.store.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [text for text in texts if text.encode() in content], path


@pytest.mark.parametrize("runtime", ["inline", "isolated", None])
def test_a_step_finds_its_secrets_in_its_environment_and_nobody_else_does(lab, runtime):
    result = lab.run(
        SECRETS
        + f"""
import subprocess

@step(secrets=["api"], runtime={runtime!r}, enable_cache=False)
def asks() -> list[int]:
    said = subprocess.run(["sh", "-c", "echo $TOKEN"], capture_output=True, text=True).stdout
    return [len(os.environ["TOKEN"]), len(said), os.getpid()]

@step(enable_cache=False)
def inline() -> bool:
    return "TOKEN" in os.environ

@step(runtime="isolated", enable_cache=False)
def isolated() -> bool:
    return "TOKEN" in os.environ

@pipeline
def flow():
    asks(); inline(); isolated()

keep("api", TOKEN="{VALUE}")
run = flow()
fact(asks=value(run, "asks"), others=[value(run, "inline"), value(run, "isolated")], pid=os.getpid(),
     after=os.environ.get("TOKEN"))
"""
    )

    *sizes, pid = result.facts["asks"]
    assert sizes == [len(VALUE), len(VALUE) + 1]
    assert (pid == result.facts["pid"]) is (runtime == "inline")
    assert result.facts["others"] == [False, False]
    assert result.facts["after"] is None
    assert_nowhere(lab, VALUE)


def test_a_secret_is_in_no_file_after_logs_failures_and_metadata(lab):
    lab.run(
        SECRETS
        + f"""
import base64, urllib.parse
from zenml import log_metadata, get_step_context

def tell(secret):
    print("plain", secret)
    print("base64", base64.b64encode(secret.encode()).decode())
    print("url", urllib.parse.quote(secret, safe=""))
    sys.stderr.write("error " + secret + chr(10))
    log_metadata({{"said": "it is " + secret, "deep": {{secret: [secret, 1]}}}})

@step(secrets=["api"])
def isolated() -> int:
    tell(os.environ["TOKEN"])
    get_step_context().add_output_metadata({{"token": os.environ["TOKEN"]}})
    return 1

@step(secrets=["api"], runtime="inline")
def inline() -> int:
    tell(os.environ["TOKEN"])
    return 1

@step(secrets=["api"])
def isolated_failure() -> int:
    raise ValueError("cannot log in with " + os.environ["TOKEN"])

@step(secrets=["api"], runtime="inline")
def inline_failure() -> int:
    raise ValueError("cannot log in with " + os.environ["TOKEN"])

@step(secrets=["api"])
def crash() -> int:
    print("crash", os.environ["TOKEN"], flush=True)
    os._exit(3)

@pipeline
def flow():
    isolated(); inline(); isolated_failure(); inline_failure(); crash()

keep("api", TOKEN="{VALUE}/+")
outcome(flow)
run = last_run()
fact(statuses=statuses(run))
"""
    )

    (run,) = lab.client().list_pipeline_runs().items
    assert run.steps["inline_failure"].failure.message == "cannot log in with ***"
    assert run.steps["isolated_failure"].failure.message == "cannot log in with ***"
    for name in ("isolated", "inline"):
        assert "plain ***" in str(run.steps[name].logs)
        assert run.steps[name].run_metadata["said"] == "it is ***"
        assert run.steps[name].run_metadata["deep"] == {"***": ["***", 1]}
    assert_nowhere(lab, VALUE)


def test_no_process_shows_a_secret_in_its_arguments_or_in_the_environment_it_was_started_with(lab):
    result = lab.run(
        SECRETS
        + f"""
@step(secrets=["api"])
def look() -> list[str]:
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            for file in ("cmdline", "environ"):
                try:
                    with open("/proc/" + name + "/" + file, "rb") as stream:
                        if os.environ["TOKEN"].encode() in stream.read():
                            found.append(file)
                except OSError:
                    pass
    return found

@pipeline
def flow():
    look()

keep("api", TOKEN="{VALUE}"[:-2] + "16")
fact(value=value(flow(), "look"))
"""
    )

    assert result.facts["value"] == []


FLOW = (
    SECRETS
    + """
@step(secrets=["api_keys"])
def asks() -> int:
    mark("ran")
    return 1

@step(enable_cache=False)
def other() -> int:
    mark("ran")
    return 1

@pipeline
def flow():
    other(); asks()
"""
)


def test_a_missing_secret_stops_everything_before_it_begins(lab):
    result = lab.run(
        FLOW
        + """
keep("api_key", TOKEN="x")
error = outcome(flow)
fact(kind=type(error).__name__, text=str(error), runs=client.list_pipeline_runs().total)
"""
    )

    assert result.marks == []
    assert result.facts["runs"] == 0
    assert result.facts["kind"] == "NotFoundError"
    for part in ("`api_keys`", "step `asks`", "Did you mean `api_key`", "zenml secret create api_keys"):
        assert part in result.facts["text"]


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ("not-a-name", "OTHER", ("`api_keys`", "step `asks`", "`not-a-name`", "Client().get_secret")),
        ("TOKEN", "TOKEN", ("`TOKEN`", "step `asks`", "secret `second`", "secret `api_keys`")),
        ("MODE", "OTHER", ("`MODE`", "step `asks`", "secret `api_keys`", "`environment`")),
    ],
)
def test_variables_that_cannot_be_stop_everything_before_it_begins(lab, first, second, words):
    result = lab.run(
        SECRETS
        + f"""
@step(secrets=["api_keys"])
def asks() -> int:
    mark("ran")
    return 1

@pipeline(secrets=["second"], environment={{"MODE": "a"}})
def flow():
    asks()

keep("api_keys", **{{{first!r}: "x"}})
keep("second", **{{{second!r}: "y"}})
error = outcome(flow)
fact(kind=type(error).__name__, text=str(error))
"""
    )

    assert result.marks == []
    assert result.facts["kind"] == "ConfigurationError"
    for word in words:
        assert word in result.facts["text"]


def test_another_value_runs_the_step_again_and_step_why_says_so_without_the_value(lab):
    code = (
        FLOW
        + """
run = flow()
answer = explain(open_store(), run.id, "asks")
fact(status=str(run.steps["asks"].status), reason=answer.reason, parts=run.steps["asks"].record.key_parts)
"""
    )

    lab.run(SECRETS + f'keep("api_keys", TOKEN="{VALUE}")', script="first.py")
    first = lab.run(code)
    second = lab.run(code)
    lab.run(SECRETS + "open_store().secrets.rotate_key()", script="second.py")
    rotated = lab.run(code)
    lab.run(SECRETS + 'client.update_secret("api_keys", {"TOKEN": "another-value-4711"})', script="third.py")
    third = lab.run(code)

    assert [result.facts["status"] for result in (first, second, rotated, third)] == [
        "completed",
        "cached",
        "cached",
        "completed",
    ]
    assert third.facts["reason"] == "because secret `api_keys` changed"
    assert set(third.facts["parts"]) == {"code", "outputs", "secret:api_keys"}
    assert_nowhere(lab, VALUE, "another-value-4711")


def test_a_secret_is_there_when_the_steps_own_module_is_imported(lab):
    lab.write(
        "tools.py",
        """
        import os
        from zenml import step

        SIZE = len(os.environ.get("TOKEN", ""))

        @step(secrets=["api"])
        def look() -> int:
            return SIZE
        """,
    )
    result = lab.run(
        SECRETS
        + f"""
from tools import look

@pipeline
def flow():
    look()

keep("api", TOKEN="{VALUE}")
fact(value=value(flow(), "look"))
"""
    )

    assert result.facts["value"] == len(VALUE)


def test_a_single_step_finds_its_secrets_too(lab):
    result = lab.run(
        SECRETS
        + f"""
@step(secrets=["api"])
def asks() -> int:
    return len(os.environ["TOKEN"])

keep("api", TOKEN="{VALUE}")
fact(value=asks())
"""
    )

    assert result.facts["value"] == len(VALUE)


def test_a_damaged_secret_is_an_error_before_anything_runs(lab):
    lab.run(SECRETS + f'keep("api_keys", TOKEN="{VALUE}")', script="first.py")
    Path(lab.database().root, "secrets.key").unlink()

    result = lab.run(FLOW + "error = outcome(flow)\nfact(kind=type(error).__name__, text=str(error))")

    assert result.marks == []
    assert result.facts["kind"] == "SecretUnreadableError"
    assert "Restore the key" in result.facts["text"]


def test_the_documentation_does_what_it_says(lab):
    page = Path(__file__).parents[2] / "docs" / "secrets.md"
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    above = SECRETS + f'keep("aws", AWS_ACCESS_KEY_ID="{VALUE}")'

    for number, block in enumerate((above, *blocks)):
        result = lab.run(block, script=f"block_{number}.py")

    assert result.out == "{'API_TOKEN': '***'}\n"
    (run,) = lab.client().list_pipeline_runs().items
    assert str(run.steps["upload"].logs) == "uploading as ***\n"
    assert_nowhere(lab, VALUE)
