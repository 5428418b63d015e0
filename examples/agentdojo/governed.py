"""AgentDojo's banking tools behind the kernel.

Each tool of the suite becomes a governed tool under its own name. AgentDojo's environment objects (the bank account,
the file system, the user's account) are declared `injected`: they are passed by reference and are not judged. What an
output is worth as evidence is declared per tool, after CaMeL's table of result labels.
"""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentdojo.functions_runtime import Function, FunctionsRuntime
from pydantic import BaseModel, TypeAdapter

from agent_os import KernelSpace

OUTPUTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    # What the bank itself says, and nobody else can write.
    "get_iban": ("trusted", ()),
    "get_balance": ("trusted", ("private",)),
    # Other people's words reach the agent through these: the sender of a transaction writes its subject, a file may
    # come from anywhere. CaMeL labels a list's items one by one; a tool has one origin here, so the list is untrusted.
    "get_most_recent_transactions": ("untrusted", ("private",)),
    "get_scheduled_transactions": ("untrusted", ("private",)),
    "read_file": ("untrusted", ("private",)),
    # CaMeL trusts these records. They repeat what an approved `update_user_info` wrote, so here they prove nothing.
    "get_user_info": ("untrusted", ("private",)),
    "update_user_info": ("untrusted", ("private",)),
    # These repeat their arguments.
    "update_password": ("untrusted", ()),
    "send_money": ("untrusted", ()),
    "schedule_transaction": ("untrusted", ()),
    "update_scheduled_transaction": ("untrusted", ()),
}
"""Tool → where its output comes from, and the labels that reading it leaves on the process."""


@dataclass
class Clock:
    """Nanoseconds per governed call: a decision alone, as the run meets it and once more at once (so with warm caches),
    and all that governing adds (the call less the tool itself)."""

    decided: list[int] = field(default_factory=list)
    decided_again: list[int] = field(default_factory=list)
    added: list[int] = field(default_factory=list)
    in_tool: int = 0


class GovernedRuntime(FunctionsRuntime):
    """A `FunctionsRuntime` whose every function is a governed tool. AgentDojo's own code does the rest."""

    def __init__(self, functions: Sequence[Function[..., Any]], tools: Mapping[str, Callable[..., Any]]) -> None:
        super().__init__([function.model_copy(update={"run": tools[function.name]}) for function in functions])


def govern(kernel: KernelSpace, functions: Sequence[Function[..., Any]], clock: Clock) -> dict[str, Callable[..., Any]]:
    """Register the suite's tools with the kernel, once, and return what a runtime calls in their place."""
    return {function.name: _govern(kernel, function, clock) for function in functions}


def _govern(kernel: KernelSpace, function: Function[..., Any], clock: Clock) -> Callable[..., Any]:
    origin, labels = OUTPUTS[function.name]

    @functools.wraps(function.run)
    def tool(*args: Any, **kwargs: Any) -> Any:
        began = time.perf_counter_ns()
        try:
            return plain(function.run(*args, **kwargs))
        finally:
            clock.in_tool = time.perf_counter_ns() - began

    # The kernel reads the signature of the function that it is given, not of what that wraps.
    tool.__signature__ = inspect.signature(function.run)  # type: ignore[attr-defined]
    declare = kernel.tool(function.name, injected=list(function.dependencies), origin=origin, labels=list(labels))
    governed = declare(tool)
    restore = TypeAdapter(function.return_type).validate_python

    def call(**given: Any) -> Any:
        # AgentDojo writes an argument that was left out as None; the tool, and the policy, see it left out.
        given = {name: value for name, value in given.items() if value is not None}
        judged = {name: value for name, value in given.items() if name not in function.dependencies}
        for samples in (clock.decided, clock.decided_again):
            began = time.perf_counter_ns()
            kernel.check(function.name, judged)
            samples.append(time.perf_counter_ns() - began)
        clock.in_tool = 0
        began = time.perf_counter_ns()
        try:
            return restore(governed(**given))
        finally:
            clock.added.append(time.perf_counter_ns() - began - clock.in_tool)

    return call


def plain(value: object) -> object:
    """A tool's result as data that can be recorded: pydantic models become mappings."""
    if isinstance(value, BaseModel):
        return value.model_dump()
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value
