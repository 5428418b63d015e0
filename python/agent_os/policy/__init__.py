"""Policies: files of rules, composed, checked and compiled.

Everything that decides is in the compiled core; this room reads files and says what is wrong with them.
"""

from __future__ import annotations

from agent_os.policy.explain import Explanation, RuleExplanation
from agent_os.policy.policy import Policy

__all__ = ["Explanation", "Policy", "RuleExplanation"]
