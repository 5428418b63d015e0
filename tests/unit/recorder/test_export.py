"""Promise: what is exported is what is in the log, in the form that others read, and little is held in memory."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
import sys
import threading
import tracemalloc
from collections import Counter
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from google.protobuf import json_format
from opentelemetry.proto.trace.v1 import trace_pb2

from agent_os import FlightRecorder, KernelSpace, RecorderError
from agent_os.recorder.export import FORMATS
from agent_os.recorder.export.page import POLICY
from tests.unit.recorder.busy import a_busy_log
from tests.unit.recorder.desk import IBAN, a_day_at_the_desk, desk


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> FlightRecorder:
    directory = tmp_path_factory.mktemp("recorded") / "log"
    with desk(directory, approver=lambda request: request.args["amount"] < 800) as at:
        a_day_at_the_desk(at)
        at.run("pay", lambda at: [at.ask("payments.send", iban=IBAN, amount=amount) for amount in (700, 900)])
    with desk(directory) as at:
        at.run("again", lambda at: at.clerk(lambda at: [at.ask("mail.read", folder="x" * 20_000) for _ in "ab"]))
    return FlightRecorder(directory)


def exported(recorder: FlightRecorder, kind: str, **which: Any) -> tuple[int, bytes]:
    out = io.BytesIO()
    count = recorder.export(kind, out, **which)
    return count, out.getvalue()


# -- all of them -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_has_its_name_once_it_is_whole_and_is_for_its_owner(
    log: FlightRecorder, tmp_path: Path, kind: str
) -> None:
    out = tmp_path / "out"
    out.write_text("what was there", encoding="utf-8")
    count = log.export(kind, out, pid=1)
    assert count > 0
    assert out.read_bytes() == exported(log, kind, pid=1)[1]
    assert os.name == "nt" or out.stat().st_mode & 0o077 == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    before = out.read_bytes()
    with pytest.raises(RecorderError, match="no run 99"):
        log.export(kind, out, pid=99)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [before]


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ({"format": "xml"}, "`xml` is not a format; the formats are `jsonl`"),
        ({"format": "html"}, "name the run with `pid`"),
        ({"format": "jsonl", "start": 3}, "name the number with `pid`"),
        ({"format": "otel", "payloads": True}, "only `jsonl` can hold payloads"),
        ({"format": "jsonl", "pid": -1}, "`pid` is -1"),
    ],
)
def test_what_makes_no_sense_is_refused(log: FlightRecorder, question: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        log.export(out=io.BytesIO(), **question)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_log_in_memory_can_be_exported(kind: str) -> None:
    with desk(None) as at:
        a_day_at_the_desk(at)
        count, data = exported(at.kernel.flight_recorder, kind, pid=1)
    assert count
    assert data


def test_exporting_twice_gives_the_same(log: FlightRecorder) -> None:
    for kind in ("jsonl", "otel", "ocsf", "html"):
        assert exported(log, kind, pid=1) == exported(log, kind, pid=1)


# -- JSON lines --------------------------------------------------------------------------------------------------------


def test_each_line_is_an_entry_byte_for_byte_so_that_the_root_can_be_computed(log: FlightRecorder) -> None:
    count, data = exported(log, "jsonl")
    lines = data.splitlines()
    assert count == len(lines) == log.size

    def root(leaves: list[bytes]) -> bytes:
        if len(leaves) == 1:
            return leaves[0]
        half = 1 << (len(leaves) - 1).bit_length() - 1
        return hashlib.sha256(b"\x01" + root(leaves[:half]) + root(leaves[half:])).digest()

    assert root([hashlib.sha256(b"\x00" + line).digest() for line in lines]).hex() == log.root


def test_payloads_stand_before_what_refers_to_them_and_have_their_hash(log: FlightRecorder) -> None:
    count, data = exported(log, "jsonl", payloads=True)
    known: set[str] = set()
    lines = data.splitlines()
    referred = 0
    for line in lines:
        value = json.loads(line)
        if "payload" in value:
            content = line[len(b'{"content":') : line.rindex(b',"payload":')]
            assert hashlib.sha256(content).hexdigest() == value["payload"]
            assert len(content) == value["size"]
            assert value["payload"] not in known
            known.add(value["payload"])
        else:
            for sha256 in re.findall(rb'\{"\$payload":\{"sha256":"([0-9a-f]{64})"', line):
                referred += 1
                assert sha256.decode() in known
    assert referred > len(known) > 0
    assert len(lines) == count + len(known)


def test_text_that_looks_like_a_payload_is_none(tmp_path: Path) -> None:
    with desk(tmp_path / "log") as at:
        trick = {"$payload": {"sha256": "../../../etc/passwd", "size": 1}}
        at.run(f"pay {IBAN}", lambda at: at.ask("payments.send", iban=IBAN, amount=trick))
    count, data = exported(FlightRecorder(tmp_path / "log"), "jsonl", payloads=True)
    assert len(data.splitlines()) == count


def test_one_run_is_the_run_and_what_is_below_it(log: FlightRecorder) -> None:
    lines = [json.loads(line) for line in exported(log, "jsonl", pid=1, start=0)[1].splitlines()]
    started = next(log.query(kind="process.started", pid=1))
    assert lines[0]["seq"] == started["intent"]
    assert (lines[-1]["kind"], lines[-1]["intent"]) == ("outcome", started["intent"])
    assert {entry["pid"] for entry in lines[1:-1]} == {1, 2}
    below = [json.loads(line) for line in exported(log, "jsonl", pid=2, start=0)[1].splitlines()]
    assert [entry for entry in lines if entry in below] == below


# -- OpenTelemetry -----------------------------------------------------------------------------------------------------


def spans_of(data: bytes) -> list[Any]:
    """The spans as the Protobuf of OTLP reads them; its JSON spells ids in hexadecimal, and Protobuf's in base64."""

    def spelt(match: re.Match[str]) -> str:
        return f'"{match[1]}":"{base64.b64encode(bytes.fromhex(match[2])).decode()}"'

    spans = []
    for line in data.decode().splitlines():
        text = re.sub(r'"(traceId|spanId|parentSpanId)":"([0-9a-f]+)"', spelt, line)
        traces = json_format.Parse(text, trace_pb2.TracesData(), ignore_unknown_fields=False)
        for resource in traces.resource_spans:
            assert {each.key for each in resource.resource.attributes} == {"service.name", "agent_os.log.id"}
            spans += [span for scope in resource.scope_spans for span in scope.spans]
    return spans


