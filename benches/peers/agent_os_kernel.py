"""PyPI ``agent-os-kernel``: its ``PolicyEvaluator``, in an environment of its own, for its import name is ours too.

``agent_os_kernel.py actions|regex SIZE CALLS`` answers each line of stdin with the microseconds per call of a batch.
Its rules hold one condition each, so the ones here test less than those of the others.
"""

from __future__ import annotations

import sys
import timeit

from agent_os.policies import PolicyEvaluator
from agent_os.policies.schema import PolicyAction, PolicyCondition, PolicyDefaults, PolicyDocument, PolicyRule


def main() -> None:
    kind, size, calls = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
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
    timer = timeit.Timer("evaluate(context)", globals={"evaluate": evaluator.evaluate, "context": context})
    for _ in sys.stdin:
        print(timer.timeit(calls) / calls * 1e6, flush=True)


if __name__ == "__main__":
    main()
