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

from zenml.compile.callables import AnyFunction, implementation

if TYPE_CHECKING:
    import ast
    import dis

TupleLengths = frozenset[int | None]
"""The lengths of the tuple literals that a function returns; None for one with a star, such as `*a, b`."""

_RETURN_SPACE = len("return ")
_UNWINDING = frozenset({"NOP", "SWAP", "POP_TOP", "COPY", "PRECALL", "CALL", "POP_BLOCK", "NOT_TAKEN"})


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

    The positions in the code tell `return (1, 2) if x else (3, 4)` from a literal: there the tuple does
    not start right behind `return` or does not end with the statement.
    """
    import dis

    made: dis.Instruction | None = None
    for item in dis.get_instructions(code):
        is_constant = item.opname in {"LOAD_CONST", "RETURN_CONST"} and isinstance(item.argval, tuple)
        # LIST_TO_TUPLE and, since 3.12, its intrinsic form end a display with a star.
        is_starred = item.opname == "LIST_TO_TUPLE" or "LIST_TO_TUPLE" in item.argrepr
        if item.opname == "BUILD_TUPLE" or is_constant or is_starred:
            made = item
        if item.opname in {"RETURN_VALUE", "RETURN_CONST"}:
            if made is not None and _is_whole_return(made, item):
                size = len(made.argval) if isinstance(made.argval, tuple) else made.arg
                yield size if made.opname in {"BUILD_TUPLE", "LOAD_CONST", "RETURN_CONST"} else None
            made = None
        elif item is not made and item.opname not in _UNWINDING and item.argval is not None:
            made = None


def _is_whole_return(made: dis.Instruction, returned: dis.Instruction) -> bool:
    """Tell whether a tuple's place in the source is the whole of what a `return` returns."""
    inner, outer = made.positions, returned.positions
    if inner is None or outer is None or inner.col_offset is None or outer.col_offset is None:
        return True  # Python runs without positions (-X no_debug_ranges)
    if inner == outer or outer.lineno != inner.lineno:
        return True  # a constant, or a return out of a `with` block, which takes that block's place
    begins = inner.col_offset == outer.col_offset + _RETURN_SPACE
    ends = (inner.end_lineno, inner.end_col_offset) == (outer.end_lineno, outer.end_col_offset)
    return begins and ends