def attribute(span: Any, key: str) -> Any:
    found = {each.key: each.value for each in span.attributes}
    return getattr(found[key], found[key].WhichOneof("value")) if key in found else None


def test_spans_are_what_opentelemetry_reads_and_stand_in_trees(log: FlightRecorder) -> None:
    count, data = exported(log, "otel")
    spans = spans_of(data)
    actions = [*log.query(kind="intent"), *log.query(kind="denied")]
    assert count == len(spans) == len(actions)
    by_id = {span.span_id: span for span in spans}
    assert len(by_id) == len(spans)
    assert all(len(span.span_id) == 8 and len(span.trace_id) == 16 for span in spans)
    runs = [entry["intent"] for entry in log.query(kind="process.started")]
    for span in spans:
        assert span.end_time_unix_nano >= span.start_time_unix_nano > 0
        if span.parent_span_id:
            above = by_id[span.parent_span_id]
            assert attribute(above, "agent_os.seq") in runs
            assert above.trace_id == span.trace_id
            assert above.start_time_unix_nano <= span.start_time_unix_nano
        else:
            assert attribute(span, "agent_os.pid") == 0
    assert len({span.trace_id for span in spans}) == len([1 for entry in log.query(kind="process.started", parent=0)])


def test_spans_say_what_was_decided_and_what_came_of_it(log: FlightRecorder) -> None:
    spans = {attribute(span, "agent_os.seq"): span for span in spans_of(exported(log, "otel")[1])}
    denied = next(log.query(rule="never-what-mail-says"))
    span = spans[denied["seq"]]
    assert span.name == "execute_tool payments.send"
    assert attribute(span, "gen_ai.operation.name") == "execute_tool"
    assert attribute(span, "gen_ai.tool.name") == "payments.send"
    assert attribute(span, "error.type") == "denied_by_rule"
    assert span.status.code == span.status.STATUS_CODE_ERROR
    run = spans[next(log.query(action="agent.run", kind="intent"))["seq"]]
    assert run.name == "invoke_agent desk"
    assert run.status.code == run.status.STATUS_CODE_OK
    granted = [span for span in spans.values() if attribute(span, "agent_os.approved_by")]
    assert [event.name for event in granted[0].events] == ["agent_os.approval.requested", "agent_os.approval.granted"]
    assert IBAN not in exported(log, "otel")[1].decode()


