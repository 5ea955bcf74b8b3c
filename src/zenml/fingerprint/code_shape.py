"""Reduce a code object to what it does and what it refers to.

The fingerprint of a step asks two things of each function it reaches: is this still the same code, and where does
it lead. Both are answered from the live code object, so no source file is read: what counts is what will run, also
in a notebook, and also when the file was edited after it was imported.

Functions that differ only in comments, formatting, docstrings or the names of local variables have the same
shape. The names of parameters count, because they can be given by keyword.
"""

from __future__ import annotations

import hashlib
import types
from typing import Any

import msgspec

from zenml.fingerprint import bytecode, code_flow


class Reference(msgspec.Struct, frozen=True):
    """A global or captured name that the code reads, with the attributes taken directly from it."""

    name: str
    attributes: tuple[str, ...] = ()
    is_free: bool = False  # captured from an enclosing function, not global
    is_open: bool = False  # `getattr(name.attributes, <something computed>)`
    text: str | None = None  # the constant string loaded next: the argument of `import_module("features")`


class Import(msgspec.Struct, frozen=True):
    """An import statement inside the code."""

    name: str
    level: int
    names: tuple[str, ...]


class CodeShape(msgspec.Struct, frozen=True):
    """What a code object, with the code nested in it, does and refers to."""

    digest: str
    references: tuple[Reference, ...]
    imports: tuple[Import, ...]
    free_names: tuple[str, ...]  # in the order of their first use, so that a renaming keeps the order
    reads_docs: bool
    docs: tuple[str, ...]  # docstrings of what is defined inside; they count where something reads docstrings


def shape_of(code: types.CodeType) -> CodeShape:
    """Return the shape of `code`; it is computed once for each code object of the process."""
    known = _shapes.get(id(code))
    if known is not None:
        return known[1]
    reader = _Reader()
    reader.read(code, _Scope(code, None))
    shape = CodeShape(
        digest=digest_of("\n".join(reader.lines)),
        references=tuple(sorted(set(reader.references), key=_reference_order)),
        imports=tuple(sorted(set(reader.imports), key=lambda each: (each.name, each.level, each.names))),
        free_names=reader.free_names(code),
        reads_docs=reader.reads_docs,
        docs=tuple(reader.docs),
    )
    if len(_shapes) >= _MOST_SHAPES:
        _shapes.clear()
    _shapes[id(code)] = (code, shape)
    return shape


