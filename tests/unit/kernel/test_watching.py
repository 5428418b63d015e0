"""Watched policy files, as editors and deployments really change them. Nothing opens without the operator."""

from __future__ import annotations

import os
import queue
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent_os import KernelSpace, NotSupported, PolicyError
from agent_os.kernel.watching import ReloadReport
from tests.unit.kernel.desk import inside, of_kind

WIDE = "agent_os: 1\nname: w\nrules:\n  - {id: all, effect: allow, action: '**'}\n"
NARROW = WIDE + "  - {id: no-mail, effect: deny, action: mail.send}\n"

pytest.importorskip("watchfiles")


class Watched:
    """A kernel that watches a file, and what it reported."""

    def __init__(self, kernel: KernelSpace, reports: queue.Queue[ReloadReport]) -> None:
        self.kernel, self.reports = kernel, reports

    def next(self) -> ReloadReport:
        return self.reports.get(timeout=20)

    def until(self, status: str) -> ReloadReport:
        """The next report of that status; a writer that is not done yet may be reported first."""
        while (report := self.next()).status != status:
            pass
        return report

    def allows(self, action: str) -> bool:
        return bool(self.kernel.check(action, agent="clerk"))


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Callable[..., Watched]]:
    made: list[KernelSpace] = []

    def make(text: str, source: Any = None) -> Watched:
        (tmp_path / "policy.yaml").write_text(text)
        reports: queue.Queue[ReloadReport] = queue.Queue()
        kernel = KernelSpace(source or tmp_path / "policy.yaml", durability="memory", watch=True, on_reload=reports.put)
        made.append(kernel)
        kernel.register(lambda: None, agent_id="clerk")
        return Watched(kernel, reports)

    yield make
    for kernel in made:
        kernel.close()


def by_rename(path: Path, text: str) -> None:
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").replace(path)


def in_place(path: Path, text: str) -> None:
    path.write_text(text)


def deleted_and_made_again(path: Path, text: str) -> None:
    path.unlink()
    path.write_text(text)


@pytest.mark.parametrize("save", [by_rename, in_place, deleted_and_made_again])
def test_a_change_that_opens_nothing_comes_into_force(
    watch: Callable[..., Watched], tmp_path: Path, save: Callable[[Path, str], None]
) -> None:
    watched = watch(WIDE)
    assert watched.allows("mail.send")
    save(tmp_path / "policy.yaml", NARROW)
    report = watched.until("applied")
    assert report.bundle == watched.kernel.bundle
    assert not watched.allows("mail.send")
    assert watched.kernel.check("mail.send", agent="clerk").bundle == report.bundle
    assert [entry["reason"] for entry in of_kind(watched.kernel, "policy.loaded")] == ["start", "watch"]


def test_a_change_that_may_open_something_waits_for_the_operator(watch: Callable[..., Watched], tmp_path: Path) -> None:
    watched = watch(NARROW)
    before = watched.kernel.bundle
    by_rename(tmp_path / "policy.yaml", WIDE)
    report = watched.until("pending")
    assert report.opens == ("no deny of the new policy covers the old deny rule `no-mail`",)
    assert watched.kernel.pending_policy == (report.bundle, report.opens)
    assert (watched.kernel.bundle, watched.allows("mail.send")) == (before, False)
    (entry,) = of_kind(watched.kernel, "policy.pending")
    assert (entry["bundle"], entry["opens"]) == (report.bundle, list(report.opens))
    watched.kernel.reload(tmp_path / "policy.yaml")
    assert (watched.kernel.bundle, watched.allows("mail.send")) == (report.bundle, True)
    assert watched.kernel.pending_policy is None


def test_what_waits_is_forgotten_when_the_file_is_put_back(watch: Callable[..., Watched], tmp_path: Path) -> None:
    watched = watch(NARROW)
    by_rename(tmp_path / "policy.yaml", WIDE)
    watched.until("pending")
    by_rename(tmp_path / "policy.yaml", NARROW + "  - {id: no-more, effect: deny, action: files.delete}\n")
    watched.until("applied")
    assert watched.kernel.pending_policy is None


def test_an_agent_cannot_take_what_waits(watch: Callable[..., Watched], tmp_path: Path) -> None:
    watched = watch(NARROW)
    by_rename(tmp_path / "policy.yaml", WIDE)
    watched.until("pending")
    with pytest.raises(PermissionError, match=r"kernel\.reload"):
        inside(watched.kernel, lambda: watched.kernel.reload(tmp_path / "policy.yaml"))
    assert not watched.allows("mail.send")


@pytest.mark.parametrize(
    "text", ["", "agent_os: 1\nrules: [", WIDE + "  - {id: x, effect: dney, action: a}\n", "\0", WIDE[:-20]]
)
def test_a_bad_file_changes_nothing_and_is_reported(watch: Callable[..., Watched], tmp_path: Path, text: str) -> None:
    watched = watch(NARROW)
    before = watched.kernel.bundle
    by_rename(tmp_path / "policy.yaml", text)
    report = watched.next()
    assert report.status == "rejected"
    assert "policy.yaml" in report.error
    assert watched.kernel.bundle == before
    assert of_kind(watched.kernel, "policy.rejected")[-1]["error"] == report.error
    by_rename(tmp_path / "policy.yaml", NARROW.replace("mail.send", "mail.*"))
    assert watched.until("applied").bundle == watched.kernel.bundle != before


