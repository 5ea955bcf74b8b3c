"""The image of a project: a Dockerfile that linters accept, a context without secrets, a name made of its content."""

import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import version

import pytest

from zenml.components import dockerfile
from zenml.components.image_plan import plan_image
from zenml.config import DockerSettings
from zenml.errors import ConfigurationError
from zenml.flavors.venv_build import find_uv

WHEEL = ".zenml/zenml_core-0.1.0-py3-none-any.whl"


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "project"
    root.mkdir()
    (root / "flow.py").write_text("print(1)\n")
    return root


def plan(project, *, stack=(), **fields):
    return plan_image(DockerSettings(**fields), str(project), what="here", stack=stack)


def requirements(made):
    return next((file.content.decode() for file in made.files if file.path == dockerfile.REQUIREMENTS), None)


def linted(text):
    """Return what a linter says of a Dockerfile, without what users decide: versions of packages, names of users."""
    program = shutil.which("hadolint", path=os.path.dirname(sys.executable))
    if program is None:
        pytest.skip("hadolint is not installed")
    ignored = ["--ignore", "DL3008", "--ignore", "DL3066"]
    return subprocess.run(
        [program, "--no-color", *ignored, "-"], input=text, capture_output=True, text=True, check=False
    ).stdout


# -- the Dockerfile


def test_layers_are_in_the_order_in_which_they_change(project):
    made = plan(
        project,
        parent_image="debian:12",
        apt_packages=["git", "curl", "git"],
        environment={"B": 5, "A": "x"},
        requirements=["pandas"],
        user="runner",
        build_args={"VERSION": "1"},
        local_project_install_command="python setup.py check",
    )

    assert made.dockerfile == (
        "FROM debian:12\n"
        "ARG VERSION\n"
        "RUN apt-get update \\\n"
        "    && apt-get install --yes --no-install-recommends \\\n"
        "        curl \\\n"
        "        git \\\n"
        "    && rm -rf /var/lib/apt/lists/*\n"
        'ENV A="x" \\\n'
        '    B="5"\n'
        "RUN python -m pip install --no-cache-dir 'uv>=0.5,<1'\n"
        f"COPY .zenml/requirements.txt {WHEEL} /.zenml/\n"
        f"RUN uv pip install --system --no-cache --requirement /.zenml/requirements.txt /{WHEEL}\n"
        "WORKDIR /app\n"
        "COPY .zenml/code/ /app/\n"
        "RUN python setup.py check\n"
        "RUN (id -u runner > /dev/null 2>&1 || useradd --create-home runner) \\\n"
        "    && mkdir -p /app && chown -R runner /app\n"
        "USER runner\n"
    )


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"python_package_installer": "pip", "requirements": ["a", "-c b<2"]},
        {"apt_packages": ["git"], "environment": {"A": 'a "b" $C \\ # \''}, "user": "1000:1000"},
        {"user": "runner", "python_package_installer_args": {"index-url": "https://a b/", "pre": None}},
        {"source_files": "include", "required_integrations": ["pandas", "numpy"]},
    ],
    ids=str,
)
def test_a_linter_accepts_it(project, fields):
    assert linted(plan(project, **fields).dockerfile) == ""


def test_the_linter_would_say_something():
    assert "DL3014" in linted("FROM a:1\nRUN apt-get install b\n")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("plain", '"plain"'),
        ("a b", '"a b"'),
        ('say "x"', '"say \\"x\\""'),
        ("$HOME and ${X}", '"\\$HOME and \\${X}"'),
        ("C:\\new\\", '"C:\\\\new\\\\"'),
        ("it's # no comment", '"it\'s # no comment"'),
        ("", '""'),
        (8080, '"8080"'),
    ],
)
def test_values_of_variables_are_quoted(value, written):
    assert dockerfile.quoted(value) == written


def test_values_of_several_lines_are_refused():
    with pytest.raises(ConfigurationError, match="several lines"):
        dockerfile.quoted("a\nb")


def test_a_dockerfile_of_the_user_is_gone_on_with(project):
    (project / "Own.dockerfile").write_text("FROM python:3.11 AS base\nUSER root\nFROM base\nUSER app:app\n")

    made = plan(project, dockerfile="Own.dockerfile", parent_image="ignored", apt_packages=["git"])

    assert made.dockerfile.startswith(
        "FROM python:3.11 AS base\nUSER root\nFROM base\nUSER app:app\n\nUSER root\nRUN apt-get"
    )
    assert made.dockerfile.endswith("WORKDIR /app\nUSER app:app\n")
    assert made.notes == ("`parent_image` does not count: the image starts from `Own.dockerfile`.",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# escape=`\nFROM a\n", r"Own:1: the Dockerfile sets .`. as its escape character"),
        ("# nothing\n", "Own: the Dockerfile has no `FROM`"),
        (None, "`dockerfile` of here names `.*Own`, which cannot be read"),
    ],
)
def test_a_dockerfile_that_cannot_be_gone_on_with_is_refused(project, text, words):
    if text is not None:
        (project / "Own").write_text(text)

    with pytest.raises(ConfigurationError, match=words):
        plan(project, dockerfile="Own")


