"""Fingerprints of projects on disk, taken in fresh processes: what a user edits, installs and moves."""

import json
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import zenml

SOURCE = str(Path(zenml.__file__).parent.parent)
SCRIPT = """
import json, sys
{before}
from {module} import step
from zenml.fingerprint.fingerprint import fingerprint
{after}
found = fingerprint(step)
print(json.dumps({{
    "digest": found.digest,
    "parts": [[part.name, part.kind, part.digest, part.text] for part in found.parts],
    "blind_spots": found.blind_spots,
    "modules": sorted(sys.modules),
}}))
"""


class Folder:
    """A project and a folder of installed packages, on disk."""

    def __init__(self, root):
        self.root = root
        self.project = root / "project"
        self.libraries = root / "venv" / "site-packages"

    def write(self, name, source, *, installed=False):
        path = (self.libraries if installed else self.project) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source))
        os.utime(path, (1_000_000_000, 1_000_000_000 + len(source)))  # not an edit after the process began

    def print_of(self, module="main", before="", after="", seed="0"):
        script = SCRIPT.format(module=module, before=before, after=after)
        return self.run("-c", script, seed=seed)

    def run(self, *arguments, seed="0"):
        folders = os.pathsep.join(map(str, (self.project, self.libraries, SOURCE)))
        environment = {
            **os.environ,
            "PYTHONPATH": folders,
            "PYTHONHASHSEED": seed,
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        done = subprocess.run(
            [sys.executable, "-W", "error", *arguments],
            env=environment,
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not done.returncode, done.stderr
        return json.loads(done.stdout)

    def digest(self, *arguments, **options):
        return self.print_of(*arguments, **options)["digest"]


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


EVERYTHING = """
    import dataclasses, enum, functools, json, re
    import numpy as np

    NAMES = {"a", "b", "c", ("d", 1), frozenset({"e", "f"})}
    class Color(enum.Enum):
        RED = {"x", "y"}
    @dataclasses.dataclass(frozen=True)
    class Point:
        x: int = 1
        names: frozenset = frozenset({"g", "h"})
    class Tool:
        kinds = {int, str, float}
        def __init__(self):
            self.a, self.b = {"i", "j"}, Color.RED
    POINTS = {Point(), Point(2), Point(3)}
    TOOL = Tool()
    ARRAY = np.arange(3)
    HOOKS = {functools.partial(print, n) for n in range(4)}
    def clip(low):
        def inner(x):
            return x in {"k", "l"} or max(low, x)
        return inner
    CLIPS = {clip(n) for n in range(4)}
    def step(x=NAMES):
        import os
        return [TOOL, POINTS, ARRAY, CLIPS, HOOKS, json.dumps(x), re.match("a", "b")]
"""


def test_processes_agree_whatever_the_hash_seed(folder):
    folder.write("main.py", EVERYTHING)

    found = [folder.print_of(seed=seed) for seed in ("0", "1", "2", "random")]

    assert len({json.dumps([each["digest"], each["parts"]]) for each in found}) == 1
    assert found[0]["blind_spots"] == []


def test_a_script_and_a_module_agree(folder):
    folder.write("main.py", EVERYTHING)
    folder.write(
        "script.py",
        textwrap.dedent(EVERYTHING)
        + textwrap.dedent("""
        from zenml.fingerprint.fingerprint import fingerprint
        print(json.dumps({"digest": fingerprint(step).digest}))
    """),
    )

    assert folder.run(str(folder.project / "script.py"))["digest"] == folder.digest()


def test_a_project_may_move(folder):
    folder.write("main.py", "import helpers\ndef step():\n    import late\n    return helpers.h()")
    folder.write("helpers.py", "def h(): return 1")
    folder.write("late.py", "X = 1")
    before = folder.digest()

    os.rename(folder.project, folder.root / "elsewhere")
    folder.project = folder.root / "elsewhere"

    assert folder.digest() == before


def test_running_a_function_does_not_change_its_fingerprint(folder):
    folder.write(
        "main.py",
        "def h(x): return x + 1\ndef step():\n    for i in range(9): h(i)\n    return [h(i) for i in (1, 2)]",
    )
    trace = "sys.settrace(lambda *a: None)"
    watch = (
        "if sys.version_info >= (3, 12):\n"
        "    sys.monitoring.use_tool_id(1, 'x'); sys.monitoring.set_events(1, sys.monitoring.events.LINE)\n"
        "[step() for _ in range(2000)]"
    )

    plain = folder.digest()

    assert folder.digest(after="[step() for _ in range(2000)]") == plain
    assert folder.digest(before=trace, after="step()") == plain
    assert folder.digest(after=watch) == plain


# Packages


def _install(folder, version, *, body="def f(): return 1", info="fakelib"):
    for old in folder.libraries.glob("*.dist-info"):
        old.rename(folder.root / f"gone-{time.monotonic_ns()}")
    folder.write("fakelib/__init__.py", body, installed=True)
    folder.write(f"{info}-{version}.dist-info/METADATA", "", installed=True)


@pytest.mark.parametrize(
    "source",
    [
        "import fakelib\ndef step(): return fakelib.f()",
        "from fakelib import f\ndef step(): return f()",
        "def step():\n    from fakelib import f\n    return f()",
        "import fakelib\nclass A(fakelib.Base): pass\ndef step(): return A()",
        "import fakelib\nX = fakelib.Base()\ndef step(): return X",
    ],
)
def test_a_package_counts_by_its_version_alone(folder, source):
    folder.write("main.py", source)
    body = "def f(): return 1\nclass Base: pass"
    _install(folder, "1.0", body=body)
    before = folder.print_of()

    _install(folder, "1.0", body=body + "\n# edited\nX = 1")
    edited = folder.print_of()
    _install(folder, "1.1", body=body)
    upgraded = folder.print_of()

    assert ["fakelib", "package", "fakelib 1.0"] in [[*part[:2], part[3]] for part in before["parts"]]
    assert edited["digest"] == before["digest"]
    assert upgraded["digest"] != before["digest"]


def test_a_version_that_is_written_in_the_package_counts_too(folder):
    folder.write("main.py", "import fakelib\ndef step(): return fakelib.f()")
    folder.write("fakelib/__init__.py", "__version__ = '1.0'\ndef f(): return 1", installed=True)
    before = folder.digest()
    folder.write("fakelib/__init__.py", "__version__ = '1.1'\ndef f(): return 1", installed=True)

    assert folder.digest() != before


@pytest.mark.parametrize("listing", ["top_level.txt", "RECORD"])
def test_a_distribution_with_another_name_than_its_package_is_found(folder, listing):
    folder.write("main.py", "import fakelib\ndef step(): return fakelib.f()")
    _install(folder, "3.0", info="python_fake_lib")
    folder.write(
        f"python_fake_lib-3.0.dist-info/{listing}",
        "fakelib" if listing != "RECORD" else "fakelib/__init__.py,,",
        installed=True,
    )

    assert "fakelib 3.0" in [part[3] for part in folder.print_of()["parts"]]


def test_a_time_that_a_package_noted_in_an_object_does_not_count(folder):
    _install(
        folder,
        "1.0",
        body="import time\nclass C:\n    def __init__(self, n): self.n, self.made = n, time.time()",
    )
    folder.write("main.py", "import fakelib\nC = fakelib.C(1)\ndef step(): return C")
    before = folder.digest()
    assert folder.digest() == before

    folder.write("main.py", "import fakelib\nC = fakelib.C(2)\ndef step(): return C")

    assert folder.digest() != before


def test_the_environment_does_not_count(folder):
    folder.write("main.py", "from os import environ\ndef step(): return environ")

    assert folder.digest(seed="1") == folder.digest(seed="2")


RETRY = """
    import functools
    class retry:
        __slots__ = ("_times", "_function", "__wrapped__", "__dict__")
        def __init__(self, times): self._times = open("/dev/null"); self._times.close()
        def __call__(self, function):
            self.__wrapped__ = function
            return self
    def again(times):
        settings = retry(times)
        def deco(function):
            @functools.wraps(function)
            def inner(*a): return settings, function(*a)
            return inner
        return deco
"""


@pytest.mark.parametrize("name", ["retry", "again"])
def test_the_arguments_of_a_packages_decorator_count(folder, name):
    _install(folder, "1.0", body=RETRY)

    def digest(text, head="", doc=""):
        folder.write(
            "main.py",
            f"import fakelib\n{head}\n{text}\ndef h(x):\n    '''{doc}'''\n    return x\ndef step(): return h(1)",
        )
        return folder.print_of()

    before = digest(f"@fakelib.{name}(times=3)")

    assert before["blind_spots"] == []
    assert digest(f"@fakelib.{name}(\n    times=3,  # thrice\n)")["digest"] == before["digest"]
    assert digest(f"@fakelib.{name}(times=5)")["digest"] != before["digest"]
    assert digest(f"@fakelib.{name}(times=3)", doc="a prompt")["digest"] != before["digest"]
    with_constant = digest(f"@fakelib.{name}(times=N)", head="N = 3")
    assert digest(f"@fakelib.{name}(times=N)", head="N = 4")["digest"] != with_constant["digest"]


def test_the_function_below_a_packages_decorator_counts(folder):
    _install(folder, "1.0", body=RETRY)
    folder.write("main.py", "import fakelib\n@fakelib.again(3)\ndef step(x): return 1")
    before = folder.digest()
    folder.write("main.py", "import fakelib\n@fakelib.again(3)\ndef step(x): return 2")

    assert folder.digest() != before


def test_our_own_decorators_are_not_part_of_the_lines(folder):
    _install(folder, "1.0", body=RETRY)
    source = """
        import fakelib
        own = {{"__name__": "zenml.own"}}
        exec("def mark(**options): return lambda function: function", own)
        mark = own["mark"]
        @mark(enable_cache={})
        @fakelib.again({})
        def step(x): return 1
    """

    def digest(cache, times):
        folder.write("main.py", source.format(cache, times))
        return folder.digest()

    assert digest("True", 3) == digest("False", 3)
    assert digest("True", 3) != digest("True", 4)


def test_a_package_that_wraps_without_a_decorator_line_is_a_blind_spot(folder):
    _install(folder, "1.0", body=RETRY)
    folder.write(
        "main.py",
        "import fakelib\ndef h(x): return x\nwrapped = fakelib.again(3)(h)\ndef step(): return wrapped(1)",
    )

    assert folder.print_of()["blind_spots"] == [
        "`main.h` (main.py:2) is wrapped by an object of a package whose settings cannot be seen."
    ]


def test_decorators_in_a_file_edited_after_the_process_began_are_not_trusted(folder):
    _install(folder, "1.0", body=RETRY)
    folder.write("main.py", "import fakelib\n@fakelib.retry(3)\ndef h(x): return x\ndef step(): return h(1)")
    plain = folder.digest()
    touch = "import os, time; os.utime(sys.modules['main'].__file__, (time.time() + {0}, time.time() + {0}))"

    first, second = (folder.print_of(after=touch.format(seconds)) for seconds in (5, 6))

    assert len({plain, first["digest"], second["digest"]}) == 3
    assert "main.py:2) has decorators in a file that was changed" in first["blind_spots"][0]


# Imports inside of functions


LATE = {
    "import late": "def step():\n    import late\n    return late.f()",
    "from late import f": "def step():\n    from late import f\n    return f()",
    "import package.inner": "def step():\n    import package.inner\n    return package.inner",
    "from package import inner": "def step():\n    from package import inner\n    return inner",
    "import with a constant name": "import importlib\ndef step(): return importlib.import_module('late').f()",
    "import in a helper": "def h():\n    import late\n    return late\ndef step(): return h()",
    "module as a whole": "import late\ndef step(x):\n    y = late\n    return y.f()",
}


@pytest.mark.parametrize("source", LATE.values(), ids=list(LATE))
def test_a_module_imported_inside_a_function_counts_with_what_it_imports(folder, source):
    folder.write("main.py", source)
    folder.write("deeper.py", "def g(): return 1")
    folder.write("late.py", "import deeper\ndef f(): return deeper.g()")
    folder.write("package/__init__.py", "")
    folder.write("package/inner.py", "from .other import g")
    folder.write("package/other.py", "from deeper import g")
    before = folder.print_of()

    folder.write("deeper.py", "# why\n\ndef g():\n    'Return 1.'\n    return 1")
    assert folder.digest() == before["digest"]
    folder.write("deeper.py", "def g(): return 2")
    assert folder.digest() != before["digest"]
    assert before["blind_spots"] == []


def test_a_module_imported_inside_a_function_is_not_imported_by_us(folder):
    folder.write("main.py", "def step():\n    import late, fakelib\n    return late")
    folder.write("late.py", "raise SystemExit")
    _install(folder, "1.0", body="raise SystemExit")

    found = folder.print_of()

    assert not {"late", "fakelib"} & set(found["modules"])
    assert {"late", "fakelib"} <= {part[0] for part in found["parts"]}


def test_it_does_not_matter_whether_the_imported_module_is_loaded(folder):
    folder.write("main.py", "def step():\n    import late, fakelib\n    return late")
    folder.write("late.py", "X = 1")
    _install(folder, "1.0")

    assert folder.digest(before="import late, fakelib") == folder.digest()


# Start-up


def test_importing_the_module_loads_nothing_heavy(folder):
    heavy = {
        "ast",
        "inspect",
        "dis",
        "importlib.metadata",
        "dataclasses",
        "linecache",
        "tokenize",
        "textwrap",
    }
    script = (
        "import sys, json, msgspec, hashlib; from zenml import errors; before = set(sys.modules)\n"
        "import zenml.fingerprint.fingerprint\n"
        "def step(): return 1\n"
        "zenml.fingerprint.fingerprint.fingerprint(step)\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )

    loaded = folder.run("-c", script)

    assert not heavy & set(loaded)
    assert {name.partition(".")[0] for name in loaded} <= {"zenml", "opcode", "_opcode", "_opcode_metadata"}