def test_a_file_that_is_gone_changes_nothing(watch: Callable[..., Watched], tmp_path: Path) -> None:
    watched = watch(NARROW)
    (tmp_path / "policy.yaml").unlink()
    assert watched.until("rejected").error.startswith(f"{tmp_path / 'policy.yaml'}")
    assert not watched.allows("mail.send")


def test_half_of_a_file_is_never_put_in_force_if_it_opens(watch: Callable[..., Watched], tmp_path: Path) -> None:
    watched = watch(NARROW)
    with (tmp_path / "policy.yaml").open("w") as file:
        file.write(WIDE)  # a whole policy by itself, without the deny that is still to come
        file.flush()
        os.fsync(file.fileno())
        assert watched.until("pending").opens
        assert not watched.allows("mail.send")
        file.write("  - {id: no-mail, effect: deny, action: mail.*}\n")
    watched.until("applied")
    assert not watched.allows("mail.send")


def test_files_that_are_extended_are_watched_and_so_are_new_ones(watch: Callable[..., Watched], tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    deny = "agent_os: 1\nrules:\n  - {{id: {0}, effect: deny, action: {1}}}\n"
    (tmp_path / "sub" / "base.yaml").write_text(deny.format("base", "mail.send"))
    text = WIDE.replace("rules:", "default: deny\nextends: [./sub/base.yaml]\nrules:")
    watched = watch(text)
    assert not watched.allows("mail.send")
    by_rename(tmp_path / "sub" / "base.yaml", deny.format("base", '"mail.*"'))
    watched.until("applied")
    assert not watched.allows("mail.read")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "more.yaml").write_text(deny.format("more", "x"))
    by_rename(tmp_path / "policy.yaml", text.replace("base.yaml]", "base.yaml, ./other/more.yaml]"))
    watched.until("applied")
    by_rename(tmp_path / "other" / "more.yaml", deny.format("more", '"**"'))
    watched.until("applied")
    assert not watched.allows("files.read")


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_that_leads_elsewhere_is_a_change(watch: Callable[..., Watched], tmp_path: Path) -> None:
    for name, text in (("one", WIDE), ("two", NARROW)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "policy.yaml").write_text(text)
    (tmp_path / "current").symlink_to("one")
    watched = watch(WIDE, tmp_path / "current" / "policy.yaml")
    (tmp_path / "next").symlink_to("two")
    (tmp_path / "next").replace(tmp_path / "current")
    watched.until("applied")
    assert not watched.allows("mail.send")


def test_a_listener_that_fails_does_not_end_the_watching(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(WIDE)
    reports: queue.Queue[ReloadReport] = queue.Queue()

    def listener(report: ReloadReport) -> None:
        reports.put(report)
        raise RuntimeError("no")

    with KernelSpace(tmp_path / "policy.yaml", durability="memory", watch=True, on_reload=listener):
        by_rename(tmp_path / "policy.yaml", NARROW)
        assert reports.get(timeout=20).status == "applied"
        by_rename(tmp_path / "policy.yaml", NARROW.replace("mail.send", "mail.*"))
        assert reports.get(timeout=20).status == "applied"


def test_watching_is_off_unless_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(WIDE)
    with KernelSpace(tmp_path / "policy.yaml", durability="memory") as kernel:
        assert kernel._watcher is None


def test_without_a_file_there_is_nothing_to_watch() -> None:
    with pytest.raises(ValueError, match="no file to watch"):
        KernelSpace("strict", durability="memory", watch=True)


def test_without_the_library_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    (tmp_path / "policy.yaml").write_text(WIDE)
    with pytest.raises(NotSupported, match=r"pip install 'agent-os\[watch\]'"):
        KernelSpace(tmp_path / "policy.yaml", durability="memory", watch=True)


def test_a_policy_that_does_not_load_makes_no_kernel_to_watch_with(tmp_path: Path) -> None:
    with pytest.raises(PolicyError):
        KernelSpace(tmp_path / "absent.yaml", durability="memory", watch=True)


def test_a_change_that_does_not_fit_a_registered_tool_is_rejected(
    watch: Callable[..., Watched], tmp_path: Path
) -> None:
    watched = watch(NARROW)

    @watched.kernel.tool("mail.send")
    def send(to: str) -> None:
        pass

    before = watched.kernel.bundle
    misspelt = NARROW + "  - {id: m, effect: deny, action: mail.send, when: {args.too: {eq: x}}}\n"
    by_rename(tmp_path / "policy.yaml", misspelt)
    report = watched.until("rejected")
    assert "did you mean `args.to`?" in report.error
    assert watched.kernel.bundle == before
    assert watched.kernel.pending_policy is None
    assert "args.too" in of_kind(watched.kernel, "policy.rejected")[-1]["error"]
    by_rename(tmp_path / "policy.yaml", misspelt.replace("args.too", "args.to"))
    assert watched.until("applied").bundle == watched.kernel.bundle != before
