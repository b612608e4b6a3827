"""Small faults to put into a module: which there are, and how the loaded module gets one."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from registry import facts

_COMPARE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_BINARY: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.LShift: ast.RShift,
    ast.RShift: ast.LShift, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.Pow: ast.Mult,
}  # fmt: skip
_WORDS = {"failed": "refuted", "refuted": "failed", "unknown": "failed"}
_CALLED = {"any": "all", "all": "any", "min": "max", "max": "min", "sorted": "list"} | _WORDS
_DROPPED = (ast.Expr, ast.AugAssign, ast.Raise, ast.Continue, ast.Break)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault. `lines`: of the statement that it is in; `holder.field[at]` (or `holder.field`) becomes `new`."""

    file: str
    line: int
    lines: range
    inside: bool  # a function; otherwise it stands in the module itself
    holder: ast.AST
    field: str
    at: int | None
    old: ast.AST
    new: ast.AST | None  # None: left out

    def change(self) -> str:
        return f"{_short(self.old)}  →  {_short(self.new)}"

    def put(self, node: ast.AST | None) -> None:
        if self.at is None:
            setattr(self.holder, self.field, node)
        else:
            getattr(self.holder, self.field)[self.at] = node


def mutants(file: str, tree: ast.Module) -> list[Mutant]:
    """All there are, in the order of the file. Imports, annotations, decorators, docstrings are left as they are."""
    return list(_below(file, tree, range(0), inside=False))


def applied(mutant: Mutant | None, file: Path, tree: ast.Module, module: ModuleType) -> None:
    """Swap the changed code into the loaded module. Raises ValueError where a function's shape does not allow it."""
    if mutant is not None:
        mutant.put(mutant.new if mutant.new is None else ast.copy_location(mutant.new, mutant.old))
        for name in _WORDS:
            vars(module).setdefault(name, getattr(facts, name))
    fresh: dict[str, Any] = {"__name__": module.__name__, "__file__": str(file), "__package__": module.__package__}
    if hasattr(module, "__path__"):
        fresh["__path__"] = module.__path__
    exec(compile(ast.fix_missing_locations(tree), str(file), "exec"), fresh)
    for name, old in list(vars(module).items()):
        if name in fresh and getattr(old, "__module__", None) == module.__name__:
            _swap(old, fresh[name])
    if mutant is not None and not mutant.inside:
        _constants(module, fresh)


def _swap(old: Any, new: Any) -> None:
    """Functions stay who they are and get other code: whoever imported them runs it too."""
    if isinstance(old, FunctionType):
        old.__code__, old.__defaults__, old.__kwdefaults__ = new.__code__, new.__defaults__, new.__kwdefaults__
    elif isinstance(old, property):
        _swap(old.fget, new.fget)
    elif isinstance(old, classmethod | staticmethod):
        _swap(old.__func__, new.__func__)
    elif isinstance(old, type):
        written = sys.modules[old.__module__].__file__
        for name, inner in vars(old).items():
            code = getattr(inner, "fget", getattr(inner, "__func__", inner))
            if isinstance(code, FunctionType) and code.__code__.co_filename == written:
                _swap(inner, vars(new)[name])
    elif hasattr(old, "cache_clear"):
        old.cache_clear()
        _swap(old.__wrapped__, new.__wrapped__)


def _constants(module: ModuleType, fresh: dict[str, Any]) -> None:
    """Wherever a constant of the module was imported to, too."""
    for name, old in list(vars(module).items()):
        if name not in fresh or isinstance(old, FunctionType | type | ModuleType) or name.startswith("__"):
            continue
        for whose, other in list(sys.modules.items()):
            if whose.partition(".")[0] in ("registry", "trackrecord") and vars(other).get(name) is old:
                setattr(other, name, fresh[name])


def _below(file: str, node: ast.AST, lines: range, *, inside: bool) -> Iterator[Mutant]:
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "bases", "type_params"):
            continue
        if field == "format_spec":
            if value is not None:
                yield Mutant(file, value.lineno, lines, inside, node, field, None, value, None)
            continue
        many = isinstance(value, list)
        for at, each in enumerate(value if many else [value]):
            if not isinstance(each, ast.AST) or _left_alone(node, field, each, at):
                continue
            here = _lines(each) if isinstance(each, ast.stmt) else lines
            for new in _variants(node, field, each):
                line = getattr(each, "lineno", here.start)
                yield Mutant(file, line, here, inside, node, field, at if many else None, each, new)
            within = inside or isinstance(each, ast.FunctionDef)
            yield from _below(file, each, here, inside=within)


def _left_alone(holder: ast.AST, field: str, node: ast.AST, at: int) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return True
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return True
    documented = isinstance(holder, ast.Module | ast.ClassDef | ast.FunctionDef)
    words = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    if documented and field == "body" and at == 0 and words:
        return True
    return isinstance(holder, ast.ClassDef) and not isinstance(node, ast.FunctionDef)


def _lines(statement: ast.stmt) -> range:
    """Of a compound statement the head only; of a function all, since what it is called with stands in its head."""
    if isinstance(statement, ast.FunctionDef):
        return range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)
    inner = getattr(statement, "body", None) or getattr(statement, "cases", None)
    if isinstance(inner, list) and inner:
        first = inner[0].pattern.lineno if isinstance(inner[0], ast.match_case) else inner[0].lineno
        return range(statement.lineno, max(first, statement.lineno + 1))
    return range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)


def _variants(holder: ast.AST, field: str, node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, _DROPPED):
        yield ast.Pass()
    if isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield ast.Return(ast.Constant(None))
    if isinstance(node, ast.expr):
        yield from _expressions(node)
        asked = field == "test" and isinstance(holder, ast.If | ast.IfExp | ast.While)
        if (asked or field == "ifs") and not isinstance(node, ast.Compare | ast.BoolOp | ast.UnaryOp):
            yield ast.UnaryOp(ast.Not(), node)


def _expressions(node: ast.expr) -> Iterator[ast.expr]:
    match node:
        case ast.Compare(left, ops, comparators):
            for at, sign in enumerate(ops):
                turned = [*ops[:at], _COMPARE[type(sign)](), *ops[at + 1 :]]
                yield ast.Compare(left, turned, comparators)
        case ast.BoolOp(op, values):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
        case ast.UnaryOp(ast.Not() | ast.USub() | ast.Invert(), operand):
            yield operand
        case ast.BinOp(left, op, right) if type(op) in _BINARY:
            yield ast.BinOp(left, _BINARY[type(op)](), right)
        case ast.Call(ast.Name(name), args, keywords) if name in _CALLED:
            yield ast.Call(ast.Name(_CALLED[name], ast.Load()), args, keywords)
        case ast.Constant(value):
            yield ast.Constant(_other(value))


def _other(value: object) -> Any:
    match value:
        case bool() | None:
            return not value
        case int():
            return value + 1
        case float():
            return value * 2
        case bytes():
            return b"XX" + value + b"XX"
        case str():
            return "XX" + value + "XX"
    raise TypeError(value)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _short(node: ast.AST | None) -> str:
    words = "(left out)" if node is None else " ".join(ast.unparse(node).split())
    return words if len(words) <= 90 else f"{words[:87]}…"
