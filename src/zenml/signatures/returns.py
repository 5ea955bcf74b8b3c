"""Find out how a function returns: is a `return` followed by a tuple literal, and of what length?

The source answers exactly, so it is parsed when it is there and still is the text of this function.
Without it (`python -c`, `exec`, a program shipped as bytecode) the bytecode answers. That is exact for
plain statements; a tuple that is returned out of a `try … finally` is not recognised there.
"""

from __future__ import annotations

import linecache
from collections.abc import Iterator
from functools import lru_cache
from types import CodeType
from typing import TYPE_CHECKING

from zenml.signatures.callables import AnyFunction, implementation

if TYPE_CHECKING:
    import ast
    import dis

TupleLengths = frozenset[int | None]
"""The lengths of the tuple literals that a function returns; None for one with a star, such as `*a, b`."""

_RETURN_SPACE = len("return ")
_LEAVING = frozenset({"NOP", "SWAP", "POP_TOP", "POP_ITER", "POP_BLOCK", "NOT_TAKEN"})


def tuple_lengths(function: AnyFunction) -> TupleLengths:
    """Give the length of each tuple literal that stands behind a `return` of the function itself.

    Nested functions, lambdas and the empty tuple `()` do not count. The answer is kept for each code
    object.
    """
    function = implementation(function)
    code = getattr(function, "__code__", None)
    if code is None or code.co_name == "<lambda>":
        return frozenset()
    # Lets `linecache` find the source of modules inside a zip file.
    linecache.lazycache(code.co_filename, function.__globals__)
    return _lengths(code)


@lru_cache(maxsize=1024)
def _lengths(code: CodeType) -> TupleLengths:
    try:
        node = _definition(code)
        found = _lengths_in_bytecode(code) if node is None else _lengths_in_source(node)
        return frozenset(length for length in found if length != 0)
    except RecursionError:  # source nested beyond what the parser takes
        return frozenset()


def _definition(code: CodeType) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """Parse the definition of a code object; None if its source is gone or is another text by now."""
    import ast

    lines = linecache.getlines(code.co_filename)
    first = code.co_firstlineno - 1
    if not 0 <= first < len(lines):
        return None
    text = "".join(lines[first : _end_of_block(lines, first, _last_line(code))])
    if text[:1].isspace():
        text = "if True:\n" + text
    try:
        body: list[ast.stmt] = ast.parse(text).body
    except SyntaxError:
        return None
    if body and isinstance(body[0], ast.If):
        body = body[0].body
    node = body[0] if body else None
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or node.name != code.co_name:
        return None
    names = [item.arg for item in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    parameters = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return node if tuple(names) == parameters else None


def _last_line(code: CodeType) -> int:
    """Find the last line that any instruction of a function, or of a function inside it, comes from."""
    ends = (end or 0 for _, end, _, _ in code.co_positions())
    lines = (line or 0 for _, _, line in code.co_lines())
    nested = (_last_line(item) for item in code.co_consts if isinstance(item, CodeType))
    return max(*ends, *lines, *nested, code.co_firstlineno)


def _end_of_block(lines: list[str], first: int, last: int) -> int:
    """Extend a block to the lines below that still belong to it: code that is never reached leaves no trace."""
    margin = len(lines[first]) - len(lines[first].lstrip())
    end = last
    while end < len(lines):
        line = lines[end]
        text = line.lstrip()
        if text and len(line) - len(text) <= margin and text[0] not in ")]}#":
            break
        end += 1
    return end


def _lengths_in_source(node: ast.AST) -> Iterator[int | None]:
    """Walk the statements of a function, but not those of functions and classes inside it."""
    import ast

    pending: list[ast.AST] = list(ast.iter_child_nodes(node))
    inner = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.expr)
    while pending:
        item = pending.pop()
        if isinstance(item, ast.Return):
            if isinstance(item.value, ast.Tuple):
                elements = item.value.elts
                has_star = any(isinstance(element, ast.Starred) for element in elements)
                yield None if has_star else len(elements)
        elif not isinstance(item, inner):
            pending.extend(ast.iter_child_nodes(item))


def _lengths_in_bytecode(code: CodeType) -> Iterator[int | None]:
    """Look for a tuple that is made and then returned, with nothing but the leaving of blocks between.

    Leaving a loop or a `with` block on the way puts the tuple aside first (`SWAP`); a `with` block then calls
    its exit with three times None.
    """
    import dis

    made: dis.Instruction | None = None
    is_aside = leaves_with = False
    for item in dis.get_instructions(code):
        name = item.opname
        if _makes_tuple(item):
            made, is_aside, leaves_with = item, False, False
        elif name == "SWAP":
            is_aside = True
        elif is_aside and name in {"PRECALL", "CALL"}:
            leaves_with = True
        if name in {"RETURN_VALUE", "RETURN_CONST"}:
            if made is not None and (leaves_with or _is_whole_return(made, item)):
                yield _length(made)
            made = None
        elif item is not made and name not in _LEAVING and not (is_aside and _is_part_of_exit(item)):
            made = None


def _makes_tuple(item: dis.Instruction) -> bool:
    # LIST_TO_TUPLE ends a display with a star; since Python 3.12 it is an intrinsic function.
    is_display = item.opname in {"BUILD_TUPLE", "LIST_TO_TUPLE"} or item.argrepr.endswith("LIST_TO_TUPLE")
    return is_display or (item.opname in {"LOAD_CONST", "RETURN_CONST"} and isinstance(item.argval, tuple))


def _length(made: dis.Instruction) -> int | None:
    """Give the number of values of a tuple; None if its display has a star, and so was a list first."""
    if isinstance(made.argval, tuple):
        return len(made.argval)
    return made.arg if made.opname == "BUILD_TUPLE" else None


def _is_part_of_exit(item: dis.Instruction) -> bool:
    return item.opname in {"PRECALL", "CALL"} or (item.opname == "LOAD_CONST" and item.argval is None)


def _is_whole_return(made: dis.Instruction, returned: dis.Instruction) -> bool:
    """Tell whether a tuple's place in the source is the whole of what a `return` returns.

    This tells `return (1, 2) if x else (3, 4)` from a literal: there the tuple does not start right behind
    `return`, or does not end with the statement.
    """
    inner, outer = made.positions, returned.positions
    if inner is None or outer is None or inner.col_offset is None or outer.col_offset is None:
        return True  # Python runs without positions (-X no_debug_ranges)
    if inner == outer:
        return True  # a constant
    begins = (inner.lineno, inner.col_offset) == (outer.lineno, outer.col_offset + _RETURN_SPACE)
    ends = (inner.end_lineno, inner.end_col_offset) == (outer.end_lineno, outer.end_col_offset)
    return begins and ends
