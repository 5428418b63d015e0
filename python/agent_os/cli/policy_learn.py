"""`agentos policy learn`: the tightest policy for what recorded runs did, as a draft."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

from agent_os.cli.exits import Exit, Unusable
from agent_os.cli.output import plural, print_json, say
from agent_os.policy import Policy
from agent_os.policy.learning import learn
from agent_os.recorder.requests import RecordedRequest, recorded_requests

if TYPE_CHECKING:
    from argparse import Namespace


def run(arguments: Namespace) -> Exit:
    """Prints the draft; stderr says what of the logs it could not be made from."""
    requests: list[RecordedRequest] = []
    left_out: Counter[str] = Counter()
    for log in arguments.logs:
        found = recorded_requests(log, set(arguments.agent) or None)
        requests += found.requests
        left_out.update(found.left_out)
    if not requests:
        raise Unusable(
            "no action that happened is recorded in full, so there is nothing to learn from\n"
            '  hint: record runs with `KernelSpace(record="full")`'
        )
    source = Policy.load(arguments.policy) if arguments.policy else None
    text = learn(requests, name=arguments.name, tools=source.tools if source else None)
    # What would not load is no draft.
    policy = Policy.from_text(text)
    if arguments.json:
        rules = len(policy.bundle.rules)
        print_json({"policy": text, "rules": rules, "requests": len(requests), "left_out": dict(left_out)})
    else:
        sys.stdout.write(text)
    say(f"note: drafted from {plural(len(requests), 'request')}; read it before it is put in force")
    for reason, count in sorted(left_out.items()):
        say(f"note: {count:,} left out, {reason}")
    return Exit.OK
