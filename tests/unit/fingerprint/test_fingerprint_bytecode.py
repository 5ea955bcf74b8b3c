"""The normal form of bytecode: formatting does not reach it, and every difference in meaning does."""

import ast
import sys
import textwrap
import time
import types
import warnings
from pathlib import Path

import pytest

from zenml.fingerprint.code_shape import Import, Reference, shape_of
from zenml.fingerprint.fingerprint import fingerprint


def _function(source, name="f"):
    names = {}
    exec(compile(textwrap.dedent(source), "<test>", "exec"), names)  # noqa: S102  a function from text
    return names[name].__code__


def _nested(code):
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield constant
            yield from _nested(constant)


STANDARD = sorted(Path(ast.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("path", STANDARD[:: max(1, len(STANDARD) // 40)], ids=lambda path: path.stem)
def test_reformatting_real_code_changes_no_shape(path):
    source = path.read_text("utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        written = compile(source, "a", "exec")
        reformatted = compile(ast.unparse(ast.parse(source)), "b", "exec")

    for one, other in zip(_nested(written), _nested(reformatted), strict=True):
        assert shape_of(one).digest == shape_of(other).digest, one.co_qualname


@pytest.mark.parametrize("path", STANDARD[:: max(1, len(STANDARD) // 10)], ids=lambda path: path.stem)
def test_functions_of_one_file_with_different_code_have_different_shapes(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(path.read_text("utf-8"))
    texts = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and not ast.get_docstring(node):
            node.decorator_list, node.returns, name, node.name = [], None, node.name, "f"
            for argument in (*node.args.args, *node.args.kwonlyargs, *node.args.posonlyargs):
                argument.annotation = None
            if not any(
                isinstance(inner, (ast.Nonlocal, ast.Global, ast.AnnAssign)) for inner in ast.walk(node)
            ):
                texts[ast.unparse(node)] = name
    shapes = {}
    for text, name in texts.items():
        code = next(_nested(compile(text, "<test>", "exec")))
        shapes.setdefault(shape_of(code).digest, []).append((name, text))

    same = [group for group in shapes.values() if len(group) > 1]
    assert all(_differ_in_names_of_locals_only(group) for group in same), same


def _differ_in_names_of_locals_only(group):
    codes = [next(_nested(compile(text, "<test>", "exec"))) for _, text in group]
    return len({(code.co_names, len(code.co_varnames), len(code.co_code)) for code in codes}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f(x):\n  while x: x = x.y", "def f(x):\n  if x: x = x.y"),
        (
            "def f(x):\n  for i in x:\n    if i: break\n  else: x()",
            "def f(x):\n  for i in x:\n    if i: break\n  x()",
        ),
        (
            "def f(x):\n  for i in x:\n    if i: continue\n    x()",
            "def f(x):\n  for i in x:\n    if i: break\n    x()",
        ),
        ("def f(x, y, z): return x and y or z", "def f(x, y, z): return x and (y or z)"),
        ("def f(x, y): return x or y", "def f(x, y): return y or x"),
        ("def f(x):\n  if x is None: return 1", "def f(x):\n  if x is not None: return 1"),
        ("def f(x):\n  while True: pass", "def f(x):\n  pass"),
        ("def f(x):\n  with x: x.a()\n  x.b()", "def f(x):\n  with x:\n    x.a()\n    x.b()"),
        ("def f(x):\n  try: x()\n  finally: x.y()", "def f(x):\n  x()\n  x.y()"),
        ("def f(x): return x[1:2]", "def f(x): return x[1:3]"),
        ("def f(x): return f'{x}'", "def f(x): return f'{x!r}'"),
        ("def f(x): return x in {1, 2}", "def f(x): return x in {1, 3}"),
        ("def f(x): return x(a=1)", "def f(x): return x(b=1)"),
        ("def f(x): return x + 1", "def f(x): x += 1"),
        ("def f(x): return lambda y=1: y", "def f(x): return lambda y=2: y"),
        (
            "def f(x):\n  match x:\n    case [1, y]: return y",
            "def f(x):\n  match x:\n    case [2, y]: return y",
        ),
        ("async def f(x):\n  async for y in x: y()", "async def f(x):\n  for y in x: y()"),
        ("def f(): return 'a' if g else 'b'", "def f(): return 'b' if g else 'a'"),
    ],
)
def test_different_code_has_different_shapes(one, other):
    assert shape_of(_function(one)).digest != shape_of(_function(other)).digest


def test_more_constants_and_names_than_fit_in_a_byte_are_read():
    body = "\n".join(f"  x.a{n} = {n + 0.5}" for n in range(700)) + "\n  for i in x:\n" + "    x.y()\n" * 300

    one, other = (_function(f"def f(x):\n{body}  return {end}") for end in ("'a'", "'b'"))

    assert shape_of(one).digest != shape_of(other).digest
    assert shape_of(one).digest == shape_of(_function(f"def f(x):\n\n{body}  return 'a'")).digest


def test_references_are_names_with_the_attributes_taken_from_them():
    shape = shape_of(_function("def f(x): return a.b.c(x.d) + g() + getattr(a, 'e')"))

    found = [(each.name, each.attributes) for each in shape.references]
    assert found == [("a", ("b", "c")), ("a", ("e",)), ("g", ()), ("getattr", ())]


def test_a_computed_attribute_is_open():
    assert Reference("a", is_open=True) in shape_of(_function("def f(x): return getattr(a, x)")).references


def test_imports_are_collected_from_nested_code():
    shape = shape_of(_function("def f():\n  import a.b\n  def g():\n    from ..c import d, e"))

    assert shape.imports == (Import("a.b", 0, ()), Import("c", 2, ("d", "e")))


def test_captured_names_come_in_the_order_of_use():
    outer = _function("def f():\n  a, z = 1, 2\n  def g(): return z, a\n  return g")
    (inner,) = _nested(outer)

    assert shape_of(inner).free_names == ("z", "a")


def test_timings_are_printed(monkeypatch):
    body = "\n".join(f"    if x > {n}: x = helper.get(x, {n})[1:] + other(x, y=[1, x])" for n in range(4))
    functions = "\n".join(f"def f{n}(x):\n{body}\n    return f{n + 1}(x)" for n in range(30))
    module = types.ModuleType("project_timing")
    monkeypatch.setitem(sys.modules, "project_timing", module)
    exec(f"helper = {{}}\ndef other(x, y): return y\n{functions}\ndef f30(x): return x", module.__dict__)  # noqa: S102

    def microseconds(function, count):
        started = time.perf_counter()
        for _ in range(count):
            fingerprint(function)
        return (time.perf_counter() - started) / count * 1e6

    print(
        f"\n30 functions, cold: {microseconds(module.f0, 1):.0f} µs; warm: {microseconds(module.f0, 50):.0f} µs"
    )
    print(f"a small step, warm: {microseconds(module.f29, 200):.0f} µs")
