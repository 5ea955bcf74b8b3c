"""What changes the fingerprint of a step, and what does not: pairs of modules that differ in one thing."""

import copyreg
import itertools
import re
import sys
import textwrap
import types
from pathlib import Path

import pytest

from zenml.errors import DeclarationError
from zenml.fingerprint.fingerprint import Fingerprint, fingerprint, source_text


class Project:
    """Modules made from text, without files."""

    def __init__(self, monkeypatch):
        self._monkeypatch = monkeypatch

    def add(self, name, source):
        module = types.ModuleType(name)
        self._monkeypatch.setitem(sys.modules, name, module)
        exec(compile(textwrap.dedent(source), f"<{name}>", "exec"), module.__dict__)  # noqa: S102  a module from text
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, module)
        return module

    def print_of(self, source, name="project_main") -> Fingerprint:
        return fingerprint(self.add(name, source).step)

    def digest(self, source, name="project_main") -> str:
        return self.print_of(source, name).digest


@pytest.fixture
def project(monkeypatch):
    return Project(monkeypatch)


def _cases(name):
    text = (Path(__file__).parent / f"test_fingerprint_{name}.txt").read_text("utf-8")
    return dict(case.split("\n", 1) for case in text.split("\n## ")[1:])


def _versions(case):
    return [re.sub("«(.*?)\\|(.*?)»", lambda found, k=k: found[k], case, flags=re.DOTALL) for k in (1, 2)]


DIFFERENT = {name: _versions(case) for name, case in _cases("different").items()}
SAME = {name: case.split("\n--\n") for name, case in _cases("same").items()}


@pytest.mark.parametrize("name", DIFFERENT)
def test_a_change_in_what_runs_changes_the_fingerprint(project, name):
    before, after = DIFFERENT[name]

    first, second = project.print_of(before), project.print_of(after)

    assert first.digest != second.digest
    assert {(p.name, p.digest) for p in first.parts} != {(p.name, p.digest) for p in second.parts}, (
        "no part tells why"
    )


@pytest.mark.parametrize("name", SAME)
def test_a_change_without_effect_keeps_the_fingerprint(project, name):
    before, after = SAME[name]

    assert project.digest(before) == project.digest(after)


@pytest.mark.parametrize("name", [*DIFFERENT, *SAME])
def test_the_fingerprint_of_unchanged_code_stays(project, name):
    source = {**DIFFERENT, **SAME}[name][0]

    assert project.print_of(source) == project.print_of(source)
    assert not project.print_of(source).blind_spots


OTHER_MODULE = {
    "import features": "import features\ndef step(): return features.clean()",
    "from features import clean": "from features import clean\ndef step(): return clean()",
    "import features.sub": "import features.sub\ndef step(): return features.sub.clean()",
    "from features import sub": "from features import sub\ndef step(): return sub.clean()",
    "from features.sub import clean as c": "from features.sub import clean as c\ndef step(): return c()",
    "captured module": "import features\ndef make(m):\n  def step(): return m.clean()\n  return step\nstep = make(features)",
    "getattr": "import features\ndef step(): return getattr(features, 'clean')()",
    "constant": "import features\ndef step(): return features.SIZE",
}


def _add_features(project, number):
    source = f"SIZE = {number}\ndef clean(): return {number}\ndef other(): return 1"
    project.add("features", source)
    project.add("features.sub", source)


@pytest.mark.parametrize("source", OTHER_MODULE.values(), ids=list(OTHER_MODULE))
def test_a_helper_in_another_module_counts(project, source):
    _add_features(project, 1)
    before = project.digest(source)
    _add_features(project, 2)

    assert project.digest(source) != before


def test_the_rest_of_another_module_does_not_count(project):
    source = "import features\ndef step(): return features.clean()"
    project.add("features", "def clean(): return 1\ndef other(): return 1")
    before = project.digest(source)
    project.add("features", "def clean(): return 1\ndef other(): return 2")

    assert project.digest(source) == before


