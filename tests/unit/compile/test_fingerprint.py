"""What changes the fingerprint of a step, and what does not: pairs of modules that differ in one thing."""

import itertools
import sys
import textwrap
import types

import pytest

from zenml.compile.fingerprint import Fingerprint, fingerprint, source_text
from zenml.errors import DeclarationError


class Project:
    """Modules made from text, without files."""

    def __init__(self, monkeypatch):
        self._monkeypatch = monkeypatch

    def add(self, name, source):
        module = types.ModuleType(name)
        self._monkeypatch.setitem(sys.modules, name, module)
        exec(compile(textwrap.dedent(source), f"<{name}>", "exec"), module.__dict__)
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


DIFFERENT = {
    "helper": ("def step(): return h()\ndef h(): return 10", "def step(): return h()\ndef h(): return 20"),
    "helper of a helper": (
        "def step(): return a()\ndef a(): return b()\ndef b(): return 1",
        "def step(): return a()\ndef a(): return b()\ndef b(): return 2",
    ),
    "own body": ("def step(x): return x + 1", "def step(x): return x - 1"),
    "comparison": ("def step(x): return x < 1", "def step(x): return x <= 1"),
    "method that is called": ("def step(x): return x.a()", "def step(x): return x.b()"),
    "parameter name": ("def step(x): return x", "def step(y): return y"),
    "keyword-only parameter": ("def step(x): return x", "def step(*, x): return x"),
    "order of branches": (
        "def step(x):\n  if x: return 1\n  return 2",
        "def step(x):\n  if not x: return 1\n  return 2",
    ),
    "handler of another exception": (
        "def step(x):\n  try: x()\n  except KeyError: return 1",
        "def step(x):\n  try: x()\n  except ValueError: return 1",
    ),
    "statement moved out of try": (
        "def step(x):\n  try:\n    x()\n    x.y()\n  except KeyError: pass",
        "def step(x):\n  try:\n    x()\n  except KeyError: pass\n  x.y()",
    ),
    "which variable": (
        "def step(x, y):\n  a = x\n  b = y\n  return a",
        "def step(x, y):\n  a = x\n  b = y\n  return b",
    ),
    "which variable in a nested function": (
        "def step():\n  a, b = 1, 2\n  def f(): return a\n  return f, b",
        "def step():\n  a, b = 1, 2\n  def f(): return b\n  return f, a",
    ),
    "global constant": ("T = 0.5\ndef step(): return T", "T = 0.6\ndef step(): return T"),
    "type of a constant: 1 and True": ("T = 1\ndef step(): return T", "T = True\ndef step(): return T"),
    "type of a constant: 1 and 1.0": ("T = 1\ndef step(): return T", "T = 1.0\ndef step(): return T"),
    "type of a constant: 1 and '1'": ("T = 1\ndef step(): return T", "T = '1'\ndef step(): return T"),
    "type of a constant: tuple and list": (
        "T = (1, 2)\ndef step(): return T",
        "T = [1, 2]\ndef step(): return T",
    ),
    "type inside of a constant": (
        "T = {'a': [1]}\ndef step(): return T",
        "T = {'a': [1.0]}\ndef step(): return T",
    ),
    "literal 1 and True": ("def step(): return 1", "def step(): return True"),
    "literal 1 and 1.0": ("def step(): return 1", "def step(): return 1.0"),
    "literal 0.0 and -0.0": ("def step(): return 0.0", "def step(): return -0.0"),
    "default": ("def step(x=1): return x", "def step(x=2): return x"),
    "default of a helper": (
        "def step(): return h()\ndef h(*, x=1): return x",
        "def step(): return h()\ndef h(*, x=2): return x",
    ),
    "method": (
        "class M:\n  def f(self): return 1\ndef step(): return M().f()",
        "class M:\n  def f(self): return 2\ndef step(): return M().f()",
    ),
    "base class": (
        "class B:\n  def f(self): return 1\nclass M(B): pass\ndef step(): return M().f()",
        "class B:\n  def f(self): return 2\nclass M(B): pass\ndef step(): return M().f()",
    ),
    "metaclass": (
        "class T(type):\n  x = 1\nclass M(metaclass=T): pass\ndef step(): return M()",
        "class T(type):\n  x = 2\nclass M(metaclass=T): pass\ndef step(): return M()",
    ),
    "class attribute": (
        "class M:\n  size = 1\ndef step(): return M()",
        "class M:\n  size = 2\ndef step(): return M()",
    ),
    "property": (
        "class M:\n  @property\n  def f(self): return 1\ndef step(): return M().f",
        "class M:\n  @property\n  def f(self): return 2\ndef step(): return M().f",
    ),
    "static method": (
        "class M:\n  @staticmethod\n  def f(): return 1\ndef step(): return M.f()",
        "class M:\n  @staticmethod\n  def f(): return 2\ndef step(): return M.f()",
    ),
    "class method": (
        "class M:\n  @classmethod\n  def f(cls): return 1\ndef step(): return M.f()",
        "class M:\n  @classmethod\n  def f(cls): return 2\ndef step(): return M.f()",
    ),
    "cached property": (
        "from functools import cached_property as p\nclass M:\n  @p\n  def f(self): return 1\ndef step(): return M()",
        "from functools import cached_property as p\nclass M:\n  @p\n  def f(self): return 2\ndef step(): return M()",
    ),
    "function used in a property": (
        "def h(): return 1\nclass M:\n  @property\n  def f(self): return h()\ndef step(): return M().f",
        "def h(): return 2\nclass M:\n  @property\n  def f(self): return h()\ndef step(): return M().f",
    ),
    "enumeration": (
        "from enum import Enum\nclass E(Enum): A = 1\ndef step(): return E.A",
        "from enum import Enum\nclass E(Enum): A = 2\ndef step(): return E.A",
    ),
    "member of an enumeration": (
        "from enum import Enum\nclass E(Enum):\n  A = 1\n  B = 2\nC = E.A\ndef step(): return C",
        "from enum import Enum\nclass E(Enum):\n  A = 1\n  B = 2\nC = E.B\ndef step(): return C",
    ),
    "default of a dataclass": (
        "from dataclasses import dataclass\n@dataclass\nclass D:\n  x: int = 1\ndef step(): return D()",
        "from dataclasses import dataclass\n@dataclass\nclass D:\n  x: int = 2\ndef step(): return D()",
    ),
    "factory of a dataclass": (
        "from dataclasses import dataclass, field\n@dataclass\nclass D:\n  x: object = field(default_factory=list)\n"
        "def step(): return D()",
        "from dataclasses import dataclass, field\n@dataclass\nclass D:\n  x: object = field(default_factory=dict)\n"
        "def step(): return D()",
    ),
    "order of a dataclass": (
        "from dataclasses import dataclass\n@dataclass(order=True)\nclass D:\n  x: int = 1\ndef step(): return D()",
        "from dataclasses import dataclass\n@dataclass\nclass D:\n  x: int = 1\ndef step(): return D()",
    ),
    "named tuple": (
        "from typing import NamedTuple\nclass P(NamedTuple):\n  x: int = 1\ndef step(): return P()",
        "from typing import NamedTuple\nclass P(NamedTuple):\n  x: int = 2\ndef step(): return P()",
    ),
    "slots": (
        "class M:\n  __slots__ = ('a',)\n  def __init__(self): self.a = 1\nC = M()\ndef step(): return C",
        "class M:\n  __slots__ = ('a',)\n  def __init__(self): self.a = int('2')\nC = M()\ndef step(): return C",
    ),
    "state of an object": (
        "class M:\n  def __init__(self, x): self.x = x\nC = M(1)\ndef step(): return C",
        "class M:\n  def __init__(self, x): self.x = x\nC = M(2)\ndef step(): return C",
    ),
    "state of a slotted object": (
        "class M:\n  __slots__ = ('_x', '__y')\n  def __init__(self, x): self.__y = x\nC = M(1)\ndef step(): return C",
        "class M:\n  __slots__ = ('_x', '__y')\n  def __init__(self, x): self.__y = x\nC = M(2)\ndef step(): return C",
    ),
    "object that derives from a list": (
        "class L(list): pass\nC = L([1])\ndef step(): return C",
        "class L(list): pass\nC = L([2])\ndef step(): return C",
    ),
    "object of a package": (
        "from types import SimpleNamespace as N\nC = N(x=1)\ndef step(): return C",
        "from types import SimpleNamespace as N\nC = N(x=2)\ndef step(): return C",
    ),
    "captured value": (
        "def make(x):\n  def step(): return x\n  return step\nstep = make(1)",
        "def make(x):\n  def step(): return x\n  return step\nstep = make(2)",
    ),
    "captured value two levels down": (
        "def make(x):\n  def step():\n    def f(): return x\n    return f()\n  return step\nstep = make(1)",
        "def make(x):\n  def step():\n    def f(): return x\n    return f()\n  return step\nstep = make(2)",
    ),
    "captured function": (
        "def make(f):\n  def step(): return f()\n  return step\nstep = make(lambda: 1)",
        "def make(f):\n  def step(): return f()\n  return step\nstep = make(lambda: 2)",
    ),
    "captured values swapped": (
        "def make(x, y):\n  def step(): return x - y\n  return step\nstep = make(1, 2)",
        "def make(x, y):\n  def step(): return x - y\n  return step\nstep = make(2, 1)",
    ),
    "argument of a decorator": (
        "def clip(a, b):\n  def deco(f):\n    def inner(): return max(a, min(b, f()))\n    return inner\n  return deco\n"
        "@clip(0, 1)\ndef step(): return 5",
        "def clip(a, b):\n  def deco(f):\n    def inner(): return max(a, min(b, f()))\n    return inner\n  return deco\n"
        "@clip(0, 10)\ndef step(): return 5",
    ),
    "function below a decorator": (
        "from functools import wraps\ndef deco(f):\n  @wraps(f)\n  def inner(): return f()\n  return inner\n"
        "@deco\ndef step(): return 5",
        "from functools import wraps\ndef deco(f):\n  @wraps(f)\n  def inner(): return f()\n  return inner\n"
        "@deco\ndef step(): return 6",
    ),
    "class used as a decorator": (
        "class Add:\n  def __init__(self, n): self.n = n\n  def __call__(self, f):\n    self.f = f\n    return self\n"
        "@Add(1)\ndef h(): return 1\ndef step(): return h",
        "class Add:\n  def __init__(self, n): self.n = n\n  def __call__(self, f):\n    self.f = f\n    return self\n"
        "@Add(2)\ndef h(): return 1\ndef step(): return h",
    ),
    "function in a cache": (
        "from functools import lru_cache\n@lru_cache\ndef h(): return 1\ndef step(): return h()",
        "from functools import lru_cache\n@lru_cache\ndef h(): return 2\ndef step(): return h()",
    ),
    "context manager": (
        "from contextlib import contextmanager\n@contextmanager\ndef h(): yield 1\ndef step():\n  with h() as x: return x",
        "from contextlib import contextmanager\n@contextmanager\ndef h(): yield 2\ndef step():\n  with h() as x: return x",
    ),
    "single dispatch": (
        "from functools import singledispatch\n@singledispatch\ndef h(x): return 1\n@h.register\ndef _(x: int): return 2\n"
        "def step(): return h(1)",
        "from functools import singledispatch\n@singledispatch\ndef h(x): return 1\n@h.register\ndef _(x: int): return 3\n"
        "def step(): return h(1)",
    ),
    "partial: function": (
        "from functools import partial\ndef h(x): return x\nP = partial(h, 1)\ndef step(): return P()",
        "from functools import partial\ndef h(x): return -x\nP = partial(h, 1)\ndef step(): return P()",
    ),
    "partial: argument": (
        "from functools import partial\ndef h(x): return x\nP = partial(h, 1)\ndef step(): return P()",
        "from functools import partial\ndef h(x): return x\nP = partial(h, 2)\ndef step(): return P()",
    ),
    "partial as a step": (
        "from functools import partial\ndef h(x): return x\nstep = partial(h, 1)",
        "from functools import partial\ndef h(x): return x\nstep = partial(h, x=1)",
    ),
    "bound method": (
        "class M:\n  def __init__(self, x): self.x = x\n  def f(self): return self.x\nf = M(1).f\ndef step(): return f()",
        "class M:\n  def __init__(self, x): self.x = x\n  def f(self): return self.x\nf = M(2).f\ndef step(): return f()",
    ),
    "lambda": ("h = lambda x: x\ndef step(): return h(1)", "h = lambda x: -x\ndef step(): return h(1)"),
    "async function": (
        "async def h(): return 1\nasync def step(): return await h()",
        "async def h(): return 2\nasync def step(): return await h()",
    ),
    "async and not": ("async def step(): return 1", "def step(): return 1"),
    "generator": (
        "def h():\n  yield 1\ndef step(): return list(h())",
        "def h():\n  yield 2\ndef step(): return list(h())",
    ),
    "comprehension": (
        "def h(x): return x\ndef step(): return [h(i) for i in range(3)]",
        "def h(x): return -x\ndef step(): return [h(i) for i in range(3)]",
    ),
    "condition of a comprehension": (
        "def step(): return {i for i in range(9) if i > 3}",
        "def step(): return {i for i in range(9) if i > 4}",
    ),
    "name used in a nested class": (
        "def h(): return 1\ndef step():\n  class A:\n    x = h()\n  return A",
        "def h(): return 2\ndef step():\n  class A:\n    x = h()\n  return A",
    ),
    "function in a registry": (
        "R = {}\ndef add(f): R[f.__name__] = f\n@add\ndef a(): return 1\ndef step(): return R['a']()",
        "R = {}\ndef add(f): R[f.__name__] = f\n@add\ndef a(): return 2\ndef step(): return R['a']()",
    ),
    "attribute of a function": (
        "def h(): return h.x\nh.x = 1\ndef step(): return h()",
        "def h(): return h.x\nh.x = 2\ndef step(): return h()",
    ),
    "class that is only an annotation": (
        "class C:\n  def f(self): return 1\ndef step(c: C): return c.f()",
        "class C:\n  def f(self): return 2\ndef step(c: C): return c.f()",
    ),
    "class in an annotation of quoted generic type": (
        "class C:\n  def f(self): return 1\ndef step(c: 'list[C | None]'): return c[0].f()",
        "class C:\n  def f(self): return 2\ndef step(c: 'list[C | None]'): return c[0].f()",
    ),
    "class in an annotation of generic type": (
        "from typing import Annotated, Optional\nclass C:\n  def f(self): return 1\n"
        "def step(c: dict[str, Annotated[Optional[C], 'x']]): return c",
        "from typing import Annotated, Optional\nclass C:\n  def f(self): return 2\n"
        "def step(c: dict[str, Annotated[Optional[C], 'x']]): return c",
    ),
    "regular expression": (
        "import re\nP = re.compile('a')\ndef step(): return P",
        "import re\nP = re.compile('a', re.I)\ndef step(): return P",
    ),
    "date": (
        "from datetime import date\nP = date(2020, 1, 1)\ndef step(): return P",
        "from datetime import date\nP = date(2020, 1, 2)\ndef step(): return P",
    ),
    "path": (
        "from pathlib import Path\nP = Path('a')\ndef step(): return P",
        "from pathlib import Path\nP = Path('b')\ndef step(): return P",
    ),
    "array": (
        "import numpy as np\nP = np.arange(4)\ndef step(): return P",
        "import numpy as np\nP = np.arange(4)[::-1]\ndef step(): return P",
    ),
    "type of an array": (
        "import numpy as np\nP = np.zeros(4, 'i4')\ndef step(): return P",
        "import numpy as np\nP = np.zeros(4, 'f4')\ndef step(): return P",
    ),
    "shape of an array": (
        "import numpy as np\nP = np.zeros((2, 3))\ndef step(): return P",
        "import numpy as np\nP = np.zeros((3, 2))\ndef step(): return P",
    ),
    "array of objects": (
        "import numpy as np\nP = np.array(['a', None], dtype=object)\ndef step(): return P",
        "import numpy as np\nP = np.array(['b', None], dtype=object)\ndef step(): return P",
    ),
    "estimator with other settings": (
        "from sklearn.linear_model import Ridge\nM = Ridge(alpha=1.0)\ndef step(): return M",
        "from sklearn.linear_model import Ridge\nM = Ridge(alpha=2.0)\ndef step(): return M",
    ),
    "default of a pydantic model": (
        "from pydantic import BaseModel\nclass C(BaseModel):\n  x: float = 0.5\ndef step(): return C()",
        "from pydantic import BaseModel\nclass C(BaseModel):\n  x: float = 0.7\ndef step(): return C()",
    ),
    "bound of a pydantic model": (
        "from pydantic import BaseModel, Field\nclass C(BaseModel):\n  x: float = Field(0.5, ge=0)\ndef step(): return C()",
        "from pydantic import BaseModel, Field\nclass C(BaseModel):\n  x: float = Field(0.5, ge=1)\ndef step(): return C()",
    ),
    "validator of a pydantic model": (
        "from pydantic import BaseModel, field_validator\nclass C(BaseModel):\n  x: float = 0.5\n"
        "  @field_validator('x')\n  @classmethod\n  def check(cls, v): return v\ndef step(): return C()",
        "from pydantic import BaseModel, field_validator\nclass C(BaseModel):\n  x: float = 0.5\n"
        "  @field_validator('x')\n  @classmethod\n  def check(cls, v): return -v\ndef step(): return C()",
    ),
    "docstring that a package may read": (
        "from pydantic import BaseModel\nclass C(BaseModel):\n  'one'\n  x: int\ndef step(): return C(x=1)",
        "from pydantic import BaseModel\nclass C(BaseModel):\n  'two'\n  x: int\ndef step(): return C(x=1)",
    ),
    "docstring where it is read": (
        "def h():\n  'one'\ndef step(): return h.__doc__",
        "def h():\n  'two'\ndef step(): return h.__doc__",
    ),
    "function of another package": (
        "from math import sin as f\ndef step(): return f(1)",
        "from math import cos as f\ndef step(): return f(1)",
    ),
    "module of another package": (
        "import math as m\ndef step(): return m.sqrt(1)",
        "import cmath as m\ndef step(): return m.sqrt(1)",
    ),
    "function swapped with another that is reached too": (
        "def a(): return 1\ndef b(): return 2\nf, g = a, b\ndef step(): return f() - g()",
        "def a(): return 1\ndef b(): return 2\nf, g = b, a\ndef step(): return f() - g()",
    ),
}

