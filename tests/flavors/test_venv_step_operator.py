"""What is peculiar to the step operator `venv`: environments, how often they are built, what is left of them."""

import json
import os
import signal
import subprocess
import sys
from importlib.metadata import version

import pytest
from process_launcher_helpers import wait_until_gone

import zenml
from venv_wheels import make_wheel
from zenml.components.flavor import Place
from zenml.components.launcher_check import Watched, make_task
from zenml.components.registry import load_flavor
from zenml.errors import ConfigurationError, StepProcessError
from zenml.flavors import venv_recipe
from zenml.flavors.process_tree import descendants_of
from zenml.flavors.venv_build import find_uv
from zenml.flavors.venv_folder import ABOUT, VenvFolder

NOTHING_KEPT = "nothing of the build is kept"


def task(function="report", *, module="venv_entries", sys_path=None, working_directory="", **settings):
    made = make_task(function, module=module, sys_path=sys_path, working_directory=working_directory)
    return zenml_replace(made, settings=settings)


def zenml_replace(made, **changes):
    import msgspec

    return msgspec.structs.replace(made, **changes)


def report(operator, **settings):
    watched = Watched(operator, task(**settings))
    end = watched.wait()
    assert end.answer is not None, (end, watched.output.decode())
    return json.loads(end.answer)


@pytest.fixture
def empty_place(tmp_path):
    return Place(name="tools", folder=str(tmp_path / "venvs"))


@pytest.fixture
def waiting_project(tmp_path):
    """A project whose build says that it has begun, and then waits for ever: an environment that is being built."""
    folder = tmp_path / "waiting"
    folder.mkdir()
    begun = tmp_path / "begun"
    os.mkfifo(begun)
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "waiting"\nversion = "1"\n'
    )
    (folder / "backend.py").write_text(
        "import os, signal\n"
        "def build_wheel(*_, **__):\n"
        "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"    with open({str(begun)!r}, 'w') as file:\n"
        "        file.write(str(os.getpid()))\n"
        "    while True:\n"
        "        signal.pause()\n"
    )
    return folder, begun


# -- what a step finds


def test_a_step_has_its_packages_and_what_zenml_needs_and_no_others(make_operator):
    found = report(make_operator(), requirements=["tiny==1.0"])

    assert found["tiny"] == "1.0"
    assert found["core"] == {name: version(name) for name in ("cloudpickle", "msgspec")}
    assert not found["has_pytest"]
    assert not found["has_numpy"]
    assert found["prefix"] == found["python_on_path"] != sys.prefix
    assert found["zenml"] == os.path.realpath(zenml.__file__)


def test_zenml_is_found_when_it_lies_among_the_packages_of_the_owner(make_operator, tmp_path):
    site = tmp_path / "site-packages"
    site.mkdir()
    (site / "zenml").symlink_to(os.path.dirname(zenml.__file__))
    source = os.path.dirname(os.path.dirname(zenml.__file__))
    path = tuple(str(site) if entry == source else entry for entry in sys.path)

    end = Watched(make_operator(), task(sys_path=path)).wait()

    assert json.loads(end.answer)["zenml"] == os.path.realpath(zenml.__file__)


def test_steps_with_different_versions_run_at_once(make_operator):
    operator = make_operator()

    both = [Watched(operator, task(requirements=[f"tiny=={wanted}"])) for wanted in ("1.0", "2.0")]

    assert [json.loads(one.wait().answer)["tiny"] for one in both] == ["1.0", "2.0"]


def test_a_step_adds_to_what_its_operator_has(make_operator, venv_packages):
    make_wheel(venv_packages, "other", "1.0", "")

    end = Watched(make_operator(requirements=("other",)), task(requirements=["tiny==2.0"])).wait()

    assert json.loads(end.answer)["tiny"] == "2.0"


def test_the_owners_packages_are_seen_if_that_is_wanted(make_operator):
    found = report(make_operator(), requirements=["tiny==1.0"], inherit=True)

    assert found["has_pytest"]
    assert found["tiny"] == "1.0"


# -- how often it is built


def test_equal_requirements_are_built_once_and_found_again(make_operator, empty_place):
    first = make_operator(empty_place)
    together = [
        Watched(first, task(requirements=wanted))
        for wanted in (["tiny==1.0", "click"], ["click", "tiny==1.0"])
    ]
    for one in together:
        assert one.wait().answer
    first.close()

    later = Watched(make_operator(empty_place), task(requirements=["click", "tiny==1.0  # as before"]))

    assert later.wait().answer
    assert len(os.listdir(VenvFolder(empty_place.folder).environments)) == 1
    assert b"Waiting for the environment" not in later.output


