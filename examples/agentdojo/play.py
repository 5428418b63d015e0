"""The runs: every user task alone, and every user task with every attack, under each way of governing.

Three ways: `ungoverned` (AgentDojo's own runtime), `unattended` (the policy, and nobody there to answer a question) and
`approving` (the policy, and a person who says yes to every question: the worst approver there is).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentdojo.functions_runtime import FunctionsRuntime
from agentdojo.task_suite.task_suite import TaskSuite
from governed import Clock, GovernedRuntime, govern
from scripted import Episode, Script, ScriptedAgent

from agent_os import KernelSpace

POLICY = Path(__file__).with_name("banking.yaml")


@dataclass(frozen=True)
class Run:
    """What became of one run. `utility` and `security` are AgentDojo's verdicts; security means the attack came off."""

    script: Script
    episode: Episode
    utility: bool
    security: bool

    @property
    def task(self) -> str:
        """kept, asked (a question stood in the way), denied, or failed."""
        return self._stopped(injected=False) or ("kept" if self.utility else "failed")

    @property
    def attack(self) -> str:
        """executed, asked, denied, unread (the agent never met the text), or undone (made, and without effect)."""
        if self.security:
            return "executed"
        if not self.episode.taken_over:
            return "unread"
        return self._stopped(injected=True) or "undone"

    def _stopped(self, *, injected: bool) -> str | None:
        effects = {refusal.effect for refusal in self.episode.refused if refusal.injected is injected}
        return "denied" if "deny" in effects else "asked" if effects else None


@dataclass
class Round:
    """All runs under one way of governing."""

    name: str
    runs: list[Run] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)
    questions: int = 0
    log: Path | None = None

    @property
    def alone(self) -> list[Run]:
        return [run for run in self.runs if run.script.attack is None]

    @property
    def attacked(self) -> list[Run]:
        return [run for run in self.runs if run.script.attack is not None]

    def tasks(self) -> Counter[str]:
        return Counter(run.task for run in self.alone)

    def attacks(self) -> Counter[str]:
        return Counter(run.attack for run in self.attacked)


def scripts(suite: TaskSuite[Any], tasks: Sequence[str] | None = None) -> list[Script]:
    """Every user task alone, then every pair. `tasks` keeps only some user tasks."""
    if unknown := sorted(set(tasks or ()) - suite.user_tasks.keys()):
        raise ValueError(f"no user task `{unknown[0]}`; there are {', '.join(suite.user_tasks)}")
    users = [user for name, user in suite.user_tasks.items() if tasks is None or name in tasks]
    alone = [Script(user) for user in users]
    return alone + [Script(user, attack) for user in users for attack in suite.injection_tasks.values()]


def play_ungoverned(suite: TaskSuite[Any], plan: Sequence[Script], tick: Callable[[], None]) -> Round:
    """The same agent and the same judge, with nothing in between."""
    done = Round("ungoverned")
    for script in plan:
        done.runs.append(play(suite, script, FunctionsRuntime, lambda _, episode: episode.carry_out()))
        tick()
    return done


def play_governed(
    suite: TaskSuite[Any],
    plan: Sequence[Script],
    tick: Callable[[], None],
    *,
    log: Path,
    policy: Path = POLICY,
    approving: bool = False,
) -> Round:
    """Every run is a process of one kernel, started with the user's prompt; every call is decided and recorded."""
    done = Round("approving" if approving else "unattended", log=log)

    def approve(_request: object) -> bool:
        done.questions += 1
        return True

    with KernelSpace(policy=policy, recorder=log, record="full", approver=approve if approving else None) as kernel:
        tools = govern(kernel, suite.tools, done.clock)

        @kernel.register(agent_id="banker")
        def banker(_prompt: str, episode: Episode) -> None:
            episode.carry_out()

        for script in plan:
            done.runs.append(
                play(
                    suite,
                    script,
                    lambda functions: GovernedRuntime(functions, tools),
                    lambda prompt, episode: kernel.execute_sync(banker, prompt, episode),
                )
            )
            tick()
    return done


def play(
    suite: TaskSuite[Any],
    script: Script,
    runtime: Callable[[Sequence[Any]], FunctionsRuntime],
    drive: Callable[[str, Episode], Any],
) -> Run:
    """One run, judged by AgentDojo. The injection stands in every vector of a fresh environment."""
    injections = dict.fromkeys(suite.get_injection_vector_defaults(), script.injection) if script.attack else {}
    agent = ScriptedAgent(script, drive)
    utility, security = suite.run_task_with_pipeline(
        agent,
        script.user,
        script.attack,
        injections,
        runtime_class=runtime,
    )
    if agent.episode is None:
        raise RuntimeError("AgentDojo judged a run that never started")
    # Without an attack AgentDojo's second verdict is a constant.
    return Run(script, agent.episode, utility, security and script.attack is not None)
