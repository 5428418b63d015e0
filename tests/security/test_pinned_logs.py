"""What a log that was forged as a whole comes to when it is held against a key and checkpoints that were kept.

The attacker here can write everything in the log's directory, and knows its format; some have a key of their own.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from agent_os import FlightRecorder, KernelSpace, RecorderError
from agent_os.cli.program import main
from agent_os.recorder import VerifyReport
from agent_os.recorder.key_folder import key_folder
from tests.security.notes import checkpoint_of, key_of, rotation_of, seal_of
from tests.security.test_evidence import RULES, canonical, entries_of, write
from tests.unit.kernel.desk import inside, policy

OWN = bytes([5]) * 32


class Kept:
    """A log, and what its auditor has of it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.checkpoints: list[str] = []
        self.run()
        self.key = FlightRecorder(directory).verify().key
        self.secret = next(key_folder().glob("*.key"))
        # What the operator takes away on the first day.
        first = next(key_folder().glob("*.ratchet-first"))
        self.ratchet_key = first.read_text()
        first.unlink()

    def run(self) -> None:
        """One more kernel writes, and the auditor takes a checkpoint."""
        with KernelSpace(policy(*RULES), recorder=self.directory) as kernel:
            tool = kernel.tool("t.x")(lambda n: n)
            inside(kernel, lambda: tool(1), agent_id="desk")
            self.checkpoints.append(kernel.flight_recorder.checkpoint())

    def entries(self) -> list[bytes]:
        return entries_of(next((self.directory / "segments").iterdir()))

    def alone(self) -> VerifyReport:
        return FlightRecorder(self.directory).verify()

    def with_key(self) -> VerifyReport:
        return FlightRecorder(self.directory).verify(key=self.key)

    def with_ratchet(self) -> VerifyReport:
        return FlightRecorder(self.directory).verify(key=self.key, ratchet_key=self.ratchet_key)

    def with_checkpoints(self) -> VerifyReport:
        return FlightRecorder(self.directory).verify(checkpoint=self.checkpoints)

    def forge(self, entries: list[bytes], seed: bytes) -> None:
        """Writes another log, signed with another key."""
        write(self.directory, entries, signed=False)
        note = checkpoint_of(json.loads(entries[0])["log"], entries, seed)
        (self.directory / "checkpoint").write_bytes(note)


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    kept = Kept(tmp_path / "log")
    kept.run()
    return kept


def words(report: VerifyReport) -> str:
    return " | ".join(map(str, report.problems))


def test_a_log_that_nobody_touched_holds(kept: Kept) -> None:
    report = FlightRecorder(kept.directory).verify(
        key=kept.key, checkpoint=kept.checkpoints, ratchet_key=kept.ratchet_key
    )
    assert (report.ok, report.level) == (True, "pinned key")
    assert (report.sealed, report.gaps) == (report.entries, ())
    assert report.seals >= 6
    assert report.held == int(kept.checkpoints[-1].split("\n")[1])
    assert kept.alone().level == "self-consistent"


def test_28_a_log_that_was_rekeyed_is_consistent_with_itself_and_not_with_the_key(kept: Kept) -> None:
    entries = [json.loads(entry) for entry in kept.entries()]
    log = entries[0]["log"]
    entries[0]["key"] = key_of(log, OWN)
    entries[4]["action"] = "t.other" if "action" in entries[4] else None
    kept.forge([canonical(entry) for entry in entries], OWN)
    assert kept.alone().level == "self-consistent"
    report = kept.with_key()
    assert (report.ok, report.level) == (False, "none")
    assert "the log was re-keyed" in words(report)
    assert not kept.with_checkpoints()


def test_28_a_rotation_that_the_old_key_did_not_sign_is_noticed(kept: Kept) -> None:
    entries = kept.entries()
    log, real = json.loads(entries[0])["log"], json.loads(entries[0])["key"]
    forged = rotation_of(log, {"seq": len(entries), "log": log, "time": 1}, OWN, OWN)
    forged["previous"] = real
    kept.forge([*entries, canonical(forged)], OWN)
    assert "the log was re-keyed without it" in words(kept.alone())