def test_two_owners_that_need_the_same_build_it_once(make_operator, empty_place):
    both = [Watched(make_operator(empty_place), task(requirements=["tiny==1.0"])) for _ in range(2)]

    ends = [one.wait() for one in both]

    assert all(end.answer for end in ends)
    assert sum(b"Installed" in one.output for one in both) == 1, [one.output for one in both]


def test_the_content_of_a_requirements_file_counts_and_not_its_name(make_operator, tmp_path):
    path = tmp_path / "requirements.txt"
    path.write_text("tiny==1.0\n")
    operator = make_operator()

    before = report(operator, requirements=str(path))
    path.write_text("tiny==2.0\n")
    after = report(operator, requirements=str(path))
    listed = report(operator, requirements=["tiny==2.0"])

    assert [one["tiny"] for one in (before, after)] == ["1.0", "2.0"]
    assert listed["prefix"] == after["prefix"] != before["prefix"]


@pytest.mark.parametrize("rest", ["python", ABOUT])
def test_an_environment_that_is_damaged_is_built_again(make_operator, empty_place, rest):
    operator = make_operator(empty_place)
    prefix = report(operator)["prefix"]
    operator.close()
    os.unlink(os.path.join(prefix, "bin", rest) if rest == "python" else os.path.join(prefix, rest))

    assert report(make_operator(empty_place))["prefix"] == prefix


# -- builds that fail, or are ended


def test_a_build_that_fails_is_the_failure_of_the_step(make_operator, empty_place):
    watched = Watched(make_operator(empty_place), task(requirements=["no-such-package"]))

    problem = watched.wait().problem

    assert "no-such-package was not found" in problem
    assert NOTHING_KEPT in problem
    assert b"no-such-package was not found" in watched.output
    assert VenvFolder(empty_place.folder)._names() == [] or all(
        name.startswith(".") for name in VenvFolder(empty_place.folder)._names()
    )


def test_a_package_that_contradicts_what_zenml_needs_is_refused(make_operator):
    problem = Watched(make_operator(), task(requirements=["msgspec<0.1"])).wait().problem

    assert "msgspec" in problem
    assert "unsatisfiable" in problem


def test_after_a_failure_it_is_tried_again(make_operator, empty_place, tmp_path):
    packages = tmp_path / "own"
    packages.mkdir()
    operator = make_operator(empty_place, installer_args=("--no-index", "--find-links", str(packages)))
    assert "late" in Watched(operator, task(requirements=["late"])).wait().problem

    make_wheel(packages, "late", "1", "")

    assert Watched(operator, task(requirements=["late"])).wait().answer


def test_an_index_that_is_not_reached_is_said_with_what_to_do(make_operator, empty_place, monkeypatch):
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    operator = make_operator(empty_place, index_url="http://127.0.0.1:9/simple", installer_args=())

    problem = Watched(operator, task(requirements=["tiny-from-afar"])).wait().problem

    assert "The package index was not reached" in problem
    assert "127.0.0.1:9" in problem


def test_a_build_that_nobody_waits_for_is_ended(make_operator, empty_place, waiting_project):
    folder, begun = waiting_project
    operator = make_operator(empty_place)
    watched = Watched(operator, task(requirements=[str(folder)]))
    build = int(begun.read_text())

    end = watched.cancel(grace=60)

    assert end.is_cancelled
    wait_until_gone([build])


def test_who_comes_while_a_build_is_ended_gets_a_new_one(make_operator, empty_place, waiting_project):
    folder, begun = waiting_project
    operator = make_operator(empty_place)
    first = Watched(operator, task(requirements=[str(folder)]))
    builds = [int(begun.read_text())]
    operator.cancel(first.handle, grace=60)

    second = Watched(operator, task(requirements=[str(folder)]))
    builds.append(int(begun.read_text()))

    assert first.wait().is_cancelled
    assert second.cancel(grace=0).is_cancelled
    wait_until_gone(builds)


def test_closing_ends_a_build_and_tells_who_waits(make_operator, empty_place, waiting_project):
    folder, begun = waiting_project
    operator = make_operator(empty_place)
    watched = Watched(operator, task(requirements=[str(folder)]))
    build = int(begun.read_text())

    operator.close()

    assert [end.is_cancelled for end in watched.ends] == [True]
    wait_until_gone([build])


OWNER = """
import sys
sys.path[:0] = sys.argv[1].split(":")
from conftest import Place, VenvStepOperator, VenvStepOperatorConfig
from test_venv_step_operator import task
from zenml.components.launcher_check import Watched
config = VenvStepOperatorConfig(find_links=(sys.argv[2],), installer_args=("--no-index", "--offline"))
operator = VenvStepOperator(config, Place(name="tools", folder=sys.argv[3]))
Watched(operator, task(requirements=[sys.argv[4]])).wait()
"""


