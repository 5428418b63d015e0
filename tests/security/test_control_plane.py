"""The control plane is not the agent's: no policy opens log, store, policy files or what the operator protects."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from agent_os import KernelSpace, Policy, PolicyDenied
from agent_os.recorder.key_folder import index_folder
from tests.unit.kernel.desk import inside, of_kind

RULES = "agent_os: 1\nname: open\nextends: [more.yaml]\nrules:\n  - {id: all, effect: allow, action: '**'}\n"
MORE = "agent_os: 1\nrules:\n  - {id: never, effect: deny, action: t.never}\n"


class Desk:
    """A kernel with everything of it in files, a policy that allows everything, and tools that do as they are told."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder = folder
        for name in ("etc", "work"):
            (folder / name).mkdir()
        self.policy, self.more = folder / "etc" / "policy.yaml", folder / "etc" / "more.yaml"
        self.policy.write_text(RULES, encoding="ascii")
        self.more.write_text(MORE, encoding="ascii")
        self.log, self.store, self.token = folder / "log", folder / "state.db", folder / "token.txt"
        self.token.write_text("secret", encoding="ascii")
        options.setdefault("policy", self.policy)
        self.kernel = KernelSpace(recorder=self.log, store=self.store, protect=[self.token], **options)

        @self.kernel.tool("read")
        def read(path: Any) -> str:
            return Path(path).read_text(encoding="utf-8", errors="replace")

        @self.kernel.tool("bash")
        def bash(command: str) -> str:
            done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, encoding="utf-8", check=False)
            return done.stdout

        @self.kernel.tool("any")
        def anything(**values: Any) -> str:
            return "done"

        self.read, self.bash, self.any = read, bash, anything

    def owned(self) -> list[Path]:
        head = next(path for path in sorted(self.log.rglob("*")) if path.is_file())
        return [self.log, head, self.store, Path(f"{self.store}-wal"), self.policy, self.more, self.token]


@pytest.fixture
def it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    made = Desk(tmp_path)
    yield made
    made.kernel.close()


def denied(kernel: KernelSpace, call: Any) -> PolicyDenied:
    def agent() -> PolicyDenied:
        with pytest.raises(PolicyDenied) as refused:
            call()
        return refused.value

    caught: PolicyDenied = inside(kernel, agent)
    return caught


def test_a_policy_that_allows_everything_does_not_open_the_control_plane(it: Desk) -> None:
    for path in it.owned():
        for attack in (
            lambda path=path: it.read(path=str(path)),
            lambda path=path: it.read(path=path),
            lambda path=path: it.read(path=f"../{path.relative_to(it.folder)}"),
            lambda path=path: it.bash(command=f"cat '{path}' | head -1"),
            lambda path=path: it.bash(command=f"rm -rf {path}"),
            lambda path=path: it.bash(command=f"echo x>../{path.relative_to(it.folder)}"),
            lambda path=path: it.any(files={"into": [path.as_uri()]}),
            lambda path=path: it.any(sql=f"ATTACH '{path}' AS x".encode()),
            lambda path=path: it.any(moves={str(path): "/tmp/x"}),
        ):
            assert denied(it.kernel, attack).decision.reason == "protected_path"
    assert it.policy.read_text(encoding="ascii") == RULES
    assert it.store.exists()


def test_the_indexes_of_logs_are_protected_so_that_no_agent_leaves_its_entries_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    it = Desk(tmp_path)
    folder = index_folder()
    assert folder.is_relative_to(tmp_path / "cache")
    for path in (folder, folder / "any.sqlite", folder / "any.sqlite-wal"):
        for attack in (lambda path=path: it.read(path=str(path)), lambda path=path: it.bash(command=f"rm '{path}'")):
            assert denied(it.kernel, attack).decision.reason == "protected_path"
    it.kernel.close()


def test_what_is_not_the_control_planes_passes(it: Desk) -> None:
    (it.folder / "work" / "policy.yaml").write_text("mine", encoding="ascii")
    assert inside(it.kernel, lambda: it.read(path=str(it.folder / "work" / "policy.yaml"))) == "mine"
    assert inside(it.kernel, lambda: it.bash(command="echo log state.db")) == "log state.db\n"
    assert inside(it.kernel, lambda: it.any(path=f"{it.log}-other", folder=str(it.folder))) == "done"


