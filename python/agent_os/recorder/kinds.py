"""The kinds of entries, with what each says, and how an action can end."""

from __future__ import annotations

from typing import Final

KINDS: Final[dict[str, str]] = {
    "agent.registered": "an agent was made known, with its roles",
    "approval.granted": "an action was confirmed, and by whom",
    "approval.refused": "an action was not confirmed",
    "approval.requested": "somebody was asked to confirm an action",
    "denied": "an action was decided against and did not happen",
    "denied.repeatedly": "how often the same was denied again, after the first few that are recorded one by one",
    "intent": "an action was allowed and was about to happen",
    "log.closed": "the log was closed",
    "log.created": "the log began",
    "log.key_rotated": "a new key took the place of the one that signed the log",
    "log.opened": "the log was opened again after it had been closed",
    "log.recovered": "the log was opened again after its writer had not closed it",
    "log.redacted": "what the log held of a person, or in an entry's payloads, was made unreadable for good",
    "log.retained": "what old entries said was dropped, and their hashes were left",
    "outcome": "how an action that was allowed ended, and how long it took",
    "policy.loaded": "a bundle came into force, with its whole document",
    "policy.pending": "a bundle in the watched files may open something, and waits for the operator",
    "policy.rejected": "a bundle was refused, and the one before stayed in force",
    "process.started": "a run of an agent began",
    "signal.sent": "a signal was sent to a run, and by which",
    "text": "text came into a run by another way than a tool's output",
    "tool.registered": "a tool was made known, with its output's origin and labels",
}

STATUSES: Final[dict[str, str]] = {
    "cancelled": "whoever waited for the action no longer did",
    "dropped": "the action returned a result after a signal had ended whoever it was for",
    "killed": "a signal ended the run that the action was, or the one that waited for it",
    "raised": "the action raised an error",
    "returned": "the action returned a result",
    "withheld": "the action returned a result that was not given to the agent",
}
"""How an action can end: the `status` of an outcome, with what each says."""