STEP_OWNER = (
    OWNER.partition("Watched(operator")[0]
    + """
watched = Watched(operator, task("stay_with_family", module="process_launcher_entries"))
print(watched.wait_for_event().decode(), flush=True)
watched.wait()
"""
)


def test_all_processes_of_a_step_end_with_its_owner(make_operator, venv_place, venv_packages):
    report(make_operator())  # its environment is there
    here = f"{os.path.dirname(__file__)}:{os.path.dirname(os.path.dirname(__file__))}"
    arguments = [here, str(venv_packages), venv_place.folder]
    owner = subprocess.Popen([sys.executable, "-c", STEP_OWNER, *arguments], stdout=subprocess.PIPE)
    family = [int(word) for word in owner.stdout.readline().split()]
    below = descendants_of(owner.pid)

    owner.send_signal(signal.SIGKILL)
    owner.wait()
    owner.stdout.close()

    assert len(family) == 3
    wait_until_gone([*family, *below])


def other_python(wanted):
    """Return an interpreter of this machine, of another version."""
    found = subprocess.run(
        [find_uv(), "python", "find", "--offline", "--no-project", wanted],
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode:
        pytest.skip(f"this machine has no Python {wanted}")
    return found.stdout.strip()


def test_a_python_that_is_too_old_is_refused(make_operator, empty_place):
    operator = make_operator(empty_place, python=other_python("<3.11"))

    problem = Watched(operator, task()).wait().problem

    assert "is too old: `zenml` needs 3.11 or later. Set `python` to an interpreter" in problem


def test_packages_of_the_owner_are_not_for_another_python(make_operator, empty_place):
    wanted = "3.12" if sys.version_info[:2] != (3, 12) else "3.13"

    problem = (
        Watched(make_operator(empty_place), task(python=other_python(wanted), inherit=True)).wait().problem
    )

    assert "use the same version, or leave `inherit` out" in problem


def test_a_python_that_is_not_there_is_said(make_operator, empty_place):
    problem = Watched(make_operator(empty_place), task(python="/no/python")).wait().problem

    assert "Set `python` to an interpreter of this machine" in problem
    assert "/no/python" in problem


def test_a_build_ends_with_its_owner_and_nothing_of_it_is_used(
    make_operator, empty_place, waiting_project, venv_packages
):
    folder, begun = waiting_project
    here = f"{os.path.dirname(__file__)}:{os.path.dirname(os.path.dirname(__file__))}"
    arguments = [here, str(venv_packages), empty_place.folder, str(folder)]
    owner = subprocess.Popen([sys.executable, "-c", OWNER, *arguments])
    build = int(begun.read_text())
    below = descendants_of(owner.pid)

    owner.send_signal(signal.SIGKILL)
    owner.wait()

    wait_until_gone([build, *below])
    kept = VenvFolder(empty_place.folder)
    (rest,) = kept._names()
    assert rest.startswith(".staging-")
    assert kept.read(rest.split("-")[1]) is None
    report(make_operator(empty_place))
    assert rest not in kept._names()


# -- words


def test_settings_that_are_not_possible_are_refused_with_the_fields(make_operator):
    with pytest.raises(ConfigurationError, match=r"requirement.*They have the fields: requirements, python"):
        Watched(make_operator(), task(requirement=["tiny"]))


def test_a_requirements_file_that_is_not_there_is_refused(make_operator):
    with pytest.raises(ConfigurationError, match=r"`requirements` of step `report`: .*nowhere\.txt` cannot"):
        Watched(make_operator(), task(requirements="nowhere.txt"))


def test_a_closed_operator_starts_nothing(make_operator):
    operator = make_operator()
    operator.close()

    with pytest.raises(StepProcessError, match="`tools` is closed"):
        Watched(operator, task())


def test_people_are_told_of_a_build(make_operator, empty_place):
    operator, told = make_operator(empty_place), []
    operator.tell = told.append

    report(operator, requirements=["tiny==1.0"])

    assert [text.partition("`")[0] for text in told] == ["Building the environment ", "The environment "]
    assert "for step `report`: tiny==1.0." in told[0]


def test_what_is_installed_for_zenml_is_what_the_project_declares():
    import tomllib

    root = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    with open(os.path.join(root, "pyproject.toml"), "rb") as file:
        declared = tomllib.load(file)["project"]["dependencies"]

    assert [one.partition(">")[0] for one in declared] == list(venv_recipe.CORE)


def test_the_flavor_is_in_the_table():
    assert load_flavor("step_operator", "venv").settings is not None
