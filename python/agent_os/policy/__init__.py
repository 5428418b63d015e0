"""Policies: files of rules, composed, checked and compiled.

Everything that decides is in the compiled core; this room reads files and says what is wrong with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent_os.policy.policy import Policy

if TYPE_CHECKING:
    from agent_os.policy.explain import Explanation, RuleExplanation
    from agent_os.policy.learning import learn

__all__ = ["Explanation", "Policy", "RuleExplanation", "learn"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from agent_os.policy import explain, learning

        return getattr(learning if name == "learn" else explain, name)
    raise AttributeError(f"module `{__name__}` has no attribute `{name}`")