def test_check_says_the_same_and_the_log_says_which_argument(it: Desk) -> None:
    it.kernel.register(lambda: None, agent_id="desk")
    args = {"files": [{"to": str(it.policy)}]}
    decision = it.kernel.check("any", args, agent="desk")
    assert (decision.effect, decision.reason, decision.argument) == ("deny", "protected_path", "args.files.0.to")
    assert "`args.files.0.to` names it" in decision.explain()
    inside(it.kernel, lambda: [it.kernel.check("any", args).reason == "protected_path" or pytest.fail("allowed")])
    refused = denied(it.kernel, lambda: it.any(**args))
    assert "`args.files.0.to` names a file of the control plane" in str(refused)
    (entry,) = of_kind(it.kernel, "denied")
    assert (entry["action"], entry["decision"]["reason"], entry["decision"]["rules"]) == ("any", "protected_path", [])
    assert entry["decision"]["argument"] == "args.files.0.to"


@pytest.mark.parametrize("preset", ["observe", "permissive"])
def test_a_policy_in_shadow_does_not_suspend_it(tmp_path: Path, preset: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
        options: dict[str, Any] = {"policy": preset}
        if preset == "observe":
            with pytest.warns(match="ENFORCES NOTHING"):
                it = Desk(tmp_path, **options)
        else:
            it = Desk(tmp_path, **options)
        with it.kernel:
            for path in (it.log, it.store, it.token, tmp_path / "state" / "agent-os" / "logs" / "another"):
                assert denied(it.kernel, lambda path=path: it.read(path=str(path))).decision.reason == "protected_path"


def test_the_operators_own_calls_may(it: Desk) -> None:
    assert it.kernel.operator().execute_sync("read", path=str(it.token)) == "secret"


def test_an_approval_does_not_open_it(tmp_path: Path) -> None:
    asking = Policy.from_text(
        "agent_os: 1\nrules:\n  - {id: run, effect: allow, action: agent.run}\n"
        "  - {id: ask, effect: ask, action: read}\n"
    )
    it = Desk(tmp_path, policy=asking, approver=lambda request: True)
    with it.kernel:
        assert denied(it.kernel, lambda: it.read(path=str(it.log))).decision.reason == "protected_path"
        assert of_kind(it.kernel, "approval.requested") == []


def test_a_link_in_the_operators_spelling_and_what_it_leads_to_are_both_protected(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    policy = Policy.from_text("agent_os: 1\nrules:\n  - {id: all, effect: allow, action: '**'}\n")
    with KernelSpace(policy, recorder=tmp_path / "link" / "log") as kernel:
        kernel.register(lambda: None, agent_id="desk")
        for folder in ("real", "link"):
            assert kernel.check("t", {"p": str(tmp_path / folder / "log" / "x")}, agent="desk").argument == "args.p"


def test_a_reload_protects_the_new_files(it: Desk) -> None:
    other = it.folder / "work" / "other.yaml"
    other.write_text(RULES.replace("extends: [more.yaml]\n", ""), encoding="ascii")
    it.kernel.register(lambda: None, agent_id="desk")
    assert it.kernel.check("any", {"p": str(other)}, agent="desk")
    it.kernel.reload(other)
    for path in (other, it.policy, it.log, it.store):
        assert it.kernel.check("any", {"p": str(path)}, agent="desk").reason == "protected_path"


def test_a_compiled_bundle_is_protected_by_path_and_as_a_policy(it: Desk, tmp_path: Path) -> None:
    file = tmp_path / "work" / "rules.bundle"
    Policy.load(it.policy).save(file)
    for source in (file, Policy.load(file)):
        with KernelSpace(source, durability="memory") as kernel:
            kernel.register(lambda: None, agent_id="desk")
            assert kernel.check("any", {"p": str(file)}, agent="desk").reason == "protected_path"


def test_a_log_around_the_working_directory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="holds the working directory"):
        KernelSpace("strict", recorder=".")
    with pytest.raises(TypeError, match="takes a list of paths"):
        KernelSpace("strict", durability="memory", protect="token.txt")
    assert list(tmp_path.iterdir()) == []


def test_the_state_folder_is_protected_also_where_no_log_is_written(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path))
        patch.delenv("XDG_STATE_HOME", raising=False)
        policy = Policy.from_text("agent_os: 1\nrules:\n  - {id: all, effect: allow, action: '**'}\n")
        with KernelSpace(policy, durability="memory") as kernel:
            kernel.register(lambda: None, agent_id="desk")
            for command in ("ls ~/.local/state/agent-os", 'rm -rf "$HOME/.local/state/agent-os/logs"'):
                assert kernel.check("sh", {"command": command}, agent="desk").reason == "protected_path"
            assert kernel.check("sh", {"command": "ls ~/.local/state"}, agent="desk")