def test_28_a_checkpoint_that_another_key_signed_is_noticed_without_a_pin(kept: Kept) -> None:
    kept.forge(kept.entries(), OWN)
    assert "is not signed by the key" in words(kept.alone())


def sealed_by_a_thief(directory: Path, entries: list[bytes], sizes: list[int], number: int) -> None:
    """Rewrites the seals from a number on with the key that was there at that time, and leaves those before it."""
    state = next(key_folder().glob("*.ratchet")).read_bytes().strip(b"\0")
    key = bytes.fromhex(state.split(b" ")[0].removeprefix(b"agentos-log-ratchet-").decode())
    old = (directory / "ratchet").read_text().splitlines(keepends=True)
    log = json.loads(entries[0])["log"]
    lines = [*old[:number], *(seal_of(log, place, entries[:size], key) for place, size in enumerate(sizes, number))]
    (directory / "ratchet").write_text("".join(lines))


def test_28_who_takes_every_key_rewrites_nothing_that_was_sealed_before(kept: Kept) -> None:
    """The signing key signs any past; the keys of the ratchet that sealed it are gone."""
    entries, seals = kept.entries(), (kept.directory / "ratchet").read_text().splitlines()
    sizes = [int(line.split(" ")[1]) for line in seals]
    rows = [json.loads(entry) for entry in entries]
    rows[4]["time"] += 1
    forged = [canonical(row) for row in rows]
    write(kept.directory, forged, signed=True)
    (kept.directory / "ratchet").write_text("\n".join(seals) + "\n")
    assert "they were changed" in words(kept.with_key())
    sealed_by_a_thief(kept.directory, forged, sizes, 0)
    assert kept.with_key().level == "pinned key"
    report = kept.with_ratchet()
    assert not report
    assert "were written anew after they were sealed" in words(report)
    # Nor can the ratchet be left away, or begun anew.
    (kept.directory / "ratchet").unlink()
    assert "the seals are missing" in words(kept.with_key())
    rows[0].pop("ratchet_sha256")
    write(kept.directory, [canonical(row) for row in rows], signed=True)
    (kept.directory / "ratchet").unlink()
    assert kept.with_key().level == "pinned key"
    assert "it was not sealed with the key that was given" in words(kept.with_ratchet())


def test_the_kernel_itself_does_not_go_on_with_a_log_that_was_rolled_back(kept: Kept, tmp_path: Path) -> None:
    shutil.copytree(kept.directory, tmp_path / "old")
    kept.run()
    shutil.rmtree(kept.directory)
    (tmp_path / "old").rename(kept.directory)
    with pytest.raises(RecorderError, match="seals are missing"):
        kept.run()


def test_another_first_key_is_refused(kept: Kept) -> None:
    for wrong in ("agentos-log-ratchet-" + "0" * 64 + "\n", "", kept.ratchet_key.upper(), kept.ratchet_key + "\n"):
        assert not FlightRecorder(kept.directory).verify(ratchet_key=wrong)


def test_28_the_kernel_does_not_go_on_after_a_checkpoint_that_another_key_signed(kept: Kept) -> None:
    """Else its own key would sign what somebody else had put there."""
    entries, note = kept.entries(), kept.directory / "checkpoint"
    good = note.read_bytes()
    note.write_bytes(checkpoint_of(json.loads(entries[0])["log"], entries, OWN))
    with pytest.raises(RecorderError, match="it is not signed by the log's key"):
        kept.run()
    note.write_bytes(good)
    kept.run()


def test_28_a_log_that_was_rolled_back_is_noticed_by_a_newer_checkpoint(kept: Kept, tmp_path: Path) -> None:
    shutil.copytree(kept.directory, tmp_path / "old")
    kept.run()
    shutil.rmtree(kept.directory)
    (tmp_path / "old").rename(kept.directory)
    assert kept.with_key().level == "pinned key"
    report = kept.with_checkpoints()
    assert not report
    assert "an older copy was put in its place" in words(report)