def test_the_spans_of_one_run_are_those_that_it_has_in_the_whole(log: FlightRecorder) -> None:
    whole = {span.span_id: span for span in spans_of(exported(log, "otel")[1])}
    for start, pid in ((0, 1), (0, 2), (None, 2)):
        some = spans_of(exported(log, "otel", pid=pid, start=start)[1])
        assert some
        assert all(whole[span.span_id] == span for span in some)


def test_what_has_no_outcome_is_exported_as_unfinished(tmp_path: Path) -> None:
    with desk(tmp_path / "log") as at:
        found: list[bytes] = []
        at.run("hello", lambda at: found.append(exported(at.kernel.flight_recorder, "otel")[1]))
        (span,) = spans_of(found[0])
        assert attribute(span, "agent_os.unfinished") is True
        assert span.end_time_unix_nano == span.start_time_unix_nano


# -- OCSF --------------------------------------------------------------------------------------------------------------

# https://schema.ocsf.io/1.5.0/classes/api_activity: what is required of the class, its objects, and its enumerations.
REQUIRED: dict[str, set[str]] = {
    "": {
        "activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid",
        "actor", "api", "src_endpoint", "action_id",
    },
    "metadata": {"product", "version"},
    "api": {"operation"},
    "api.service": set(),
}  # fmt: skip
AT_LEAST_ONE: dict[str, set[str]] = {
    "actor": {"process", "user", "invoked_by", "session", "app_name", "app_uid"},
    "src_endpoint": {"ip", "uid", "name", "hostname", "svc_name", "instance_uid", "interface_uid", "interface_name"},
    "metadata.product": {"name", "uid"},
    "api.service": {"name", "uid"},
    "policy": {"name", "uid"},
}
ENUMS: dict[str, set[int]] = {
    "activity_id": {0, 1, 2, 3, 4, 99},
    "severity_id": {0, 1, 2, 3, 4, 5, 6, 99},
    "status_id": {0, 1, 2, 99},
    "action_id": {0, 1, 2, 3, 4, 99},
    "disposition_id": {*range(28), 99},
}


def at(event: dict[str, Any], path: str) -> Any:
    value: Any = event
    for name in filter(None, path.split(".")):
        value = value[name]
    return value


def test_events_have_what_ocsf_requires(log: FlightRecorder) -> None:
    count, data = exported(log, "ocsf")
    events = [json.loads(line) for line in data.splitlines()]
    assert count == len(events) > 10
    for event in events:
        for path, names in REQUIRED.items():
            assert names <= set(at(event, path)), path
        for path, names in AT_LEAST_ONE.items():
            assert names & set(at(event, path)), path
        for name, values in ENUMS.items():
            assert event[name] in values, name
        assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
        assert (event["category_uid"], event["class_uid"]) == (6, 6003)
        assert event["metadata"]["version"] == "1.5.0"
        assert "security_control" in event["metadata"]["profiles"], "whose attributes are used"
        assert 1.5e12 < event["time"] <= event["end_time"] < 1e13, "milliseconds"