def digest_of(text: str) -> str:
    """Return the short digest that names a piece of code: 96 bits, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def plain_text(value: object) -> str:
    """Return the `repr` of a plain value; of a huge integer in base 16, for which Python knows no limit."""
    if type(value) is int and value.bit_length() > _LONGEST_INTEGER:
        return hex(value)
    return repr(value)


# By id, and with the code object held so that its id is not given to another. As a key, a code object would be
# compared by its whole content, line tables included.
_shapes: dict[int, tuple[types.CodeType, CodeShape]] = {}
_MOST_SHAPES = 8192
_LONGEST_INTEGER = 2000  # bits; the limit for writing it in base 10 can be set, but not below 640 digits

# CO_VARARGS, CO_VARKEYWORDS, CO_GENERATOR, CO_COROUTINE, CO_ITERABLE_COROUTINE, CO_ASYNC_GENERATOR
_FLAGS = 0x4 | 0x8 | 0x20 | 0x80 | 0x100 | 0x200
_DOC_NAMES = frozenset({"__doc__", "getdoc", "cleandoc"})


class _Scope:
    """The variables of one code object, told apart by who defines them, not by name."""

    def __init__(self, code: types.CodeType, parent: _Scope | None) -> None:
        self.parent = parent
        self.names = (*code.co_varnames, *(n for n in code.co_cellvars if n not in code.co_varnames))
        self.names += code.co_freevars
        self.cells = code.co_cellvars
        self.free = code.co_freevars

    def owner(self, name: str) -> _Scope | None:
        """Return the scope that defines `name`, or None if that lies outside of the code being read."""
        scope: _Scope | None = self
        if name in self.free:
            scope = self.parent
            while scope is not None and name not in scope.cells:
                scope = scope.parent
        return scope


class _Reader:
    """Writes a code object, and the code nested in it, as lines of text, and collects where it leads."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.references: list[Reference] = []
        self.imports: list[Import] = []
        self.docs: list[str] = []
        self.reads_docs = False
        self._numbers: dict[tuple[_Scope | None, str], int] = {}

    def read(self, code: types.CodeType, scope: _Scope) -> None:
        """Read one code object."""
        names = code.co_varnames[: _parameter_count(code)]
        counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags & _FLAGS)
        self.lines.append(f"code {counts} {names}")
        for name in names:
            self._variable(scope, name)
        instructions, index_at, docs = bytecode.instructions_of(code)
        self.docs += [doc for doc in docs if isinstance(doc, str)]
        self._write(code, scope, instructions, index_at)
        self._collect(code, scope, instructions)

    def free_names(self, code: types.CodeType) -> tuple[str, ...]:
        """Return the captured names, first used first; those that are never read (`__class__`) come last."""
        last = len(self._numbers)
        return tuple(sorted(code.co_freevars, key=lambda name: (self._numbers.get((None, name), last), name)))

    def _write(
        self,
        code: types.CodeType,
        scope: _Scope,
        instructions: list[bytecode.Instruction],
        index_at: list[int],
    ) -> None:
        """Write the instructions: names and constants resolved, variables numbered by first use."""
        add = self.lines.append
        kinds, flag_bits, names = bytecode.KINDS, bytecode.FLAG_BITS, code.co_names
        numbers = [-1] * len(scope.names)
        steps, places = code_flow.flow_of(instructions, index_at, bytecode.handlers_of(code, index_at))
        for step in steps:
            if isinstance(step, tuple):
                add(f"{step[0]} {places[step[1]]}")
                continue
            op, argument, _ = instructions[step]
            kind = kinds[op]
            if kind == bytecode.RAW:
                add(f"{op} {argument}")
            elif kind == bytecode.VARIABLE:
                if numbers[argument] < 0:
                    numbers[argument] = self._variable(scope, scope.names[argument])
                add(f"{op} v{numbers[argument]}")
            elif kind == bytecode.NAME:
                bits = flag_bits[op]
                add(f"{op} {names[argument >> bits]} {argument & ((1 << bits) - 1)}")
            elif kind == bytecode.CONSTANT:
                self._write_constant(op, code.co_consts[argument], scope)
            else:
                add(f"{op}")

    def _write_constant(self, op: int, value: object, scope: _Scope) -> None:
        """Write a constant; a nested code object is read in place."""
        if not isinstance(value, types.CodeType):
            self.lines.append(f"{op} {_constant_text(value)}")
            return
        self.lines.append(f"{op} begin {value.co_name}")
        self.read(value, _Scope(value, scope))
        self.lines.append("end")
        if value.co_flags & 0x1 and value.co_consts and isinstance(value.co_consts[0], str):
            self.docs.append(
                value.co_consts[0]
            )  # CO_OPTIMIZED: a function, whose first constant is its docstring

    def _variable(self, scope: _Scope, name: str) -> int:
        """Return the number of a variable: the same wherever it is used, given at its first use."""
        return self._numbers.setdefault((scope.owner(name), name), len(self._numbers))

    def _collect(self, code: types.CodeType, scope: _Scope, instructions: list[bytecode.Instruction]) -> None:
        """Collect the references and imports."""
        count = len(instructions)
        after_getattr = -1
        for index, (op, argument, _) in enumerate(instructions):
            if op not in bytecode.LOOKUPS:
                continue
            is_free = op in bytecode.FREE_LOADS
            if is_free:
                name = scope.names[argument]
                if name not in scope.free or scope.owner(name) is not None:
                    continue
            elif op in bytecode.GLOBAL_LOADS:
                name = bytecode.name_of(code, op, argument)
            elif op in bytecode.ATTRIBUTE_LOADS:
                self.reads_docs |= bytecode.name_of(code, op, argument) in _DOC_NAMES
                continue
            else:
                if op == bytecode.IMPORT_NAME:
                    self._collect_import(code, argument, instructions[max(index - 2, 0) : index])
                continue
            attributes = []
            end = index + 1
            while end < count and instructions[end][0] in bytecode.ATTRIBUTE_LOADS:
                attributes.append(bytecode.name_of(code, *instructions[end][:2]))
                end += 1
            if end < count and instructions[end][0] == bytecode.PUSH_NULL:
                end += 1  # from Python 3.13 on it comes after what is called
            text = _constant_at(code, instructions, end)
            is_open = index == after_getattr and text is None
            if index == after_getattr and text is not None:
                attributes.append(text)
            if name == "getattr" and not attributes:
                after_getattr = end
            self.reads_docs |= name in _DOC_NAMES
            self.references.append(Reference(name, tuple(attributes), is_free, is_open, text))

    def _collect_import(
        self, code: types.CodeType, argument: int, before: list[bytecode.Instruction]
    ) -> None:
        """Collect an import statement; the two instructions before it load its level and its names."""
        # Python 3.14 holds a small number in the instruction itself.
        loaded: list[Any] = [
            code.co_consts[value] if op == bytecode.LOAD_CONST else value for op, value, _ in before
        ]
        self.imports.append(Import(code.co_names[argument], loaded[0], loaded[1] or ()))


def _reference_order(reference: Reference) -> tuple[object, ...]:
    """Return a key that does not depend on where in the code a name is used."""
    return reference.name, reference.attributes, reference.is_free, reference.is_open, reference.text or ""


def _parameter_count(code: types.CodeType) -> int:
    """Return how many of the variables are parameters, `*args` and `**kwargs` included."""
    starred = bool(code.co_flags & 0x4) + bool(code.co_flags & 0x8)
    return code.co_argcount + code.co_kwonlyargcount + starred


def _constant_at(code: types.CodeType, instructions: list[bytecode.Instruction], index: int) -> str | None:
    """Return the string that the instruction at `index` loads, if it loads one."""
    if index < len(instructions) and instructions[index][0] == bytecode.LOAD_CONST:
        value = code.co_consts[instructions[index][1]]
        return value if isinstance(value, str) else None
    return None


def _constant_text(value: object) -> str:
    """Return an unambiguous text for a constant of the compiler; 1, True, 1.0 and "1" have different ones."""
    if type(value) is tuple:
        return "(" + "".join(_constant_text(item) + "," for item in value) + ")"
    if type(value) is frozenset:
        return "{" + ",".join(sorted(map(_constant_text, value))) + "}"
    return plain_text(value)
