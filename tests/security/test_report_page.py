"""Promise: nothing that an agent chose becomes markup of the page about its run, or moves anything on it."""

from __future__ import annotations

import contextlib
import html
import io
import json
import re
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_os import FlightRecorder, KernelSpace, Policy, PolicyDenied, RecorderError, _core
from agent_os.recorder.export.page import POLICY, text
from tests.security.test_log_index import crc32c
from tests.unit.recorder.test_export import Seen

RULES = """
agent_os: 1
name: open
rules:
  - {id: run, effect: allow, action: agent.run}
  - {id: say, effect: allow, action: say}
"""

HOSTILE = [
    "<script>alert(1)</script>",
    "</pre><img src=x onerror=alert(1)>",
    "</title></head><body onload=alert(1)>",
    "</details></li></ol></main><iframe src='//evil'></iframe>",
    '"><svg onload=alert(1)>',
    "' style='position:fixed;inset:0",
    "</style><style>*{display:none}</style>",
    "<!--",
    "]]><![CDATA[",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;",
    "<meta http-equiv=refresh content='0;url=//evil'>",
    "<base href=//evil>",
    "<plaintext>",
    "<textarea>",
    "javascript:alert(1)",
    "\u202egnitrever\u2066\u2069\u200b\ufeff",
    "\x00\x08\x1b[2J\x7f\x85\u2028\u2029",
    "+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
    "{{constructor.constructor('alert(1)')()}}",
    "a" * 5_000,
]


def page_of(directory: Path, words: list[str]) -> str:
    """The page about a run that says these things in every way that a run has."""
    with KernelSpace(Policy.from_text(RULES, name="open.yaml"), recorder=directory, record="full") as kernel:

        @kernel.tool("say")
        def say(**said: Any) -> Any:
            if "error" in said:
                raise type(re.sub(r"\W", "_", "E" + said["error"])[:50], (Exception,), {})(said["error"])
            return said

        @kernel.register(agent_id="speaker")
        def speaker(task: str) -> None:
            for word in words:
                say(word=word, **{f"key_{word}": [word, {word: word}]})
                with contextlib.suppress(Exception):
                    say(error=word)
                with contextlib.suppress(PolicyDenied, ValueError, TypeError):
                    kernel.execute_sync(word)

        kernel.execute_sync(speaker, "\n".join(words))
    out = io.BytesIO()
    FlightRecorder(directory).export("html", out, pid=1)
    return out.getvalue().decode()


def seen_in(page: str) -> Seen:
    seen = Seen()
    seen.feed(page)
    seen.close()
    return seen


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    return seen_in(page_of(tmp_path_factory.mktemp("plain") / "log", ["word"] * len(HOSTILE)))


def test_hostile_text_makes_the_same_page_as_any_other(tmp_path: Path, plain: Seen) -> None:
    page = page_of(tmp_path / "log", HOSTILE)
    seen = seen_in(page)
    assert seen.open == []
    assert seen.tags == plain.tags
    assert {(tag, name) for tag, name, _ in seen.attributes} == {(tag, name) for tag, name, _ in plain.attributes}
    for classes in {value for _, name, value in seen.attributes if name == "class"}:
        assert re.fullmatch(r"[a-z -]*", classes or "")
    assert page.count("<script") == page.count("<style") - 1 == 0
    assert page.count(html.escape(POLICY, quote=True)) == 1
    assert "alert(1)" in seen.text, "it is on the page, as text"


def test_what_cannot_be_seen_or_turns_writing_around_is_spelt_out(tmp_path: Path) -> None:
    page = page_of(tmp_path / "log", HOSTILE)
    assert [c for c in page if not (c.isprintable() or c == "\n")] == []
    assert "\\u202e" in page
    assert "\\x1b" in page or "\\u001b" in page


@given(st.text())
def test_any_text_comes_back_as_it_went_in_and_holds_no_markup(value: str) -> None:
    spelt = text(value)
    assert not set(spelt) & set("<>\"'")
    assert all(c.isprintable() or c == "\n" for c in spelt)
    assert re.fullmatch(r"(?:[^&]|&(?:amp|lt|gt|quot|#x27);)*", spelt, re.DOTALL)
    if all(c.isprintable() or c == "\n" for c in value):
        assert html.unescape(spelt) == value


