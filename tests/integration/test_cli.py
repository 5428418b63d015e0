"""Promise: the command line answers with data on stdout, words on stderr and the exit code of the table."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent_os import KernelSpace
from agent_os.cli.commands import COMMANDS

POLICY = """\
agent_os: 1
name: büro
rules:
  - {id: small, effect: allow, action: payments.send, when: {args.amount: {le: 500}}}
  - id: large
    effect: ask
    action: payments.send
    when: {args.amount: {gt: 500}}
    message: a person must confirm payments above 500
  - id: known
    effect: deny
    action: payments.send
    unless: {args.iban: {seen_in: [user]}}
  - {id: hide, effect: require, action: payments.send, redact: args.iban}
"""
IBAN = "GB33BUKB20201555555555"


#: As most people run it: Python is not told to write at once, which would hide that something is still to be written.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


def agentos(*arguments: str | Path, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agent_os.cli", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        env={**ENVIRONMENT, "PYTHONIOENCODING": "utf-8", **environment},
        timeout=60,
        check=False,
    )


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY, encoding="utf-8")
    return path


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    path = tmp_path / "broken.yaml"
    path.write_text(POLICY.replace("le: 500", "less: 500").replace("effect: ask", "effect: aks"), encoding="utf-8")
    return path


# -- check -------------------------------------------------------------------------------------------------------------


def test_policy_check_holds_rules_against_the_schemas_of_tools(tmp_path: Path, policy: Path) -> None:
    schema = {"type": "object", "properties": {"amount": {"type": "string"}, "ibna": {"type": "string"}}}
    mapping, listed, both = tmp_path / "tools.json", tmp_path / "list.json", tmp_path / "both.json"
    mapping.write_text(json.dumps({"payments.send": schema}), encoding="utf-8")
    listed.write_text(json.dumps({"server": "bank", "tools": [{"name": "send", "inputSchema": schema}]}), "utf-8")
    both.write_text(json.dumps({"payments.send": {}}), encoding="utf-8")
    done = agentos("policy", "check", policy, "--tools", mapping, "--json")
    assert done.returncode == 1
    problems = json.loads(done.stdout)["policies"][0]["problems"]
    assert [(problem["code"], problem["line"], problem["column"]) for problem in problems] == [
        ("wrong_operator", 4, 76),
        ("wrong_operator", 8, 26),
        ("unknown_argument", 13, 14),
        ("unknown_argument", 14, 64),
    ]
    # Nothing of the policy is for this server's tools; a rule of another is.
    assert agentos("check", policy, "--tools", listed).returncode == 0
    other = tmp_path / "other.yaml"
    other.write_text(policy.read_text("utf-8").replace("payments.send", "mcp.bank.send"), encoding="utf-8")
    assert agentos("check", other, "--tools", listed).returncode == 1
    twice = agentos("check", policy, "--tools", mapping, "--tools", both)
    assert (twice.returncode, twice.stdout) == (2, "")
    assert "`payments.send` has a schema in" in twice.stderr
    listed.write_text('{"tools": [{}]}', encoding="utf-8")
    odd = agentos("check", policy, "--tools", listed)
    assert odd.returncode != 0
    assert "has no name" in odd.stderr
    gone = agentos("check", policy, "--tools", tmp_path / "gone.json")
    assert gone.returncode != 0
    assert "gone.json" in gone.stderr


def test_check_says_what_a_good_policy_is(policy: Path) -> None:
    done = agentos("check", policy, "strict")
    assert (done.returncode, done.stderr) == (0, "")
    own, preset = done.stdout.splitlines()
    assert own.startswith(f"{policy}: ok, `büro`, 4 rules, default deny, sha256:")
    assert preset.startswith("strict: ok, `strict`, ")


def test_check_says_every_mistake_with_its_place_and_what_to_do(broken: Path, policy: Path) -> None:
    done = agentos("check", broken, policy)
    assert done.returncode == 1
    assert done.stdout.startswith(f"{policy}: ok")
    assert f"{broken}:4:" in done.stderr
    assert f"{broken}:6:" in done.stderr
    assert done.stderr.count("\n  hint: ") == 2
    assert f"{broken}: 2 problems; nothing of it would be in force" in done.stderr


def test_check_gives_the_same_as_data(broken: Path, policy: Path) -> None:
    done = agentos("check", broken, policy, "--json")
    assert (done.returncode, done.stderr) == (1, "")
    result = json.loads(done.stdout)
    assert result["ok"] is False
    bad, good = result["policies"]
    assert [(p["line"], p["code"]) for p in bad["problems"]] == [(4, "unknown_operator"), (6, "bad_effect")]
    assert all(p["file"] == str(broken) and p["column"] and p["hint"] for p in bad["problems"])
    assert (good["ok"], good["name"], good["rules"], good["default"]) == (True, "büro", 4, "deny")


def test_policies_that_are_good_alone_may_not_be_good_together(policy: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(POLICY, encoding="utf-8")
    assert agentos("check", policy, other).returncode == 0
    done = agentos("check", policy, other, "--together", "--json")
    assert done.returncode == 1
    assert {p["code"] for p in json.loads(done.stdout)["policies"][0]["problems"]} == {"duplicate_id"}


@pytest.mark.parametrize("name", ["missing.yaml", "a-folder/", "strickt", "empty.yaml", "not-text.yaml"])
def test_check_of_what_is_no_policy_is_a_finding_with_a_hint(name: str, tmp_path: Path) -> None:
    (tmp_path / "a-folder").mkdir()
    (tmp_path / "empty.yaml").touch()
    (tmp_path / "not-text.yaml").write_bytes(b"\xff\x00")
    done = agentos("check", name if name == "strickt" else tmp_path / name)
    assert (done.returncode, done.stdout) == (1, "")
    assert "\n  hint: " in done.stderr
    assert "Traceback" not in done.stderr


# -- explain -----------------------------------------------------------------------------------------------------------


def test_explain_goes_rule_by_rule_and_ends_with_the_decision(policy: Path) -> None:
    done = agentos("explain", policy, "payments.send", "--args", f'{{"amount": 700, "iban": "{IBAN}"}}',
                   "--text", f"user=pay 700 to {IBAN}", "--agent", "desk-7")  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.split()[:3] for line in lines[:4]] == [
        ["yes", "require", "hide"],
        ["no", "deny", "known"],
        ["yes", "ask", "large"],
        ["no", "allow", "small"],
    ]
    assert "args.amount" in lines[3]
    assert f"({policy}:4)" in lines[3]
    assert lines[4:] == [
        "ask: `payments.send` by agent `desk-7`, by `large` (asked_by_rule)",
        "  a person must confirm payments above 500",
        "  redact: args.iban",
    ]


def test_explain_names_what_is_unknown_and_a_deny_is_still_an_answer(policy: Path) -> None:
    done = agentos("explain", policy, "payments.send", "--args", '{"amount": "much"}')
    assert done.returncode == 0
    assert "deny: `payments.send` by agent `example`, by `known` (condition_unknown)" in done.stdout
    assert "`args.iban` is unknown in rule `known`, which counts against the caller" in done.stdout
    assert [line.split()[0] for line in done.stdout.splitlines()[:4]].count("unknown") >= 2


def test_explain_gives_the_same_as_data(policy: Path) -> None:
    done = agentos("explain", policy, "payments.send", "--args", '{"amount": 700}', "--json")
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    assert (result["effect"], result["deciding_rules"], result["reason"]) == ("deny", ["known"], "condition_unknown")
    assert {rule["rule"]: rule["applies"] for rule in result["rules"]}["large"] == "yes"


def test_arguments_come_from_a_file_or_from_stdin_and_may_be_exact(policy: Path, tmp_path: Path) -> None:
    request = json.dumps({"amount": {"$decimal": "500.00000000000000000000000000000001"}, "iban": IBAN})
    (tmp_path / "request.json").write_text(request, encoding="utf-8")
    for given, stdin in ((request, ""), (f"@{tmp_path / 'request.json'}", ""), ("@-", request)):
        done = agentos("explain", policy, "payments.send", "--args", given, "--text", f"user={IBAN}", stdin=stdin)
        assert "by `large`" in done.stdout, given
    missing = agentos("explain", policy, "payments.send", "--args", "@missing.json")
    assert missing.returncode == 3
    assert "error: cannot use `missing.json`" in missing.stderr


def test_the_state_of_the_run_can_be_given_whole(tmp_path: Path) -> None:
    path = tmp_path / "state.yaml"
    rules = {
        "labels": "when: {run.labels: {contains: secret}}",
        "depth": "when: {run.depth: {eq: 2}}",
        "parent": "when: {run.parent: {eq: boss}}",
        "hour": "when: {time.hour: {eq: 9}, time.weekday: {eq: 6}}",
        "role": "agent: {role: clerk}",
        "id": "agent: {id: desk-7}",
    }
    lines = [f"  - {{id: {name}, effect: deny, action: a.b, {text}}}" for name, text in rules.items()]
    path.write_text("\n".join(["agent_os: 1", "name: state", "default: allow", "rules:", *lines]), encoding="utf-8")
    bare: Any = json.loads(agentos("explain", path, "a.b", "--json", "--time", "2026-02-02T12:00:00Z").stdout)
    assert bare["deciding_rules"] == ["parent"]  # nothing is known of a parent that there is not
    whole = agentos("explain", path, "a.b", "--json", "--agent", "desk-7", "--role", "clerk", "--role", "x", "--label",
                    "secret", "--depth", "2", "--parent", "boss", "--time", "2026-01-31T11:30:00+02:00")  # fmt: skip
    assert json.loads(whole.stdout)["deciding_rules"] == sorted(rules)


def test_what_is_used_of_a_limit_can_be_given(tmp_path: Path) -> None:
    path = tmp_path / "limits.yaml"
    path.write_text(
        "agent_os: 1\nname: limits\nrules:\n"
        "  - {id: few, effect: allow, action: a.b, limit: {sum: args.n, max: 100, per: 24h, by: agent}}\n"
        "  - {id: early, effect: deny, action: a.b, when: {run.calls: {gt: 3}}}\n",
        encoding="utf-8",
    )
    ask = ("explain", path, "a.b", "--args", '{"n": 20}', "--json")
    for more, effect, reason in [
        ((), "allow", "allowed_by_rule"),
        (("--used", "few=80"), "allow", "allowed_by_rule"),
        (("--used", "few=80.5"), "deny", "limit_exceeded"),
        (("--calls", "3"), "allow", "allowed_by_rule"),
        (("--calls", "4"), "deny", "denied_by_rule"),
    ]:
        said = json.loads(agentos(*ask, *more).stdout)
        assert (said["effect"], said["reason"]) == (effect, reason), more
    for wrong in ["few=-1", "few=NaN", "few=Infinity", "few=much", "few", "other=1"]:
        assert agentos(*ask, "--used", wrong).returncode == 2, wrong


def test_a_policy_that_does_not_load_explains_nothing(broken: Path) -> None:
    done = agentos("explain", broken, "payments.send")
    assert (done.returncode, done.stdout) == (3, "")
    assert f"error: {broken}:4:" in done.stderr


# -- the program as a whole --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("script", ["agentos", "agent-os"])
def test_the_installed_scripts_are_the_same_program(script: str) -> None:
    path = Path(sys.executable).parent / script
    if not path.exists() and not (path := path.with_suffix(".exe")).exists():
        pytest.skip("the package is not installed here, only importable")
    done = subprocess.run([path, "--version"], capture_output=True, encoding="utf-8", check=True, timeout=60)
    assert done.stdout == agentos("--version").stdout
    assert done.stdout.startswith("agentos ")


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["log", "verify", "{log}"], ["log", "tail", "{log}"]])
def test_what_needs_no_policy_does_not_load_what_policies_need(arguments: list[str], tmp_path: Path) -> None:
    from agent_os import KernelSpace

    with KernelSpace("strict", recorder=tmp_path / "log"):
        pass
    argv = [argument.format(log=tmp_path / "log") for argument in arguments]
    code = f"""