def test_what_a_users_dockerfile_copies_from_is_in_the_context_without_secrets(project):
    (project / "Own").write_text("FROM a\nCOPY data /data\n")
    (project / "docker" / "data").mkdir(parents=True)
    (project / "docker" / "data" / "x").write_text("1")
    (project / "docker" / ".env").write_text("PASSWORD=1")

    made = plan(project, dockerfile="Own", build_context_root="docker")

    assert [file.path for file in made.files] == [WHEEL, "data/x"]


# -- what is installed


def test_what_settings_say_wins_over_what_is_found(project):
    (project / "requirements.txt").write_text("found\n")
    (project / "other.txt").write_text("named\n")

    assert requirements(plan(project)) == "found\n"
    assert requirements(plan(project, requirements=["said"])) == "said\n"
    assert requirements(plan(project, requirements="other.txt")) == "named\n"
    assert requirements(plan(project, disable_automatic_requirements_detection=True)) is None


def test_a_pyproject_is_found_and_can_be_named(project):
    (project / "pyproject.toml").write_text('[project]\nname = "a"\ndependencies = ["b>1", "c"]\n')
    (project / "sub").mkdir()
    (project / "sub" / "pyproject.toml").write_text('[project]\ndependencies = ["d"]\n')

    assert requirements(plan(project)) == "b>1\nc\n"
    assert requirements(plan(project, pyproject_path="sub/pyproject.toml")) == "d\n"


def test_a_command_can_print_what_is_installed(project):
    (project / "pyproject.toml").write_text("")
    command = [sys.executable, "-c", "print('# words\\nz==1\\na==2')"]

    assert requirements(plan(project, pyproject_path="pyproject.toml", pyproject_export_command=command)) == (
        "a==2\nz==1\n"
    )
    assert requirements(plan(project, replicate_local_python_environment=command)) == "a==2\nz==1\n"


def test_a_command_that_fails_is_said_with_its_words(project):
    command = [sys.executable, "-c", "import sys; sys.exit('no lock file')"]

    with pytest.raises(
        ConfigurationError, match=r"`replicate_local_python_environment` of here: .* no lock file"
    ):
        plan(project, replicate_local_python_environment=command)


def test_everything_that_is_installed_here_can_be_installed_there(project):
    lines = requirements(plan(project, replicate_local_python_environment=True)).splitlines()

    assert f"msgspec=={version('msgspec')}" in lines
    assert not [line for line in lines if line.startswith("zenml")]


def test_what_the_stack_needs_is_installed_unless_it_is_not_wanted(project):
    assert requirements(plan(project, stack=("mlflow>=3",), requirements=["a"])) == "a\nmlflow>=3\n"
    assert requirements(plan(project, stack=("mlflow>=3",), install_stack_requirements=False)) is None


def test_constraints_are_a_file_of_their_own(project):
    (project / "limits.txt").write_text("numpy<2\n")
    (project / "requirements.txt").write_text("a\n-c limits.txt\n")

    made = plan(project)

    assert requirements(made) == "a\n"
    assert "--constraint /.zenml/constraints.txt" in made.dockerfile


def test_a_package_that_lies_here_goes_there_and_the_project_itself_is_no_package(project):
    (project / "own.whl").write_bytes(b"wheel")
    (project / "requirements.txt").write_text("./own.whl\n-e .\n")

    made = plan(project)

    assert requirements(made) == "/.zenml/packages/own.whl\n"
    assert "COPY .zenml/packages/ /.zenml/packages/" in made.dockerfile
    assert any(file.path == ".zenml/packages/own.whl" for file in made.files)
    assert "The project itself is among the packages" in made.notes[0]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"requirements": "gone.txt"},
            r"`requirements` of here: the requirements file `.*/gone\.txt` cannot be",
        ),
        (
            {"requirements": ["-e ../other"]},
            r"`-e .*/other`, which here installs, is a folder of this machine",
        ),
        (
            {"pyproject_path": "gone.toml"},
            r"`pyproject_path` of here names `.*/gone\.toml`, which is not there",
        ),
        ({"pyproject_path": "bad.toml"}, "is no TOML"),
        ({"pyproject_path": "dynamic.toml"}, "leaves `dependencies` to the build"),
        ({"required_integrations": ["panda"]}, "names `panda`, .* Did you mean `pandas`?"),
        ({"dockerfile": "flow.py", "build_context_root": "gone"}, "has no `FROM`"),
        (
            {"allow_download_from_artifact_store": False, "allow_including_files_in_images": False},
            "neither into the image .* nor travel",
        ),
    ],
)
def test_what_is_not_there_is_refused_with_what_to_do(project, fields, words):
    (project / "bad.toml").write_text("= 1")
    (project / "dynamic.toml").write_text('[project]\ndynamic = ["dependencies"]\n')

    with pytest.raises(ConfigurationError, match=words):
        plan(project, **fields)


