"""The table of commands: what each is called, what it takes, and where it is. The docs are checked against it."""

from __future__ import annotations

from typing import Final, NamedTuple


class Command(NamedTuple):
    """One command. ``module`` has ``run(arguments) -> Exit``."""

    words: tuple[str, ...]
    synopsis: str
    summary: str
    module: str

    @property
    def name(self) -> str:
        """The words of the command."""
        return " ".join(self.words)

    @property
    def usage(self) -> str:
        """The command with what it takes."""
        return f"agentos {self.name} {self.synopsis}"


_EXPLAIN: Final = (
    "POLICY ACTION [--args JSON|@FILE] [--agent ID] [--role R]... [--label L]... [--text ORIGIN=TEXT]... "
    "[--depth N] [--parent ID] [--calls N] [--used RULE=AMOUNT]... [--time TIME] [--json]"
)

COMMANDS: Final = (
    Command(
        ("demo",),
        "[--json] [--check] [--log DIR] [--policy FILE] [--tasks ID,...]",
        "run AgentDojo's banking suite, attacked, under a policy (from a checkout of the repository)",
        "agent_os.cli.demo",
    ),
    Command(
        ("check",),
        "POLICY... [--together] [--tools FILE]... [--json]",
        "load policies and say every mistake with file, line, column and hint",
        "agent_os.cli.check",
    ),
    Command(
        ("explain",),
        _EXPLAIN,
        "say why a request is decided as it is, rule by rule",
        "agent_os.cli.explain",
    ),
    Command(
        ("replay",),
        "LOG --policy POLICY [--json]",
        "decide what a fully recorded log holds again, under another policy",
        "agent_os.cli.replay",
    ),
    Command(
        ("policy", "check"),
        "POLICY... [--together] [--tools FILE]... [--strict] [--all] [--json]",
        "load policies, and say what is understood and still looks like a mistake",
        "agent_os.cli.check",
    ),
    Command(
        ("policy", "explain"),
        _EXPLAIN,
        "the same as `agentos explain`",
        "agent_os.cli.explain",
    ),
    Command(
        ("policy", "test"),
        "POLICY [TESTS]... [--json]",
        "run files of tests and the policy's own examples, and name the rules that none of them decided",
        "agent_os.cli.policy_test",
    ),
    Command(
        ("policy", "replay"),
        "LOG --policy POLICY [--json]",
        "the same as `agentos replay`",
        "agent_os.cli.replay",
    ),
    Command(
        ("policy", "diff"),
        "OLD NEW [--json]",
        "say what a change of policy opened and closed, with a request for each difference",
        "agent_os.cli.policy_diff",
    ),
    Command(
        ("policy", "learn"),
        "LOG... [--agent ID]... [--name NAME] [--policy POLICY] [--json]",
        "draft the tightest policy that allows what fully recorded runs did",
        "agent_os.cli.policy_learn",
    ),
    Command(
        ("policy", "import"),
        "FORMAT FILE [--name NAME] [--json]",
        "turn another tool's permission file into a policy, or say every line that does not map",
        "agent_os.cli.policy_import",
    ),
    Command(
        ("policy", "fmt"),
        "FILE... [--check] [--json]",
        "write policy files in the one layout, with their comments",
        "agent_os.cli.policy_fmt",
    ),
    Command(
        ("policy", "schema"),
        "[--json]",
        "print the JSON Schema of policy files, for editors",
        "agent_os.cli.policy_schema",
    ),
    Command(
        ("approvals", "init"),
        "[--json]",
        "make an operator's token, show it once, and the public key for the kernel",
        "agent_os.cli.approvals",
    ),
    Command(
        ("approvals", "list"),
        "--store FILE [--all] [--json]",
        "show what waits for the operator",
        "agent_os.cli.approvals",
    ),
    Command(
        ("approvals", "show"),
        "CODE --store FILE [--json]",
        "show one request whole",
        "agent_os.cli.approvals",
    ),
    Command(
        ("approvals", "approve"),
        "CODE --store FILE [--json]",
        "confirm a request, with the operator's token",
        "agent_os.cli.approvals",
    ),
    Command(
        ("approvals", "deny"),
        "CODE --store FILE [--json]",
        "refuse a request, with the operator's token",
        "agent_os.cli.approvals",
    ),
    Command(
        ("log", "verify"),
        "DIR [--key KEY]... [--checkpoint FILE]... [--witness KEY]... [--quorum N] [--ratchet-key FILE] "
        "[--tsa-ca FILE] [--tsa-policy OID] [--json]",
        "check a log from scratch, and hold it against keys, checkpoints and witnesses that are elsewhere",
        "agent_os.cli.log_verify",
    ),
    Command(
        ("log", "checkpoint"),
        "DIR [--json]",
        "print the signed statement of a log's size and root, to be kept elsewhere",
        "agent_os.cli.log_checkpoint",
    ),
    Command(
        ("log", "witness"),
        "DIR [--url URL --key KEY]... [--json]",
        "have witnesses cosign a log's newest checkpoint, and keep what they say beside it",
        "agent_os.cli.log_witness",
    ),
    Command(
        ("log", "timestamp"),
        "DIR --url URL [--ca FILE] [--policy OID] [--json]",
        "have a server stamp a log's newest checkpoint with its time, and keep the stamp beside it",
        "agent_os.cli.log_timestamp",
    ),
    Command(
        ("log", "prove"),
        "DIR ENTRY [--size N] | DIR --from N [--to N] [--json]",
        "prove that an entry is in a log, or that a log only grew",
        "agent_os.cli.log_prove",
    ),
    Command(
        ("log", "export"),
        "DIR --format FORMAT [--pid N] [--start N] [--out FILE] [--payloads] | DIR --tiles FOLDER [--json]",
        "write a log, or one run of it, in a form for other programs or as a page; or a log as C2SP tlog-tiles",
        "agent_os.cli.log_export",
    ),
    Command(
        ("log", "tail"),
        "DIR [-n N] [-f] [--json]",
        "show the last entries of a log, and new ones as they come",
        "agent_os.cli.log_tail",
    ),
    Command(
        ("log", "keys"),
        "DIR [--rotate] [--json]",
        "show the key that signs a log, or put a new one in its place",
        "agent_os.cli.log_keys",
    ),
    Command(
        ("log", "retain"),
        "DIR --keep AGE | DIR --before N [--dry-run] [--json]",
        "drop what old entries of a log say, and leave their hashes, so that every proof still holds",
        "agent_os.cli.log_retain",
    ),
    Command(
        ("log", "redact"),
        "DIR --subject NAME | DIR --unnamed | DIR --seq N [--json]",
        "make what a log holds of a person, or in the payloads of an entry, unreadable for good",
        "agent_os.cli.log_redact",
    ),
    Command(
        ("log", "query"),
        "DIR [--agent ID] [--action A] [--effect E] [--kind K] [--rule R] [--label L] [--status S] [--pid N] "
        "[--parent N] [--since TIME] [--until TIME] [--start N] [--before N] [--limit N] [--newest] [--json]",
        "show the entries of a log for which everything holds that is asked for",
        "agent_os.cli.log_query",
    ),
    Command(
        ("log", "trace"),
        "DIR PID [--start N] [--json]",
        "show one run as a tree: what it asked for, what was decided, what came of it, and the runs that it started",
        "agent_os.cli.log_trace",
    ),
    Command(
        ("log", "stat"),
        "DIR [--most N] [--json]",
        "count what is in a log, by kind, effect, status, agent, action, rule and label",
        "agent_os.cli.log_stat",
    ),
    Command(
        ("log", "reindex"),
        "DIR [--json]",
        "make the index of a log anew; the log itself is only read",
        "agent_os.cli.log_reindex",
    ),
)
