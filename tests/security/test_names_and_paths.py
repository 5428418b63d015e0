"""Lessons 11, 13, 14, 15, 17, 22: names, paths and patterns are taken literally, and nothing outranks a deny."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from agent_os import PolicyDenied, PolicyError, RequestInvalid
from tests.unit.kernel.desk import RUN, Trace, desk, inside, policy

# -- 11: names --------------------------------------------------------------------------------------------------------

LOOK_ALIKES = [
    "FILE_WRITE",
    "File_write",
    "file_write ",
    " file_write",
    "file_write\n",
    "file_write\x00",
    "file_write\u200b",
    "file_w\u200drite",
    "\uff46ile_write",
    "f\u0456le_write",
    "file_writ\u0435",
    "file\u02d7write",
    "file-write",
    "file.write",
    "file_write.",
    ".file_write",
    "file__write",
    "file_writ",
    "file_writee",
]


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_11_a_look_alike_is_another_name_and_no_rule_speaks_of_it(name: str) -> None:
    with desk("{id: yes, effect: allow, action: file_write}") as kernel:
        kernel.register(lambda: None, agent_id="desk")
        assert kernel.check("file_write", {}, agent="desk")
        assert not kernel.check(name, {}, agent="desk")


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_11_a_look_alike_reaches_no_tool(name: str, tmp_path: Path) -> None:
    trace = Trace(tmp_path)
    with desk() as kernel:
        kernel.tool("file_write")(trace.leave)
        with pytest.raises(RequestInvalid) as refused:
            inside(kernel, lambda: kernel.execute_sync(name))
        assert refused.value.code == "action_unknown"
        assert trace.times == 0


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_11_a_deny_by_name_is_not_dodged_because_there_is_no_tool_under_another_spelling(name: str) -> None:
    """Even under default allow a name outside the grammar is denied, and one inside it is a tool of its own."""
    from agent_os import KernelSpace

    rules = policy(RUN, "{id: no, effect: deny, action: file_write}", default="allow")
    with KernelSpace(rules, durability="memory") as kernel:
        kernel.register(lambda: None, agent_id="desk")
        decision = kernel.check(name, {}, agent="desk")
        assert decision.reason in {"request_invalid", "allowed_by_default"}
        if decision:
            with pytest.raises(RequestInvalid):
                inside(kernel, lambda: kernel.execute_sync(name))


@pytest.mark.parametrize("value", ["DROP", "drop ", "dro\u0440", "d\u200drop", "\uff44rop", ["drop"], {"drop": 1}])
def test_11_a_value_is_compared_exactly(value: object) -> None:
    with desk("{id: yes, effect: allow, action: t.x, when: {args.verb: {eq: drop}}}") as kernel:
        kernel.register(lambda: None, agent_id="desk")
        assert kernel.check("t.x", {"verb": "drop"}, agent="desk")
        assert not kernel.check("t.x", {"verb": value}, agent="desk")


# -- 13: paths --------------------------------------------------------------------------------------------------------

WORKING = "{id: yes, effect: allow, action: t.read, when: {args.path: {under: /mem/working}}}"
NOT_KEYS = "{id: no, effect: deny, action: t.any, when: {args.path: {under: /keys}}}"


@pytest.mark.parametrize(
    "path",
    [
        "/mem/workingX",
        "/mem/working-old/a",
        "/mem/working/../policy",
        "/mem/working/a/../../..",
        "/mem/working/%2e%2e/policy",
        "/mem/working/%2E./x",
        "/mem/working/..%u2215policy",
        "/mem/working/..;/policy",
        "/mem/working/.../policy",
        "/mem/working/....//policy",
        "/mem/working\\..\\policy",
        "/mem/working/a\\..\\..\\policy",
        "mem/working/a",
        "./mem/working/a",
        "/../mem/working",
        "/MEM/working/a",
        "/mem/working/\x00",
        "/mem/working/\n",
        "/mem\u2044working/a",
        "/mem/working/\uff0e\uff0e/x",
        "~/mem/working",
        "",
        "/",
        "/mem",
        5,
        None,
        ["/mem/working/a"],
        b"/mem/working/a",
    ],
)
def test_13_no_spelling_leaves_the_folder_that_is_allowed(path: object) -> None:
    with desk(WORKING) as kernel:
        kernel.register(lambda: None, agent_id="desk")
        for good in (
            "/mem/working",
            "/mem/working/a",
            "//mem/./working//a/",
            "/mem/working/a/../b",
            "/mem/x/../working",
        ):
            assert kernel.check("t.read", {"path": good}, agent="desk")
        assert not kernel.check("t.read", {"path": path}, agent="desk")


@pytest.mark.parametrize(
    "path",
    ["/keys", "/keys/a", "//keys", "/x/../keys/a", "/./keys", "/keys/%2e", "/keys\\a", "keys", "/x/\x00", None, 5],
)
def test_13_no_spelling_reaches_the_folder_that_is_denied(path: object) -> None:
    with desk(NOT_KEYS, "{id: yes, effect: allow, action: t.any}") as kernel:
        kernel.register(lambda: None, agent_id="desk")
        assert kernel.check("t.any", {"path": "/data/keys"}, agent="desk")
        assert not kernel.check("t.any", {"path": path}, agent="desk")


# -- 14: URLs ---------------------------------------------------------------------------------------------------------

ONE_HOST = (
    "{id: yes, effect: allow, action: t.get, when: {args.url: {scheme: https, host: [example.com, .example.com]}}}"
)
PUBLIC = "{id: yes, effect: allow, action: t.get, when: {args.url: {private_address: false}}}"
NOT_PRIVATE = "{id: no, effect: deny, action: t.get, when: {args.url: {private_address: true}}}"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.net/",
        "https://example.com@evil.net/",
        "https://example.com:pw@evil.net/",
        "https://example.com%40evil.net/",
        "https://evil.net#@example.com/",
        "https://evil.net?@example.com/",
        "https://evil.net\\@example.com/",
        "https://evil.net\\.example.com/",
        "https://evil.net/@example.com",
        "https://a@example.com@evil.net/",
        "https://evil.net:443@a@example.com/",
        "https://example.com.evil.net/",
        "https://evilexample.com/",
        "https://example.com,evil.net/",
        "https://example.com\n.evil.net/",
        "https://evil.net\n@example.com/",
        "https://evil.net\t.example.com/",
        "https://ex%61mple.com/",
        "https://\u0435xample.com/",
        "https://example.com\u2044evil.net/",
        "https://[::ffff:example.com]/",
        "https:/\\evil.net/example.com",
        "https:example.com",
        "https:///example.com",
        " https://example.com/",
        "//example.com/",
        "example.com",
        "http://example.com/",
        "javascript://example.com/%0aalert(1)",
        None,
        5,
        ["https://example.com/"],
    ],
)
def test_14_no_spelling_of_a_url_reaches_another_host_than_the_one_that_is_allowed(url: object) -> None:
    with desk(ONE_HOST) as kernel:
        kernel.register(lambda: None, agent_id="desk")
        for good in (
            "https://example.com",
            "https://EXAMPLE.com.:443/a",
            "https://www.example.com/?q=@evil.net",
            "https://\uff45xample.com/",
        ):
            assert kernel.check("t.get", {"url": good}, agent="desk")
        assert not kernel.check("t.get", {"url": url}, agent="desk")


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "0", "0.0.0.0"),
        *("010.0.0.1", "127.0.0.1.", "\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021", "%31%32%37.0.0.1"),
        *("[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[::127.0.0.1]"),
        *("[64:ff9b::127.0.0.1]", "[2002:7f00:1::]", "[fe80::1]", "[fe80::1%25lo]", "[fd00:ec2::254]", "[ff02::1]"),
        *("169.254.169.254", "2852039166", "0xa9fea9fe", "[::ffff:169.254.169.254]", "metadata.google.internal"),
        *("METADATA.Google.Internal.", "100.100.100.200", "168.63.129.16", "localhost", "LOCALHOST.", "a.localhost"),
        *("10.1.2.3", "172.20.0.1", "192.168.1.1", "intranet", "printer.local", "255.255.255.255", "224.0.0.1"),
        *("user@10.0.0.1", "8.8.8.8@10.0.0.1", "10.0.0.1:80", "10.0.0.1:080", "example.com\\@10.0.0.1", "10.0.0.1\n"),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https", "ws", "redis"])
def test_14_no_spelling_of_a_url_hides_a_private_address(scheme: str, host: str) -> None:
    with desk(PUBLIC) as allowing, desk(NOT_PRIVATE, "{id: yes, effect: allow, action: t.get}") as denying:
        for kernel in (allowing, denying):
            kernel.register(lambda: None, agent_id="desk")
            assert kernel.check("t.get", {"url": f"{scheme}://example.com/"}, agent="desk")
            assert kernel.check("t.get", {"url": f"{scheme}://8.8.8.8/"}, agent="desk")
            assert not kernel.check("t.get", {"url": f"{scheme}://{host}/latest"}, agent="desk")


@pytest.mark.parametrize(
    "test",
    [
        *("private_address: false", "host: a.example", "domain: a.example", "network: 10.0.0.0/8", "name: a"),
        *("extension: a", "glob: '**/*a*/{a,b,*c*}/**/*[a-z]*?*'"),
    ],
)
@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        "https://" + "a." * 500_000,
        "/a" * 500_000,
        "https://" + "@" * 1_000_000,
        "a@" + "\u00fc" * 400_000,
    ],
    ids=["letters", "labels", "segments", "users", "umlauts"],
)
def test_14_a_megabyte_is_judged_in_no_time(test: str, text: str) -> None:
    with desk(f"{{id: yes, effect: allow, action: t.x, when: {{args.x: {{{test}}}}}}}") as kernel:
        kernel.register(lambda: None, agent_id="desk")
        began = time.process_time()
        allowed = kernel.check("t.x", {"x": text}, agent="desk")
        assert time.process_time() - began < 2
        assert not allowed


# -- 12: texts that are read as what they are -------------------------------------------------------------------------

SQL_RULE = "{id: read, effect: allow, action: t.x, when: {args.x: {statements: {each: {in: [select]}}}}}"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1;DROP TABLE t",
        "SELECT 1;\n\tdrop\ttable t",
        "SELECT 1 /* */ ; /**/ DELETE /**/ FROM t",
        "SELECT 1 /*!; DROP TABLE t */",
        "SELECT 1 /*!50000 ; DROP TABLE t */",
        "SELECT 'a\\'; DROP TABLE t; -- '",
        "SELECT 1 --\r; DROP TABLE t",
        "SELECT $$'$$; DROP TABLE t; --'",
        "SELECT 1 /* /* */ ; DROP TABLE t -- */ */",
        "SELECT 1 SHUTDOWN",
        "SELECT 1 DROP TABLE t",
        "SELECT * INTO copied FROM t",
        "WITH x AS (DELETE FROM t RETURNING a) SELECT * FROM x",
        "EXPLAIN ANALYZE DELETE FROM t",
        "SELECT a FROM t INTO OUTFILE '/tmp/x'",
        "\uff24\uff32\uff2f\uff30 TABLE t",
        "SELECT\u00a01; DROP TABLE t",
        "DO $$ BEGIN DELETE FROM t; END $$",
        "",
        "-- SELECT",
    ],
)
def test_12_no_spelling_hides_a_statement_that_changes_something(sql: str) -> None:
    with desk(SQL_RULE) as kernel:
        kernel.register(lambda: None, agent_id="desk")
        assert kernel.check("t.x", {"x": "SELECT a FROM t WHERE b = 'DROP TABLE t; --'"}, agent="desk")
        assert not kernel.check("t.x", {"x": sql}, agent="desk")


# -- 17: patterns -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b", "(a*)*c", "([a-z]+)*\\d", "(.*a){20}"])
def test_17_no_pattern_takes_long(pattern: str) -> None:
    """Linear in the text: a backtracking engine needs longer than the age of the world for the first of these."""
    with desk(f"{{id: yes, effect: allow, action: t.x, when: {{args.x: {{matches: '{pattern}'}}}}}}") as kernel:
        kernel.register(lambda: None, agent_id="desk")
        began = time.process_time()
        kernel.check("t.x", {"x": "a" * 100_000 + "!"}, agent="desk")
        assert time.process_time() - began < 5


@pytest.mark.parametrize("pattern", ["a{1000}{1000}", "(a{500}){500}", "x" * 1001, "(?=a)b", "(a)\\1", "(", "[z-a]"])
def test_17_a_pattern_that_is_too_large_or_not_linear_is_a_load_error(pattern: str) -> None:
    with pytest.raises(PolicyError):
        policy(RUN, f"{{id: a, effect: deny, action: t.x, when: {{args.x: {{matches: '{pattern}'}}}}}}")


def test_17_a_pattern_is_anchored_unless_it_says_otherwise() -> None:
    with desk("{id: yes, effect: allow, action: t.x, when: {args.x: {matches: 'a|b'}}}") as kernel:
        kernel.register(lambda: None, agent_id="desk")
        for text, allowed in (("a", True), ("b", True), ("ab", False), ("xa", False), ("a\n", False), ("\na", False)):
            assert bool(kernel.check("t.x", {"x": text}, agent="desk")) is allowed


# -- 22: rank ---------------------------------------------------------------------------------------------------------


def test_22_no_allow_outranks_a_deny_whatever_its_place_or_name(tmp_path: Path) -> None:
    parent = tmp_path / "parent.yaml"
    parent.write_text("agent_os: 1\nname: parent\nrules:\n  - {id: zz-no, effect: deny, action: t.x}\n")
    from agent_os import KernelSpace

    child = tmp_path / "child.yaml"
    run = "  - {id: run, effect: allow, action: agent.run}\n"
    for order in (
        f"  - {{id: aa-yes, effect: allow, action: t.x}}\n{run}",
        f"{run}  - {{id: zzz-yes, effect: allow, action: t.x, agent: {{id: desk}}}}\n",
    ):
        child.write_text(f"agent_os: 1\nname: child\nextends: [parent.yaml]\nrules:\n{order}")
        for source in (child, [child, parent], [parent, child]):
            with KernelSpace(source, durability="memory") as kernel:
                touch = kernel.tool("t.x")(lambda: "done")
                with pytest.raises(PolicyDenied) as denied:
                    inside(kernel, touch, agent_id="desk")
                assert denied.value.decision.rules == ("zz-no",)


@pytest.mark.parametrize("key", ["priority: 100", "override: true", "weight: 5", "final: true", "order: 1"])
def test_22_there_are_no_priorities_to_set(key: str) -> None:
    with pytest.raises(PolicyError) as refused:
        policy(RUN, f"{{id: a, effect: allow, action: t.x, {key}}}")
    assert refused.value.code == "unknown_key"


def test_22_a_child_cannot_redefine_a_rule_of_its_parent(tmp_path: Path) -> None:
    from agent_os import Policy

    (tmp_path / "parent.yaml").write_text("agent_os: 1\nname: p\nrules:\n  - {id: no, effect: deny, action: t.x}\n")
    child = tmp_path / "child.yaml"
    child.write_text("agent_os: 1\nname: c\nextends: [parent.yaml]\nrules:\n  - {id: no, effect: allow, action: t.x}\n")
    with pytest.raises(PolicyError) as refused:
        Policy.load(child)
    assert refused.value.code == "duplicate_id"