# -- names and content


def test_changed_code_is_the_same_image_while_it_travels_as_an_archive(project):
    before = plan(project), plan(project, source_files="include")
    (project / "flow.py").write_text("print(2)\n")
    after = plan(project), plan(project, source_files="include")

    assert before[0] == after[0]
    assert before[1].name != after[1].name


def test_code_is_in_the_image_where_it_cannot_travel(project):
    made = plan(project, allow_download_from_artifact_store=False)

    assert made.has_code
    assert any(file.path == ".zenml/code/flow.py" for file in made.files)


@pytest.mark.parametrize(
    "fields",
    [
        *({"requirements": ["a"]}, {"environment": {"A": "1"}}, {"apt_packages": ["a"]}, {"user": "a"}),
        *({"parent_image": "a"}, {"build_args": {"A": "1"}}, {"required_integrations": ["pandas"]}),
        {"build_config": {"build_options": {"platform": "linux/arm64"}}},
    ],
    ids=str,
)
def test_what_changes_the_image_changes_its_name(project, fields):
    assert plan(project, **fields).name != plan(project).name


def test_how_it_is_built_does_not_change_its_name(project):
    options = {"nocache": True, "pull": True, "network_mode": "host"}
    made = plan(project, build_config={"build_options": options}, runtime_environment={"A": "1"})

    assert made.name == plan(project).name
    assert made.options == {"network": "host", "no-cache": "", "pull": ""}
    assert made.environment == {"A": "1"}


def test_names_are_chosen(project):
    made = plan(project, target_repository="host:5000/team/a", image_tag="v1")

    assert made.name == "host:5000/team/a:v1"
    assert not made.is_reusable  # the name says nothing of the content
    assert not plan(project, prevent_build_reuse=True).is_reusable
    assert plan(project).is_reusable


def test_nothing_is_built_if_that_is_wanted(project):
    made = plan(project, skip_build=True, parent_image="team/ready:1", requirements=["a"])

    assert (made.name, made.is_build, made.dockerfile) == ("team/ready:1", False, "")
    assert made.notes == ("`skip_build` is True, so these have no effect: `requirements`.",)


def test_values_that_everybody_can_read_are_told(project):
    (note,) = plan(project, environment={"API_KEY_ID": "1", "MODE": "x"}).notes

    assert "`API_KEY_ID`" in note
    assert "MODE" not in note


def test_a_context_is_written_with_the_same_bytes_and_times(project, tmp_path):
    made = plan(project, requirements=["a"], source_files="include")

    for name in ("one", "two"):
        made.write(str(tmp_path / name))

    one, two = (
        sorted(path for path in (tmp_path / name).rglob("*") if path.is_file()) for name in ("one", "two")
    )
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]
    assert {(path.stat().st_mtime, path.stat().st_mode & 0o777) for path in (*one, *two)} == {(0, 0o644)}
    assert (tmp_path / "one" / "Dockerfile").read_text() == made.dockerfile
    with pytest.raises(ConfigurationError, match="is not empty"):
        made.write(str(tmp_path / "one"))


def test_the_image_gets_the_zenml_that_is_here(project, tmp_path):
    plan(project).write(str(tmp_path / "context"))
    target = tmp_path / "target"

    install = [find_uv(), "pip", "install", "--quiet", "--no-deps", "--offline", "--target", target]
    subprocess.run([*install, tmp_path / "context" / WHEEL], check=True)

    program = "import zenml.store.schema, sys; from zenml import step; print(zenml.__file__)"
    said = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(target)!r}); {program}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said.startswith(str(target))
    with zipfile.ZipFile(tmp_path / "context" / WHEEL) as wheel:
        assert "zenml/store/migrations/0001_initial.sql" in wheel.namelist()
