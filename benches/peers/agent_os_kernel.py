"""PyPI ``agent-os-kernel`` in an environment of its own, for its import name is ours too.

``agent_os_kernel.py actions|regex SIZE CALLS`` answers each line of stdin with the microseconds per call of a batch of
its ``PolicyEvaluator``. Its rules hold one condition each, so the ones here test less than those of the others.
``agent_os_kernel.py recorder ACTIONS CALLS DATABASE`` fills its ``FlightRecorder`` and asks that;
``recording`` in place of ``recorder`` records.
"""

from __future__ import annotations

import logging
import sys
import timeit

from agent_os.policies import PolicyEvaluator
from agent_os.policies.schema import PolicyAction, PolicyCondition, PolicyDefaults, PolicyDocument, PolicyRule


def main() -> None:
    kind, size, calls = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    if kind == "recorder":
        recorder(size, calls, sys.argv[4])
        return
    if kind == "recording":
        recording(calls, sys.argv[4])
        return
    if kind == "actions":
        tests = [("tool_name", "eq", f"service{number}.send") for number in range(size)]
        context = {"tool_name": f"service{size // 2}.send", "amount": 120, "currency": "SEK"}
    else:
        tests = [("line", "matches", rf"^(GET|POST) /tenants/{number}/[a-z]+(\?.*)?$") for number in range(size)]
        context = {"line": f"GET /tenants/{size // 2}/orders?limit=10"}
    rules = [
        PolicyRule(
            name=f"rule-{number}",
            condition=PolicyCondition(field=field, operator=operator, value=value),
            action=PolicyAction.ALLOW,
        )
        for number, (field, operator, value) in enumerate(tests)
    ]
    defaults = PolicyDefaults(action=PolicyAction.DENY)
    evaluator = PolicyEvaluator([PolicyDocument(name="bench", rules=rules, defaults=defaults)])
    assert evaluator.evaluate(context).allowed
    answer(timeit.Timer("evaluate(context)", globals={"evaluate": evaluator.evaluate, "context": context}), calls)


def recorder(actions: int, calls: int, database: str) -> None:
    """As many actions of 50 agents, one in a hundred of them blocked; asked for 100 blocked ones of one agent."""
    from agent_control_plane.flight_recorder import FlightRecorder

    logging.disable(logging.CRITICAL)
    log = FlightRecorder(database)
    for number in range(actions):
        trace = log.start_trace(f"agent-{number // 500 % 50}", "mail.read", {"number": number % 100})
        if number % 100 == 99:
            log.log_violation(trace, "denied_by_default")
        else:
            log.log_success(trace)
    log.flush()
    question = {"agent_id": "agent-7", "policy_verdict": "blocked", "limit": 100}
    assert len(log.query_logs(**question)) == 100
    answer(timeit.Timer("query(**question)", globals={"query": log.query_logs, "question": question}), calls)


def recording(calls: int, database: str) -> None:
    """One action and its outcome; its recorder writes to the disk by the batch."""
    from agent_control_plane.flight_recorder import FlightRecorder

    logging.disable(logging.CRITICAL)
    log = FlightRecorder(database)
    action = 'log_success(start_trace("clerk", "mail.read", {"number": 7}))'
    answer(timeit.Timer(action, globals={"log_success": log.log_success, "start_trace": log.start_trace}), calls)


def answer(timer: timeit.Timer, calls: int) -> None:
    for _ in sys.stdin:
        print(timer.timeit(calls) / calls * 1e6, flush=True)


if __name__ == "__main__":
    main()