def test_events_say_what_was_decided_and_what_came_of_it(log: FlightRecorder) -> None:
    events = {
        json.loads(line)["metadata"]["sequence"]: json.loads(line) for line in exported(log, "ocsf")[1].splitlines()
    }
    for entry in [*log.query(kind="intent"), *log.query(kind="denied")]:
        event = events.pop(entry["seq"])
        denied = entry["kind"] == "denied"
        assert (event["action"], event["disposition"]) == (("Denied", "Blocked") if denied else ("Allowed", "Allowed"))
        assert event["api"]["operation"] == entry["action"]
        assert event["actor"]["app_uid"] == entry["agent"]
        assert event["status"] == ("Failure" if denied else "Success")
        assert event["unmapped"]["agent_os"]["rules"] == entry["decision"]["rules"]
    assert events == {}


# -- Parquet -----------------------------------------------------------------------------------------------------------


def test_each_entry_is_a_row_with_the_whole_entry_in_it(log: FlightRecorder, tmp_path: Path) -> None:
    count = log.export("parquet", tmp_path / "log.parquet")
    table = pyarrow.parquet.read_table(tmp_path / "log.parquet")
    rows = table.to_pylist()
    assert count == len(rows) == log.size
    assert table.schema.metadata[b"agent_os.log"].decode() == log.log_id
    for row, entry in zip(rows, log.entries(), strict=True):
        assert json.loads(row["entry"]) == entry
        assert (row["seq"], row["kind"], row["pid"]) == (entry["seq"], entry["kind"], entry.get("pid"))
        assert int(row["time"].timestamp() * 1_000_000) in range(entry["time"] - 1, entry["time"] + 2)
    for filters in ({"agent_id": "clerk"}, {"action": "payments.send"}, {"effect": "deny"}, {"label": "mail"}):
        (name, value) = next(iter(filters.items()))
        column = {"agent_id": "agent", "label": "labels"}.get(name, name)
        found = [row["seq"] for row in rows if row[column] == value or (column == "labels" and value in row[column])]
        assert found == [entry["seq"] for entry in log.query(**filters)]  # type: ignore[arg-type]


def test_without_pyarrow_it_is_said_what_to_install(log: FlightRecorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"pip install 'agent-os\[parquet\]'"):
        log.export("parquet", io.BytesIO())


# -- HTML --------------------------------------------------------------------------------------------------------------