def test_a_helper_may_move_to_another_module(project):
    project.add("features", "def clean(): return 1")
    before = project.digest("from features import clean\ndef step(): return clean()")
    project.add("cleaning", "X = 1\n\ndef clean(): return 1")

    assert project.digest("from cleaning import clean\ndef step(): return clean()") == before


def test_a_step_may_move_to_another_module(project):
    source = "T = 1\ndef h(): return T\ndef step(x=1): return h()"

    assert project.digest(source, "__main__") == project.digest(source, "project_other")


def test_closures_of_one_text_with_different_values_differ(project):
    module = project.add("project_main", "def make(x):\n  def inner(): return x\n  return inner")

    assert fingerprint(module.make(1)).digest != fingerprint(module.make(2)).digest
    assert fingerprint(module.make(1)).digest == fingerprint(module.make(1)).digest


def test_two_closures_of_one_text_in_one_step_are_two_parts(project):
    found = project.print_of(
        "def make(x):\n  def inner(): return x\n  return inner\na, b = make(1), make(2)\ndef step(): return a(), b()"
    )

    texts = {part.text for part in found.parts if part.kind == "closure"}
    assert texts == {"x = 1", "x = 2"}


@pytest.mark.parametrize(
    "source",
    [
        "def step(n): return n and step(n - 1)",
        "def step(n): return n and b(n - 1)\ndef b(n): return n and step(n - 1)",
        "class A:\n  def f(self): return A\nclass B(A):\n  def g(self): return super().f(), B\nA.b = B\ndef step(): return B()",
        "L = []\nL.append(L)\ndef step(): return L",
        "class A: pass\na = A()\na.a = a\ndef step(): return a",
        "class A: pass\na, b = A(), A()\na.s, b.s = {b}, {a}\ndef step(): return a",
        "def step(): return f\nf = lambda: f",
    ],
)
def test_cycles_end(project, source):
    assert project.print_of(source) == project.print_of(source)


def test_a_chain_of_a_thousand_functions_is_followed_to_its_end(project):
    lines = [f"def f{n}(): return f{n + 1}()" for n in range(1000)]
    head = "def step(): return f0()\n" + "\n".join(lines)

    assert project.digest(f"{head}\ndef f1000(): return 1") != project.digest(
        f"{head}\ndef f1000(): return 2"
    )


def test_a_deep_value_is_reported_not_followed(project):
    found = project.print_of("L = []\nfor _ in range(10_000): L = [L]\ndef step(): return L")

    assert "nested too deeply" in found.blind_spots[0]


DYNAMIC = {
    "exec": "def step(x): exec(x)",
    "eval": "def step(x): return eval(x)",
    "__import__": "def step(x): return __import__(x)",
    "importlib.import_module": "import importlib\ndef step(x): return importlib.import_module(x)",
    "import_module": "from importlib import import_module\ndef step(x): return import_module(x)",
    "globals": "def step(x): return globals()[x]",
    "sys.modules": "import sys\ndef step(x): return sys.modules[x]",
    "computed name": "import features\ndef step(x): return getattr(features, x)",
    "nowhere_to_be_found": "def step():\n  import nowhere_to_be_found",
}


@pytest.mark.parametrize("feature", DYNAMIC)
def test_a_blind_spot_names_the_feature_and_the_place(project, feature):
    project.add("features", "def clean(): return 1")

    spots = project.print_of("\n\n" + DYNAMIC[feature]).blind_spots

    assert any("`project_main.step` (<project_main>:" in spot and feature in spot for spot in spots), spots


def test_a_users_own_function_named_eval_is_no_blind_spot(project):
    assert not project.print_of("def eval(x): return x\ndef step(): return eval(1)").blind_spots


def test_an_object_that_cannot_be_read_counts_by_type_and_is_reported(project):
    found = project.print_of("import random\nR = random.Random(1)\ndef step(): return R.random()")

    (sentence,) = found.blind_spots
    assert sentence.startswith(
        "`project_main.step` (<project_main>:3) reaches a value of type `random.Random`"
    )
    assert sentence.endswith("that cannot be read, so it counts by its type alone.")