SAME = {
    "comment": ("def step(x):\n  return x", "def step(x):\n  # why\n  return x  # what"),
    "formatting": (
        "def step(x): return h(x, [1, 2], {'a': x})\ndef h(*a): return a if a else None",
        "def step(\n    x\n):\n  return h(\n      x,\n      [\n  1,\n  2],\n      {'a':\n  x}\n  )\n\n\n"
        "def h(*a):\n  return (\n    a\n    if a\n    else None\n  )",
    ),
    "docstring": ("def step(x): return x", "def step(x):\n  'Return x.'\n  return x"),
    "other docstring": (
        "def step():\n  'a'\n  class A:\n    'b'\n    def m(self): 'c'\n  return A\n",
        "def step():\n  'A'\n  class A:\n    'B'\n    def m(self): 'C'\n  return A\n",
    ),
    "docstring of a class": (
        "class A:\n  'a'\n  def m(self): 'c'\ndef step(): return A",
        "class A:\n  'b'\n  def m(self): 'd'\ndef step(): return A",
    ),
    "pass": ("def step(x):\n  if x:\n    x()\n", "def step(x):\n  if x:\n    pass\n    x()\n    pass\n"),
    "local variable renamed": ("def step(x):\n  a = x\n  return a", "def step(x):\n  b = x\n  return b"),
    "captured variables renamed": (
        "def step(x):\n  a = x\n  z = 2\n  def f(): return a - z\n  return f",
        "def step(x):\n  z = x\n  a = 2\n  def f(): return z - a\n  return f",
    ),
    "captured variables of a step renamed": (
        "def make():\n  a, z = 1, 2\n  def step(): return a - z\n  return step\nstep = make()",
        "def make():\n  z, a = 1, 2\n  def step(): return z - a\n  return step\nstep = make()",
    ),
    "variable of a comprehension renamed": (
        "def step(x): return [lambda: i for i in x]",
        "def step(x): return [lambda: each for each in x]",
    ),
    "place in the file": (
        "def step(): return h()\ndef h(): return 1",
        "X = 1\n\n\ndef h(): return 1\ndef step(): return h()",
    ),
    "class on another line": (
        "class A:\n  def m(self): self.x = self.y = 1\ndef step(): return A",
        "\n\n\nclass A:\n\n  def m(self): self.x = self.y = 1\ndef step(): return A",
    ),
    "nested class on another line": (
        "def step():\n  class A:\n    def m(self): self.x = self.y = 1\n  return A",
        "def step():\n\n\n  class A:\n    def m(self): self.x = self.y = 1\n  return A",
    ),
    "function that is not reached": (
        "def step(): return 1\ndef other(): return 1",
        "def step(): return 1\ndef other(): return 2",
    ),
    "global named like an attribute": (
        "def clean(): return 1\ndef step(x): return x.clean()",
        "def clean(): return 2\ndef step(x): return x.clean()",
    ),
    "global named like a local variable": (
        "clean = 1\ndef step(clean): return clean",
        "clean = 2\ndef step(clean): return clean",
    ),
    "order of a set": (
        "S = {'a', 'b', 'c'}\ndef step(): return S",
        "S = {'c', 'b', 'a'}\ndef step(): return S",
    ),
    "order of a dictionary": (
        "S = {'a': 1, 'b': 2}\ndef step(): return S",
        "S = {'b': 2, 'a': 1}\ndef step(): return S",
    ),
    "order of a dictionary of functions": (
        "def a(): return 1\ndef b(): return 2\nS = {a: 1, b: 2}\ndef step(): return S",
        "def a(): return 1\ndef b(): return 2\nS = {b: 2, a: 1}\ndef step(): return S",
    ),
    "lock": (
        "import threading\nL = threading.Lock()\ndef step():\n  with L: return 1",
        "import threading\nL = threading.Lock()\nL.acquire()\ndef step():\n  with L: return 1",
    ),
    "value of a cached property": (
        "import functools\nclass A:\n  @functools.cached_property\n  def x(self): return 1\nC = A()\ndef step(): return C",
        "import functools\nclass A:\n  @functools.cached_property\n  def x(self): return 1\nC = A()\nC.x\ndef step(): return C",
    ),
    "name of a module": (
        "__name__ = 'one'\nclass A: pass\ndef h(): return A\ndef step(): return h()",
        "__name__ = 'two'\nclass A: pass\ndef h(): return A\ndef step(): return h()",
    ),
    "name of the step": ("def step(): return 1", "def other(): return 1\nstep = other"),
    "long integer": ("T = 1 << 100_000\ndef step(): return T", "T = 2 ** 100_000\ndef step(): return T"),
}


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

    assert found.blind_spots == (
        "`project_main.step` (<project_main>:3) reaches a value of type `random.Random` that cannot be read, "
        "so it counts by its type alone.",
    )


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
