"""All messages that the program can print about something that went wrong, read off its source."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import reviewer
from reviewer import errors

PACKAGE = Path(reviewer.__file__).parent
ERRORS = {
    name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)
}
SPEAKERS = ERRORS | {"error", "_error", "say", "fail", "incomplete", "SkippedFile"}
"""What takes a message for people: errors, the terminal, and reasons why something was not reviewed."""
REASONS = {
    "reviewer.appraise": {"doubts", "_invented", "_empty_doubts", "_unseen"},
    "reviewer.changes.select": {"why_not", "_machine_made", "_unreadable"},
    "reviewer.changes.snapshot": {"_read"},
    "reviewer.commands.doctor": {"_try"},
    "reviewer.commands.models": {"list_models"},
    "reviewer.config.schema": {"seconds_of", "_known_kind", "_variable_name"},
    "reviewer.crash": {"write"},
    "reviewer.examining": {"_rule", "_found_by"},
    "reviewer.fates": {"_fate", "fates"},
    "reviewer.findings.ground": {"ground"},
    "reviewer.findings.fixes": {"fix_of"},
    "reviewer.findings.patching": {"replaced", "_refusal"},
    "reviewer.following": {"prepared", "_missing"},
    "reviewer.mending": {"ask", "_notes", "_lost"},
    "reviewer.models.watch": {"add", "_problem"},
    "reviewer.pipeline": {"review", "_within"},
    "reviewer.rereading": {"look_again"},
    "reviewer.pending": {"_settled", "_placed", "pending", "_why_not_there"},
    "reviewer.verification": {"_cases"},
}
"""Functions of which every text is a message."""
NO_MESSAGES = {
    "crash-%Y%m%d-%H%M%S-%f.log",
    "reviewer …, Python …, …",
    "[A-Za-z_][A-Za-z0-9_]*",
    "; did you mean …?",
    "surrogateescape",
}
"""Texts in these functions that nobody is shown as a message."""
GAP = "…"


def messages() -> dict[str, str]:
    """Each message with a gap for what is filled in, and the module that has it."""
    found: dict[str, str] = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts)
        for text in _in_module(ast.parse(file.read_text("utf-8")), REASONS.get(name, set())):
            found.setdefault(text.strip(), name)
    return {text: name for text, name in found.items() if text not in NO_MESSAGES}


def _in_module(tree: ast.Module, reasons: set[str]) -> Iterator[str]:
    every = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    functions = {node.name: node for node in every}
    constants = _assigned(tree.body)
    for function in [*every, tree]:
        inner = [node for node in _own_nodes(function) if isinstance(node, ast.Call) and node.args]
        names = constants | _assigned(ast.walk(function))
        for call in inner:
            if _called(call) in SPEAKERS:
                for argument in call.args:
                    yield from filter(_says_something, _texts(argument, names, functions))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and function.name in reasons:
            yield from filter(_says_something, _all_texts(function))
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "retired":
            yield from filter(None, [_template(node.value)])


def _all_texts(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """The texts in a function, each as a whole, without its docstring."""
    waiting: list[ast.AST] = list(function.body[1:] if ast.get_docstring(function) else function.body)
    while waiting:
        node = waiting.pop()
        text = _template(node)
        if text is not None:
            yield text
        else:
            waiting += ast.iter_child_nodes(node)


def _own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function or module, without those of the functions in it."""
    for child in ast.iter_child_nodes(function):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield child
            yield from _own_nodes(child)


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Name):
        return call.func.id
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _assigned(nodes: Iterator[ast.AST] | list[ast.stmt]) -> dict[str, list[ast.expr]]:
    made: dict[str, list[ast.expr]] = {}
    for node in nodes:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    made.setdefault(target.id, []).append(node.value)
    return made


def _texts(
    node: ast.expr,
    names: dict[str, list[ast.expr]],
    functions: dict[str, ast.FunctionDef | ast.AsyncFunctionDef],
) -> Iterator[str]:
    """The texts that an expression can be: written there, in a name, or in what a function returns."""
    text = _template(node)
    if text is not None:
        yield text
    elif isinstance(node, ast.Name):
        for value in names.get(node.id, ()):
            yield from _texts(value, {}, functions)
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body, names, functions)
        yield from _texts(node.orelse, names, functions)
    elif isinstance(node, ast.Call) and _called(node) in functions:
        function = functions[_called(node)]
        inside = _assigned(ast.walk(function))
        for part in ast.walk(function):
            if isinstance(part, ast.Return) and part.value is not None:
                yield from _texts(part.value, inside, {})
    elif isinstance(node, ast.Call | ast.Tuple):
        for inner in node.args if isinstance(node, ast.Call) else node.elts:
            yield from _texts(inner, names, functions)


def _template(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else GAP for part in node.values)
    return None


def _says_something(text: str) -> bool:
    """Whether it is a message by itself, and not only a frame for others or a word."""
    return "\n" not in text.strip() and len(re.findall(r"[A-Za-z]{2,}", text.replace(GAP, " "))) >= 2