class Seen(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str | None]] = []
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in ("meta", "br", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag != "rect":
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def page(recorder: FlightRecorder, **which: Any) -> tuple[str, Seen]:
    text = exported(recorder, "html", **which)[1].decode()
    seen = Seen()
    seen.feed(text)
    seen.close()
    assert seen.open == []
    return text, seen


def test_the_page_says_who_did_what_why_and_what_proves_it(log: FlightRecorder) -> None:
    _, seen = page(log, pid=1, start=0)
    report = log.verify()
    for said in (
        "Run 1 of desk",
        "denied_by_rule by never-what-mail-says",
        "run 2 of clerk",
        report.level,
        report.root,
        f"{report.entries:,}",
        log.log_id,
    ):
        assert said in seen.text, said
    assert seen.tags["rect"] == 10, "one bar for each action"
    _, asked = page(log, pid=3, start=0)
    assert "a person was asked for large: confirmed by" in asked.text
    assert "a person was asked for large: refused by" in asked.text


def test_the_page_loads_and_runs_nothing(log: FlightRecorder) -> None:
    text, seen = page(log, pid=1)
    assert not set(seen.tags) & {"script", "link", "img", "iframe", "object", "embed", "form", "a", "base", "video"}
    names = {name for _, name, _ in seen.attributes}
    assert not names & {"style", "src", "href", "srcset", "action", "xlink:href", "background", "poster"}
    assert not [name for name in names if name.startswith("on")]
    assert "http:" not in text.replace("http-equiv", "")
    assert "https:" not in text
    assert "url(" not in text
    assert "@import" not in text
    (policy,) = [
        value for tag, name, value in seen.attributes if (tag, name) == ("meta", "content") and "default" in str(value)
    ]
    assert policy == POLICY
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    assert base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode() in policy
    assert text.index("Content-Security-Policy") < text.index("<style>")


def test_what_does_not_verify_is_said_at_the_top_of_the_proof(tmp_path: Path) -> None:
    with desk(tmp_path / "log") as at:
        a_day_at_the_desk(at)
    recorder = FlightRecorder(tmp_path / "log")
    (tmp_path / "log" / "salt").write_bytes(bytes(32))
    _, seen = page(recorder, pid=1)
    assert "The log does not verify" in seen.text
    with desk(None) as at:
        a_day_at_the_desk(at)
        _, seen = page(at.kernel.flight_recorder, pid=1)
    assert "Nothing: the log is in memory" in seen.text


def test_a_page_of_a_large_run_says_what_it_leaves_out(tmp_path: Path) -> None:
    with desk(tmp_path / "log", record="none") as at:
        at.run("hello", lambda at: [at.ask("mail.read", folder="a") for _ in range(5_100)])
    text, seen = page(FlightRecorder(tmp_path / "log"), pid=1)
    assert "100 further actions are in the log" in seen.text
    assert seen.tags["rect"] == 1_500
    assert len(text) < 6_000_000


def test_values_of_every_kind_stand_on_the_page_as_they_are_recorded(tmp_path: Path) -> None:
    with desk(tmp_path / "log") as at:
        at.run(f"pay {IBAN}", lambda at: at.ask("payments.send", iban=IBAN, amount=Decimal("7.10"), note="ü\n\tz"))
    _, seen = page(FlightRecorder(tmp_path / "log"), pid=1)
    assert '"$decimal": "7.10"' in seen.text


def test_a_log_of_many_blocks_is_exported_whole(tmp_path: Path) -> None:
    a_busy_log(tmp_path / "log", rounds=1)
    recorder = FlightRecorder(tmp_path / "log")
    assert (
        exported(recorder, "otel")[0]
        == exported(recorder, "ocsf")[0]
        == recorder.statistics().counts["kind"]["intent"] + recorder.statistics().counts["kind"].get("denied", 0)
    )


def test_what_was_denied_again_and_again_is_exported_with_how_often(tmp_path: Path) -> None:
    with desk(tmp_path / "log") as at:
        at.run("again", lambda at: [at.ask("payments.send", iban="unknown", amount=3) for _ in range(50)])
    recorder = FlightRecorder(tmp_path / "log")
    events = [json.loads(line) for line in exported(recorder, "ocsf", pid=1)[1].splitlines()]
    assert sum(event["count"] for event in events if event["action"] == "Denied") == 50
    spans = [span for span in spans_of(exported(recorder, "otel", pid=1)[1]) if span.status.code == 2]
    assert sum(attribute(span, "agent_os.count") or 1 for span in spans) == 50
    assert "times more: payments.send, denied_by_default" in page(recorder, pid=1)[1].text


@pytest.mark.parametrize("kind", ["jsonl", "otel", "ocsf"])
def test_a_log_of_any_size_is_exported_and_asked_with_little_memory(tmp_path: Path, kind: str) -> None:
    """What is held does not grow with the log: a log of ten times the entries takes no more than half as much again."""

    class Nowhere(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            return len(data)

    peaks = []
    for runs in (4, 40):
        a_busy_log(tmp_path / f"log-{runs}", rounds=1, runs=runs)
        recorder = FlightRecorder(tmp_path / f"log-{runs}")
        tracemalloc.start()
        recorder.export(kind, Nowhere())  # type: ignore[arg-type]
        for _ in recorder.query(effect="allow"):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.5
    assert peaks[1] < 8 * 2**20


def test_a_pipe_is_written_to_and_a_link_stays_one(tmp_path: Path) -> None:
    with KernelSpace("strict", recorder=tmp_path / "log"):
        pass
    log = FlightRecorder(tmp_path / "log")
    pipe, target, link = tmp_path / "pipe", tmp_path / "target", tmp_path / "link"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    count = log.export("jsonl", pipe)
    reader.join(20)
    assert pipe.is_fifo()
    assert read[0].count(b"\n") == count
    link.symlink_to(target)
    log.export("jsonl", link)
    assert link.is_symlink()
    assert target.read_bytes() == read[0]