#: What else an entry of a kind has to have, so that it is read at all.
OTHER = {"intent": {"bundle": "", "when": 1}}


def forged(directory: Path, entries: list[dict[str, Any]]) -> FlightRecorder:
    """A log that no kernel wrote."""
    header = b"AOSLOG1\n" + bytes(16) + struct.pack("<Q", 0)
    data = header + struct.pack("<I", crc32c(header))
    for seq, entry in enumerate(entries):
        body = _core.canonical({"log": "00" * 16, "time": seq, "seq": seq, **OTHER.get(entry["kind"], {}), **entry})
        length = struct.pack("<I", len(body))
        data += length + struct.pack("<I", crc32c(length + body)) + body
    (directory / "segments").mkdir(parents=True)
    (directory / "segments" / f"{0:020}.seg").write_bytes(data)
    return FlightRecorder(directory)


@pytest.mark.parametrize("evil", HOSTILE)
def test_a_forged_log_makes_no_markup_either_and_the_page_says_that_it_does_not_verify(
    tmp_path: Path, evil: str
) -> None:
    decision = {"effect": evil, "reason": evil, "rules": [evil], "obligations": {"label": [evil], "rules": [evil]}}
    asked = {"pid": 1, "agent": evil, "action": evil, "request": evil, "rules": [evil]}
    recorder = forged(
        tmp_path / "log",
        [
            {"kind": "log.created", "meta": {"name": evil, "version": evil}},
            {
                "kind": "intent",
                "pid": 0,
                "action": "agent.run",
                "agent": evil,
                "decision": decision,
                "args": {evil: evil},
            },
            {"kind": "process.started", "pid": 1, "parent": 0, "agent": evil, "intent": 1},
            {"kind": "text", "pid": 1, "origin": evil, "full": evil},
            {"kind": f"signal.{evil}", "pid": 1, evil: evil},
            {"kind": "approval.requested", "expires": 1, **asked},
            {"kind": "approval.granted", "by": evil, **asked},
            {
                "kind": "intent",
                "pid": 1,
                "action": evil,
                "agent": evil,
                "approval": {"by": evil, "request": evil},
                "decision": decision,
                "args": {evil: evil},
                "run": {"labels": [evil]},
            },
            {
                "kind": "outcome",
                "pid": 1,
                "intent": 7,
                "status": evil,
                "micros": 1,
                "full": {evil: evil},
                "error": {"type": evil, "message": evil},
            },
        ],
    )
    out = io.BytesIO()
    recorder.export("html", out, pid=1)
    page = out.getvalue().decode()
    seen = seen_in(page)
    assert seen.open == []
    assert set(seen.tags) <= {
        "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "p", "ul", "ol", "li", "b", "code", "dl",
        "dt", "dd", "div", "span", "svg", "rect", "details", "summary", "pre",
    }  # fmt: skip
    assert {name for _, name, _ in seen.attributes} <= {
        "lang", "charset", "http-equiv", "content", "name", "class", "viewbox", "role", "aria-label", "x", "y", "width",
        "height", "rx", "open",
    }  # fmt: skip
    assert "The log does not verify" in seen.text
    for kind in ("otel", "ocsf"):
        lines = io.BytesIO()
        recorder.export(kind, lines, pid=1)
        assert all(isinstance(json.loads(line), dict) for line in lines.getvalue().splitlines())


@pytest.mark.parametrize("kind", ["html", "otel", "ocsf"])
@pytest.mark.parametrize("lost", ["action", "decision"])
def test_a_forged_log_that_lacks_what_every_entry_has_is_refused_in_words(tmp_path: Path, kind: str, lost: str) -> None:
    decision = {"effect": "allow", "reason": "allowed_by_rule", "rules": []}
    own = {"action": "say", "agent": "a", "decision": decision, "args": {}}
    recorder = forged(
        tmp_path / "log",
        [
            {"kind": "log.created"},
            {"kind": "intent", "pid": 0, **own, "action": "agent.run"},
            {"kind": "process.started", "pid": 1, "parent": 0, "agent": "a", "intent": 1},
            {"kind": "intent", "pid": 1, **{name: value for name, value in own.items() if name != lost}},
        ],
    )
    with pytest.raises(RecorderError, match="agentos log verify") as raised:
        recorder.export(kind, io.BytesIO(), pid=1)
    assert raised.value.code == "log_damaged"
