"""A page about one run that opens offline: what was asked for, what was decided and why, and what came of it.

It is one file without scripts, images or links. Whatever an agent chose gets into it through ``page.text`` alone.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from agent_os.errors import RecorderError
from agent_os.recorder.export.page import TAIL, head, text
from agent_os.recorder.values import said

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from agent_os.recorder.export.selection import Selection
    from agent_os.recorder.flight_recorder import FlightRecorder
    from agent_os.recorder.trace import ActionTrace, ApprovalTrace, RunTrace

#: Actions on a page; a browser opens no larger one with pleasure. What is left out is counted.
_SHOWN: Final = 5_000
#: Bars in the picture of the time line, which is this wide.
_BARS: Final = 1_500
_WIDTH: Final = 1_000
_ROW: Final = 22
_LISTED: Final = 5
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)


def write(selection: Selection, out: BinaryIO) -> int:
    """Writes the page, and says how many actions are on it."""
    if selection.pid is None:
        raise ValueError("`html` is a page about one run; name the run with `pid`")
    page = _Page(selection.recorder.trace(selection.pid, start=selection.start))
    out.writelines(part.encode() for part in page.parts(selection.recorder))
    return page.shown


class _Page:
    def __init__(self, run: RunTrace) -> None:
        self.shown = 0
        self._run = run
        self._began: int = (run.intent or run.started)["time"]
        runs = [each for _, each in run.walk()]
        self._actions = [action for each in runs for action in each.actions]
        self._runs = len(runs)
        # What was denied again and again is one event with a count.
        further = [event["count"] for each in runs for event in each.events if event["kind"] == "denied.repeatedly"]
        self._further: int = sum(further)

    def parts(self, recorder: FlightRecorder) -> Iterator[str]:
        """The page, bit by bit."""
        run = self._run
        yield head(f"Run {run.pid} of {run.agent}")
        yield f"<h1>Run {run.pid} of <code>{text(run.agent)}</code></h1>\n"
        yield f'<p class="soft">{_when(self._began)}, {_ended(run)}, log <code>{text(recorder.log_id)}</code></p>\n'
        yield from self._sums()
        yield from self._proof(recorder)
        yield from self._line()
        yield "<h2>What happened</h2>\n"
        yield from self._list(run)
        if more := len(self._actions) - self.shown:
            yield f'<p class="soft">{more:,} further actions are in the log and not on this page.</p>\n'
        yield TAIL

    def _sums(self) -> Iterator[str]:
        counts = Counter(action.status for action in self._actions)
        asked = sum(len(action.approvals) for action in self._actions)
        failed = len(self._actions) - counts["returned"] - counts["denied"] - counts["unfinished"]
        rows = {
            "actions": (len(self._actions) + self._further, ""),
            "allowed": (len(self._actions) - counts["denied"], "allow"),
            "denied": (counts["denied"] + self._further, "deny"),
            "asked": (asked, "ask"),
            "failed": (failed, "deny" if failed else ""),
            "unfinished": (counts["unfinished"], "ask" if counts["unfinished"] else ""),
            "runs": (self._runs, "run"),
        }
        yield '<ul class="sums">\n'
        for name, (count, colour) in rows.items():
            yield f'<li><b class="{colour}">{count:,}</b>{name}</li>\n'
        yield "</ul>\n"

    def _proof(self, recorder: FlightRecorder) -> Iterator[str]:
        yield "<h2>What proves it</h2>\n"
        try:
            report = recorder.verify()
        except RecorderError as error:
            yield f'<div class="card"><p>Nothing: {text(error)}.</p></div>\n'
            return
        yield f'<div class="card{"" if report else " bad"}">\n'
        if not report:
            count = len(report.problems)
            found = _plural(count, "problem")
            yield f'<p class="deny"><b>The log does not verify: {found}. Do not rely on this page.</b></p><ul>\n'
            for problem in report.problems[:_LISTED]:
                yield f"<li>{text(problem)}</li>\n"
            yield "</ul>\n"
        rows = {
            "level": report.level,
            "entries": f"{report.entries:,}",
            "root": report.root,
            "checkpoint": f"signed over {report.checkpoint:,} entries" if report.checkpoint else "none",
            "key": report.key or "none",
            "this run": f"entries {self._run.started['intent']:,} to {self._last():,}",
        }
        cells = "".join(f"<dt>{name}</dt><dd><code>{text(value)}</code></dd>" for name, value in rows.items())
        yield f"<dl>{cells}</dl>\n"
        yield (
            '<p class="soft">The root was computed from all entries when this page was made. The page itself proves '
            "nothing: check the log with <code>agentos log verify</code>, and compare root and number of entries with "
            "what was kept elsewhere.</p>\n</div>\n"
        )

    def _line(self) -> Iterator[str]:
        """The time line as a picture: one bar for each action, one row for each level of runs."""
        spans = list(self._spans())
        if not spans:
            return
        first, last = min(span[0] for span in spans), max(span[1] for span in spans)
        scale = _WIDTH / max(1, last - first)
        height = (max(span[2] for span in spans) + 1) * _ROW
        yield f'<h2>Time line</h2>\n<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="time line">\n'
        for begin, end, depth, colour, name in spans[:_BARS]:
            x, width = (begin - first) * scale, max(2.0, (end - begin) * scale)
            place = f'x="{min(x, _WIDTH - 2):.1f}" y="{depth * _ROW + 2}" width="{min(width, _WIDTH - x + 2):.1f}"'
            yield f'<rect class="f-{colour}" {place} height="{_ROW - 4}" rx="2"><title>{text(name)}</title></rect>\n'
        rest = f", the first {_BARS:,} of {len(spans):,} actions" if len(spans) > _BARS else ""
        wide = f"{_duration(last - first)} from left to right, one row for each level of runs{rest}"
        yield f'</svg>\n<p class="soft">{wide}</p>\n'

    def _spans(self) -> Iterator[tuple[int, int, int, str, str]]:
        for depth, run in self._run.walk():
            for action in run.actions:
                begin: int = action.entry["time"]
                end = begin if action.outcome is None else max(begin, action.outcome["time"])
                yield begin, end, depth, _colour(action), f"{run.agent}: {action.action}, {action.status}"

    def _last(self) -> int:
        last: int = self._run.started["seq"]
        for _, run in self._run.walk():
            seqs = [event["seq"] for event in run.events]
            seqs += [entry["seq"] for a in run.actions for entry in (a.entry, a.outcome) if entry is not None]
            seqs += [] if run.outcome is None else [run.outcome["seq"]]
            last = max(last, *seqs) if seqs else last
        return last

    def _list(self, run: RunTrace) -> Iterator[str]:
        # INVARIANT: no deeper than a trace, which is bounded.
        yield '<ol class="acts">\n'
        for _, item in sorted(
            [(event["seq"], event) for event in run.events] + [(action.seq, action) for action in run.actions],
            key=lambda pair: pair[0],
        ):
            if self.shown >= _SHOWN:
                break
            if isinstance(item, dict):
                yield self._event(item)
            else:
                yield from self._action(item)
        yield "</ol>\n"

    def _action(self, action: ActionTrace) -> Iterator[str]:
        self.shown += 1
        entry, outcome = action.entry, action.outcome
        yield f'<li>\n<div class="head"><span class="chip {_colour(action)}">{text(action.effect)}</span>'
        yield f' <span class="name">{text(action.action)}</span> <span>{text(_result(action))}</span>'
        yield f'<span class="at">#{text(action.seq)} +{_duration(entry["time"] - self._began)}</span></div>\n'
        rules = ", ".join(action.rules)
        by = f" by <code>{text(rules)}</code>" if rules else ""
        yield f'<p class="soft">{text(action.reason)}{by}{_labels(entry)}</p>\n'
        for asked in action.approvals:
            yield f'<p class="ask">{_asked(asked)}</p>\n'
        if outcome is not None and "error" in outcome:
            error = outcome["error"]
            yield f'<p class="deny"><code>{text(error.get("type"))}</code>: {text(said(error.get("message")))}</p>\n'
        if entry.get("args") is not None:
            yield _folded("arguments, as they are recorded", entry["args"])
        if outcome is not None and "full" in outcome:
            yield _folded("result, as it is recorded", outcome["full"])
        if (run := action.run) is not None:
            below = f"run {run.pid} of {run.agent}: {_plural(len(run.actions), 'action')}, {_ended(run)}"
            yield f'<details class="tree" open><summary>{text(below)}</summary>\n'
            yield from self._list(run)
            yield "</details>\n"
        yield "</li>\n"

    def _event(self, entry: Mapping[str, Any]) -> str:
        origin = f"from {entry['origin']}" if "origin" in entry else ""
        if entry["kind"] == "denied.repeatedly":
            origin = f"{entry['count']} times more: {entry['action']}, {entry['reason']}"
        at = f'<span class="at">#{text(entry["seq"])} +{_duration(entry["time"] - self._began)}</span>'
        name = f'<span class="name">{text(entry["kind"])}</span> <span>{text(origin)}</span>'
        rest = {
            key: value for key, value in entry.items() if key not in ("kind", "log", "seq", "time", "pid", "origin")
        }
        return f'<li>\n<div class="head">{name}{at}</div>\n{_folded("as it is recorded", rest)}</li>\n'


def _colour(action: ActionTrace) -> str:
    if action.effect == "deny":
        return "deny"
    if action.run is not None:
        return "run"
    return "ask" if action.approvals else "allow"


def _result(action: ActionTrace) -> str:
    if action.outcome is None:
        return "" if action.effect == "deny" else "no outcome is recorded: it may have happened"
    return f"{action.status} after {_duration(action.outcome['micros'])}"


def _asked(asked: ApprovalTrace) -> str:
    rules = ", ".join(asked.rules)
    if asked.granted is None:
        return f"a person was asked for <code>{text(rules)}</code>, and nobody answered"
    took = "" if asked.answered is None else f" after {_duration(asked.answered - asked.time)}"
    word = "confirmed" if asked.granted else "refused"
    return f"a person was asked for <code>{text(rules)}</code>: {word} by {text(asked.by)}{took}"


def _labels(entry: Mapping[str, Any]) -> str:
    labels = entry.get("run", {}).get("labels", [])
    return f", the run had seen <code>{text(', '.join(labels))}</code>" if labels else ""


def _folded(title: str, value: object) -> str:
    spelt = json.dumps(value, ensure_ascii=False, indent=1)
    return f"<details><summary>{text(title)}</summary><pre>{text(spelt)}</pre></details>\n"


def _ended(run: RunTrace) -> str:
    if run.outcome is None:
        return "not finished"
    return f"{text(run.status)} after {_duration(run.outcome['micros'])}"


def _when(micros: int) -> str:
    try:
        return f"{_EPOCH + timedelta(microseconds=micros):%Y-%m-%d %H:%M:%S} UTC"
    except OverflowError:
        return f"{micros} µs"


def _duration(micros: int) -> str:
    for unit, size in (("h", 3_600_000_000), ("min", 60_000_000), ("s", 1_000_000), ("ms", 1_000)):
        if abs(micros) >= size:
            return f"{micros / size:.3g} {unit}"
    return f"{micros} µs"


def _plural(count: int, thing: str) -> str:
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"
