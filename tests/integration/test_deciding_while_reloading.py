"""Promise: whoever decides while a policy is replaced gets the answer of the old one or of the new one, whole."""

from __future__ import annotations

import threading

from agent_os import Decision, KernelSpace, Policy

THREADS = 8
# Far more than the threads need to have met both policies; the loop stops as soon as they have.
MOST_RELOADS = 50_000
CROWD = 40


def policy(name: str, effect: str) -> Policy:
    """Forty rules on one action, so that decisions go through the index of a crowded action."""
    rules = "".join(
        f"  - {{id: {name}-{number}, effect: {effect}, action: work.do, when: {{args.n: {{eq: {number}}}}}}}\n"
        for number in range(CROWD)
    )
    return Policy.from_text(f"agent_os: 1\nname: {name}\nrules:\n{rules}")


def test_eight_threads_decide_by_one_policy_or_the_other_while_they_are_swapped() -> None:
    policies = [policy("opens", "allow"), policy("closes", "deny")]
    expected = {policies[0].digest: ("allow", "opens"), policies[1].digest: ("deny", "closes")}
    with KernelSpace(policies[0], durability="memory") as kernel:
        kernel.register(lambda: None, agent_id="desk-7")
        done, ready = threading.Event(), threading.Barrier(THREADS + 1)
        wrong: list[str] = []
        seen: list[set[str]] = [set() for _ in range(THREADS)]

        def judge(decision: Decision, number: int, bundles: set[str]) -> None:
            effect, name = expected[decision.bundle]
            if (decision.effect, decision.rules) != (effect, (f"{name}-{number}",)):
                wrong.append(f"{decision!r} by {decision.bundle} for {number}")
            bundles.add(decision.bundle)

        def decide(bundles: set[str]) -> None:
            ready.wait()
            number = 0
            while not done.is_set():
                number = (number + 1) % CROWD
                judge(kernel.check("work.do", {"n": number}, agent="desk-7"), number, bundles)

        threads = [threading.Thread(target=decide, args=(bundles,)) for bundles in seen]
        for thread in threads:
            thread.start()
        ready.wait()
        for turn in range(1, MOST_RELOADS):
            kernel.reload(policies[turn % 2])
            judge(kernel.check("work.do", {"n": 1}, agent="desk-7"), 1, set())
            if turn > 50 and all(len(bundles) == 2 for bundles in seen):
                break
        done.set()
        for thread in threads:
            thread.join()
    assert not wrong
    assert all(bundles == set(expected) for bundles in seen)
