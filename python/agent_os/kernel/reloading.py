"""Putting another policy in force: it is understood as a whole first, or nothing changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_os.errors import PolicyError
from agent_os.kernel.settings import warn_if_nothing_is_enforced

if TYPE_CHECKING:
    from agent_os import _core
    from agent_os.kernel.space import PolicySource


def reload(core: _core.Kernel, source: PolicySource) -> None:
    """As ``KernelSpace.reload``."""
    from agent_os.policy import Policy

    core.control("kernel.reload")
    try:
        loaded = Policy.load(source)
    except PolicyError as error:
        core.rejected(str(error))
        raise
    core.reload(loaded.bundle)
    warn_if_nothing_is_enforced(loaded, stacklevel=4)