import sys
from agent_os.cli import main
try:
    code = main({argv!r})
except SystemExit as ended:
    code = ended.code
print(code, *sys.modules, file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True, timeout=60)
    code, *modules = done.stderr.split()
    assert code == "0"
    assert not {module.split(".")[0] for module in modules} & {"asyncio", "pydantic", "yaml", "cryptography", "ssl"}


def test_every_command_is_reached() -> None:
    for command in COMMANDS:
        done = agentos(*command.words, "--no-such-option")
        assert done.returncode in (2, 3), command.name
        assert done.stdout == ""
        assert done.stderr.startswith(("error: ", "usage: "))


@pytest.mark.skipif(os.name == "nt", reason="POSIX shells only")
def test_a_full_or_closed_stdout_is_no_success_and_no_traceback(policy: Path) -> None:
    program = f"{sys.executable} -m agent_os.cli check {policy}"
    closed = subprocess.run(["bash", "-c", f"{program} >&-"], capture_output=True, encoding="utf-8", check=False)
    assert (closed.returncode, closed.stderr) == (0, "")
    if Path("/dev/full").exists():
        full = subprocess.run(
            ["bash", "-c", f"{program} >/dev/full"],
            env=ENVIRONMENT,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert full.returncode == 3
        assert "No space left" in full.stderr
        assert "Traceback" not in full.stderr


def test_what_a_terminal_cannot_show_is_escaped(policy: Path) -> None:
    done = agentos("check", policy, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "b\\xfcro" in done.stdout


# -- policy check, policy test -----------------------------------------------------------------------------------------


def test_policy_check_tells_warnings_and_is_content_unless_it_is_strict(policy: Path) -> None:
    text = (
        policy.read_text(encoding="utf-8")
        + "  - {id: void, effect: allow, action: a, when: {args.x: {gt: 1, lt: 1}}}\n"
    )
    policy.write_text(text, encoding="utf-8")
    done = agentos("policy", "check", policy)
    assert done.returncode == 0
    assert done.stdout.startswith(f"{policy}: ok, 1 warning, 1 remark, `büro`, 5 rules")
    assert done.stderr.startswith(f"{policy}:15:5: warning[dead_rule]: `void` never applies")
    assert "\n  hint: " in done.stderr
    assert agentos("policy", "check", policy, "--strict").returncode == 1
    data = json.loads(agentos("policy", "check", policy, "--json").stdout)
    assert [f["code"] for f in data["policies"][0]["findings"]] == ["dead_rule", "no_message"]
    assert "remark" in agentos("policy", "check", policy, "--all").stdout


def test_policy_check_of_a_guard_that_guards_nothing_is_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "wire.yaml"
    path.write_text(
        "agent_os: 1\nrules:\n  - {id: r, effect: allow, action: a, when: {args.x: {not_seen_in: [untrusted]}}}\n"
    )
    done = agentos("policy", "check", path)
    assert (done.returncode, "not ok, 1 error" in done.stdout) == (1, True)
    assert agentos("check", path).returncode == 0


def test_policy_test_ends_with_a_finding_when_a_test_fails(policy: Path, tmp_path: Path) -> None:
    tests = tmp_path / "tests.yaml"
    request = '{action: payments.send, args: {amount: 5, iban: "GB33"}, run: {texts: [{user: GB33}]}}'
    tests.write_text(f"agent_os_tests: 1\ntests:\n  - allow: {request}\n  - ask: {request}\n")
    done = agentos("policy", "test", policy, tests)
    assert done.returncode == 1
    assert [line[:4] for line in done.stdout.splitlines()[:2]] == ["pass", "FAIL"]
    assert "note: nothing shows that `large` decides" in done.stderr
    assert json.loads(agentos("policy", "test", policy, tests, "--json").stdout)["failed"] == 1
    assert agentos("policy", "test", policy).returncode == 3
    tests.write_text("agent_os_tests: 1\ntests:\n  - name: asks nothing\n")
    done = agentos("policy", "test", policy, tests)
    assert (done.returncode, done.stdout) == (3, "")
    assert f"{tests}:3:5: a test holds exactly one of" in done.stderr


def test_a_policy_that_enforces_nothing_is_shouted_about(tmp_path: Path) -> None:
    done = agentos("check", "observe")
    assert done.returncode == 0
    assert "rules (7 in shadow), default allow" in done.stdout
    assert done.stderr.startswith("warning: observe ENFORCES NOTHING")
    assert json.loads(agentos("check", "observe", "--json").stdout)["policies"][0]["only_observes"] is True
    explained = agentos("explain", "observe", "bash")
    assert "allow: `bash` by agent `example`, by the default (only_observed)" in explained.stdout
    assert "with the rules in shadow: deny, by `observe/code-tools` (denied_by_rule)" in explained.stdout
    assert "ENFORCES NOTHING" in explained.stderr


# -- policy diff -------------------------------------------------------------------------------------------------------


def test_policy_diff_shows_a_request_that_explain_takes(policy: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(policy.read_text(encoding="utf-8").replace("le: 500", "le: 400"), encoding="utf-8")
    done = agentos("policy", "diff", policy, other)
    assert done.returncode == 1
    assert "note: " in done.stderr
    change, request = done.stdout.splitlines()[:2]
    assert change.startswith("closed       allow (small)")
    words = shlex.split(request)
    for which, effect in ((policy, "allow"), (other, "deny")):
        assert json.loads(agentos("explain", which, *words, "--json").stdout)["effect"] == effect
    data = json.loads(agentos("policy", "diff", policy, other, "--json").stdout)
    assert data["changes"]["closed"] == len(data["differences"]) == 1
    same = agentos("policy", "diff", policy, policy)
    assert (same.returncode, same.stdout) == (0, "no difference was found\n")


# -- policy fmt, import, learn -----------------------------------------------------------------------------------------


def test_policy_fmt_writes_only_what_differs_and_check_writes_nothing(policy: Path) -> None:
    before = policy.read_text(encoding="utf-8")
    assert agentos("policy", "fmt", policy, "--check").returncode == 1
    assert policy.read_text(encoding="utf-8") == before
    assert agentos("policy", "fmt", policy).stdout == f"{policy}: written anew\n"
    assert agentos("policy", "fmt", policy, "--check").returncode == 0
    assert json.loads(agentos("policy", "fmt", policy, "--json").stdout)["changed"] == []
    assert sorted(policy.parent.iterdir()) == [policy]


def test_policy_import_prints_a_policy_or_every_line_that_does_not_map(tmp_path: Path) -> None:
    settings = tmp_path / "settings.json"
    settings.write_text('{"permissions": {"deny": ["Write"]}}')
    done = agentos("policy", "import", "claude-code", settings)
    assert (done.returncode, done.stderr) == (0, "")
    assert "effect: deny" in done.stdout
    settings.write_text('{"permissions": {"deny": ["Write",\n"Read(*.env)"]}}')
    done = agentos("policy", "import", "claude-code", settings)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{settings}:2:1: `Read(*.env)` does not map" in done.stderr
    assert json.loads(agentos("policy", "import", "claude-code", settings, "--json").stdout)["policy"] is None
    assert agentos("policy", "import", "none", settings).returncode == 2
    settings.write_text("{")
    assert agentos("policy", "import", "claude-code", settings).returncode == 3


def test_policy_learn_without_anything_to_learn_from_is_unusable(tmp_path: Path) -> None:
    with KernelSpace("strict", recorder=tmp_path / "log"):
        pass
    done = agentos("policy", "learn", tmp_path / "log")
    assert (done.returncode, done.stdout) == (3, "")
    assert "\n  hint: " in done.stderr