def test_28_a_tail_that_the_holder_of_the_key_cut_off_is_noticed_by_a_checkpoint(kept: Kept) -> None:
    write(kept.directory, kept.entries()[:-4], signed=True)
    assert kept.with_key().level == "pinned key"
    assert "the log was cut off" in words(kept.with_checkpoints())


def test_28_a_fork_is_noticed_by_whoever_has_a_checkpoint_of_the_other_branch(kept: Kept, tmp_path: Path) -> None:
    """Both branches are signed by the key; only their checkpoints disagree."""
    shutil.copytree(kept.directory, tmp_path / "other")
    shutil.copytree(key_folder(), tmp_path / "keys")
    kept.run()
    # The forger puts the keys back as well: the kernel would notice that its ratchet is ahead of the log.
    with pytest.raises(RecorderError, match="seals are missing"):
        KernelSpace(policy(*RULES), recorder=tmp_path / "other")
    shutil.rmtree(key_folder())
    (tmp_path / "keys").rename(key_folder())
    other = kept.checkpoints[:-1]
    with KernelSpace(policy(*RULES), recorder=tmp_path / "other") as kernel:
        other.append(kernel.flight_recorder.checkpoint())
    assert kept.with_key().level == "pinned key"
    fork = FlightRecorder(tmp_path / "other")
    assert fork.verify(key=kept.key, checkpoint=other).ok
    assert "rewritten or forked" in words(FlightRecorder(kept.directory).verify(checkpoint=other))


def test_30_an_entry_that_was_forged_together_with_its_leaf_tile_is_noticed(kept: Kept) -> None:
    entries = kept.entries()
    place = next(n for n, entry in enumerate(entries) if json.loads(entry)["kind"] == "intent")
    row = json.loads(entries[place])
    row["decision"]["rules"] = ["other"]
    entries[place] = canonical(row)
    write(kept.directory, entries, signed=False)
    report = kept.alone()
    assert [problem.file for problem in report.problems] == ["checkpoint"]
    assert "the root is not the one" in words(report)
    # Nor is such an entry proved: no proof leads from it to the root that was signed.
    with pytest.raises(RecorderError):
        FlightRecorder(kept.directory).prove(place)


def test_30_a_forged_tile_is_named_and_proofs_do_without_it(kept: Kept) -> None:
    log = FlightRecorder(kept.directory)
    (tile,) = (kept.directory / "tile" / "0").rglob("[0-9]*[0-9]")
    good, proof = tile.read_bytes(), log.prove(3)
    tile.write_bytes(good[:40] + bytes([good[40] ^ 1]) + good[41:])
    assert words(kept.alone()).endswith("is not what the entries give")
    assert log.prove(3) == proof
    tile.unlink()
    assert "is missing" in words(kept.alone())
    assert log.prove(3) == proof


def test_28_a_segment_of_another_log_is_noticed(kept: Kept, tmp_path: Path) -> None:
    other = Kept(tmp_path / "other")
    (mine,), (foreign,) = ((each.directory / "segments").iterdir() for each in (kept, other))
    shutil.copy(foreign, mine)
    assert "belongs to another log" in words(kept.alone())
    shutil.copy(other.directory / "salt", kept.directory / "salt")
    shutil.copy(other.directory / "checkpoint", kept.directory / "checkpoint")
    shutil.rmtree(kept.directory / "tile")
    shutil.copytree(other.directory / "tile", kept.directory / "tile")
    assert "is the key of another log" in words(kept.with_key())
    assert "which is another log" in words(kept.with_checkpoints())