@pytest.mark.parametrize(
    "source",
    [
        "import threading\nX = threading.RLock()\ndef step(): return X",
        "import threading\nX = threading.local()\ndef step(): return X",
        "import logging\nX = logging.getLogger('a')\ndef step(): return X",
        "import sys\nX = sys.stdout\ndef step(): return X",
        "import sys\ndef step(): return sys.stdout",
        "import contextvars\nX = contextvars.ContextVar('a')\ndef step(): return X",
        "import weakref\nX = weakref.WeakValueDictionary()\ndef step(): return X",
        "X = object()\ndef step(): return X",
    ],
)
def test_known_harmless_objects_are_no_blind_spots(project, source):
    assert not project.print_of(source).blind_spots


def test_parts_name_what_was_reached(project):
    project.add("features", "SIZE = 3\nclass Model:\n  def fit(self): return SIZE")
    found = project.print_of(
        "import features, numpy\ndef step(x=2): return numpy.sum(features.Model().fit())"
    )

    named = {part.name: (part.kind, part.text) for part in found.parts}
    assert named == {
        "features.Model": ("class", None),
        "features.Model.fit": ("function", None),
        "features.SIZE": ("constant", "SIZE = 3"),
        "numpy": ("package", f"numpy {sys.modules['numpy'].__version__}"),
        "project_main.step": ("function", None),
        "project_main.step.x": ("default", "x = 2"),
        "python": ("package", "python {}.{}".format(*sys.version_info)),
    }


def test_names_of_parts_are_unique_and_sorted(project):
    found = project.print_of("fs = [lambda: 1, lambda: 2, lambda: 3]\ndef step(): return fs")

    names = [part.name for part in found.parts]
    assert names == sorted(set(names))
    assert "project_main.<lambda>#3" in names


def test_a_part_changes_only_if_it_is_what_changed(project):
    before = project.print_of("T = 1\ndef h(): return T\ndef step(): return h()")
    after = project.print_of("T = 2\ndef h(): return T\ndef step(): return h()")

    changed = [a.name for a, b in itertools.zip_longest(before.parts, after.parts) if a != b]
    assert changed == ["project_main.T"]


def test_the_text_of_a_part_hides_what_may_be_a_secret(project):
    found = project.print_of("API_TOKEN = 'sk-123'\ndef step(): return API_TOKEN")

    assert "API_TOKEN = <hidden>" in {part.text for part in found.parts}


def test_our_own_steps_count_as_the_function_they_wrap(project):
    class Wrapper:
        def __init__(self, function, option):
            self.__zenml_function__ = function
            self.option = option

    module = project.add("project_main", "def h(): return 1\ndef step(): return h()")
    plain = fingerprint(module.step)
    module.h = Wrapper(module.h, 1)

    assert fingerprint(Wrapper(module.step, 2)) == plain


def test_zenml_itself_does_not_count(project):
    found = project.print_of("from zenml import errors\ndef step(): raise errors.ZenMLError")

    assert {part.name for part in found.parts} == {"project_main.step", "python"}


def test_pickling_a_value_of_a_class_does_not_change_the_class(project):
    module = project.add(
        "project_main",
        """
        class Thing:
            pass

        def step():
            return Thing()
        """,
    )
    before = fingerprint(module.step).digest

    copyreg._slotnames(module.Thing)  # what pickling a value does

    assert "__slotnames__" in vars(module.Thing)
    assert fingerprint(module.step).digest == before


def test_only_callables_have_a_fingerprint():
    with pytest.raises(DeclarationError, match="Only functions have a fingerprint, but this is a `int`: 3"):
        fingerprint(3)


def test_the_source_text_is_dedented():
    def local(x):
        return x

    assert source_text(local) == "def local(x):\n    return x\n"


@pytest.mark.parametrize("subject", [3, len, None, types.ModuleType("none")])
def test_a_missing_source_text_is_no_error(subject):
    assert source_text(subject) is None