OPEN = "agent_os: 1\nrules:\n  - {id: all, effect: allow, action: '**'}\n"


def test_what_lies_below_a_working_directory_that_a_link_led_to_is_protected_by_both_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "real" / "sub").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.chdir(tmp_path / "link")
    (tmp_path / "real" / "policy.yaml").write_text(OPEN, encoding="ascii")
    for pwd in (str(tmp_path / "link"), str(tmp_path / "real"), "elsewhere", ""):
        monkeypatch.setenv("PWD", pwd)
        with KernelSpace("policy.yaml", recorder="log", store="state.db", protect=["token"]) as kernel:
            kernel.register(lambda: None, agent_id="desk")
            for name in ("log/x", "state.db", "policy.yaml", "token"):
                for folder in ("real", "link") if pwd.endswith("link") else ("real",):
                    path = str(tmp_path / folder / name)
                    assert kernel.check("t", {"p": path}, agent="desk").reason == "protected_path", path
            assert kernel.check("t", {"p": str(tmp_path / "link" / "sub")}, agent="desk")


def test_a_log_with_a_plain_word_for_its_name_is_not_removed_by_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("policy.yaml").write_text(OPEN, encoding="ascii")
    with KernelSpace("policy.yaml", recorder="audit", store="store.db") as kernel:
        kernel.register(lambda: None, agent_id="desk")
        for text in (
            "rm -rf audit",
            "cd audit && rm -r *",
            "mv audit /tmp",
            "echo x > audit",
            "wget -opolicy.yaml https://example.org",
            "--out=policy.yaml",
            "sqlite:///store.db",
            f"sqlite:///{tmp_path}/store.db",
        ):
            assert kernel.check("t", {"text": text}, agent="desk").reason == "protected_path", text
        for args in (
            {"text": "please audit the accounts"},
            {"text": "git audit"},
            {"text": "<b>audit</b>"},
            {"audit": True, "text": "x"},
            {"text": "an audit of policy and store"},
        ):
            assert kernel.check("t", args, agent="desk"), args


@pytest.mark.parametrize(
    ("protect", "error", "said"),
    [
        (["*.key"], ValueError, "looks like a pattern"),
        (["keys/[ab].pem"], ValueError, "looks like a pattern"),
        ([""], ValueError, "empty path"),
        (["a\0b"], ValueError, "NUL"),
        ([b"x"], TypeError, "write 'x' instead of"),
        ([5], TypeError, "of type int"),
    ],
)
def test_what_would_protect_nothing_is_refused(tmp_path: Path, protect: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        KernelSpace("strict", durability="memory", protect=protect)


def test_a_file_whose_name_looks_like_a_pattern_can_be_protected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a[1].key").touch()
    policy = Policy.from_text(OPEN)
    with KernelSpace(policy, durability="memory", protect=["a[1].key"]) as kernel:
        kernel.register(lambda: None, agent_id="desk")
        assert kernel.check("t", {"p": "a[1].key"}, agent="desk").reason == "protected_path"


def test_a_working_directory_that_is_gone_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(FileNotFoundError, match="working directory no longer exists; change to one"):
        KernelSpace("strict", durability="memory")