def test_the_old_pin_holds_over_a_rotation_and_checkpoints_of_before_it_too(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = kept.secret.read_text()
    assert main(["log", "keys", str(kept.directory), "--rotate"]) == 0
    assert kept.secret.read_text() != secret
    report = FlightRecorder(kept.directory).verify(key=kept.key, checkpoint=kept.checkpoints)
    assert (report.level, len(report.rotations)) == ("pinned key", 1)
    assert report.key != kept.key
    assert FlightRecorder(kept.directory).verify(key=report.key).level == "pinned key"
    kept.run()
    assert FlightRecorder(kept.directory).verify(key=kept.key, checkpoint=kept.checkpoints).ok
    capsys.readouterr()


def test_nothing_is_written_without_the_logs_own_key(kept: Kept, tmp_path: Path) -> None:
    secret = kept.secret.read_text()
    before = (kept.directory / "checkpoint").read_bytes()
    for content in (None, "agentos-log-key-" + "5" * 64 + "\n", "rubbish"):
        kept.secret.unlink(missing_ok=True)
        if content is not None:
            kept.secret.touch(0o600)
            kept.secret.write_text(content)
        with pytest.raises(RecorderError) as caught:
            kept.run()
        assert caught.value.code == (
            "key_missing" if content is None else "not_a_key" if content == "rubbish" else "key_other"
        )
    assert (kept.directory / "checkpoint").read_bytes() == before
    kept.secret.write_text(secret)
    kept.run()


@pytest.mark.skipif(os.name != "posix", reason="rights are spelt so on POSIX only")
def test_a_key_that_others_may_read_signs_nothing(kept: Kept) -> None:
    kept.secret.chmod(0o640)
    with pytest.raises(RecorderError) as caught:
        kept.run()
    assert caught.value.code == "key_permissions"
    kept.secret.chmod(0o600)
    folder = kept.secret.parent
    assert folder.stat().st_mode & 0o077 == 0
    folder.chmod(0o777)
    with pytest.raises(RecorderError):
        kept.run()
    folder.chmod(0o700)
    kept.run()


def test_a_key_that_was_given_signs_and_none_is_made(tmp_path: Path) -> None:
    given = tmp_path / "given.key"
    given.touch(0o600)
    given.write_text("agentos-log-key-" + OWN.hex() + "\n")
    with KernelSpace("strict", recorder=FlightRecorder(tmp_path / "log", key=given)) as kernel:
        log_id = kernel.flight_recorder.log_id
    assert FlightRecorder(tmp_path / "log").verify(key=key_of(log_id, OWN)).level == "pinned key"
    assert not list(key_folder().glob("*.key"))
    with pytest.raises(RecorderError, match="is not in"):
        KernelSpace("strict", recorder=tmp_path / "log")


def test_the_command_line_says_what_holds_with_its_exit_code(
    kept: Kept, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, note = str(kept.directory), tmp_path / "note"
    note.write_text(kept.checkpoints[0])
    first = tmp_path / "first"
    first.write_text(kept.ratchet_key)
    pins = ["--key", kept.key, "--checkpoint", str(note), "--ratchet-key", str(first)]
    assert main(["log", "verify", log, *pins]) == 0
    assert "level        pinned key" in capsys.readouterr().out
    other = kept.checkpoints[0].replace("\n", "\n1", 1)
    note.write_text(other)
    assert main(["log", "verify", log, "--checkpoint", str(note)]) == 1
    assert main(["log", "verify", log, "--checkpoint", str(tmp_path / "nothing")]) == 3
    assert main(["log", "verify", log, "--key", key_of("0" * 32, OWN)]) == 1
    capsys.readouterr()
    assert main(["log", "checkpoint", log]) == 0
    assert capsys.readouterr().out == (kept.directory / "checkpoint").read_text()
    assert main(["log", "prove", log, "2"]) == 0
    proof = capsys.readouterr().out
    assert proof.startswith("c2sp.org/tlog-proof@v1\nindex 2\n")
    assert proof.endswith((kept.directory / "checkpoint").read_text())
    for wrong in (["2", "--from", "1"], [], ["--to", "3"], ["--from", "1", "--size", "2"], ["-1"]):
        assert main(["log", "prove", log, *wrong]) == 2
    assert main(["log", "prove", log, "--from", "3", "--to", "2"]) == 3
    assert main(["log", "prove", log, "99999"]) == 3
