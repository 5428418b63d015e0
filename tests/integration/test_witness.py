"""Promise: what a witness cosigned is kept only if it did, and a log that is not the one that it saw is noticed."""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_os import FlightRecorder
from agent_os.cli.exits import Exit
from agent_os.cli.program import main
from agent_os.recorder.key_folder import key_folder
from tests.integration.witness_server import NOW, Witness, serving
from tests.security.test_evidence import entries_of
from tests.security.test_pinned_logs import Kept, words


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "log")


@pytest.fixture
def witness(kept: Kept) -> Iterator[Witness]:
    with serving(Witness()) as serving_witness:
        serving_witness.learn(kept.key)
        yield serving_witness


@pytest.fixture
def second(kept: Kept) -> Iterator[Witness]:
    with serving(Witness("other.example", bytes([22]) * 32)) as serving_witness:
        serving_witness.learn(kept.key)
        yield serving_witness


def ask(kept: Kept, *witnesses: Witness) -> int:
    pairs = [word for witness in witnesses for word in ("--url", witness.url, "--key", witness.key)]
    return main(["log", "witness", str(kept.directory), *pairs])


def size_of(kept: Kept) -> int:
    return FlightRecorder(kept.directory).verify().checkpoint


def test_a_checkpoint_that_was_cosigned_is_kept_and_says_so(
    kept: Kept, witness: Witness, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(kept, witness) == Exit.OK
    size = size_of(kept)
    assert capsys.readouterr().out == f"cosigned     {size}  2027-01-15T08:00:00.000000Z  {witness.name}\n"
    log = FlightRecorder(kept.directory)
    report = log.verify(witness=witness.key)
    assert report
    assert (report.level, report.witnessed, report.strays) == (f"witnessed to {size}", size, ())
    [cosigned] = report.cosignatures
    assert (cosigned.name, cosigned.size, cosigned.time) == (witness.name, size, NOW)
    # The kept file is the checkpoint with one more line, and can be held against the log anywhere.
    [file] = (kept.directory / "witnessed").iterdir()
    assert file.read_text().startswith(log.checkpoint())
    assert log.verify(checkpoint=file.read_bytes()).held == size
    # Without the key of the witness, nothing is said of it.
    assert (log.verify().level, log.verify().witnessed) == ("self-consistent", None)
    assert log.verify(key=kept.key, witness=witness.key).level == f"witnessed to {size}"
    assert log.verify(key=kept.key, witness=witness.key).pinned


def test_the_command_line_prints_the_level(kept: Kept, witness: Witness, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(kept, witness) == Exit.OK
    capsys.readouterr()
    verify = ["log", "verify", str(kept.directory), "--witness", witness.key]
    assert main(verify) == Exit.OK
    size, out = size_of(kept), capsys.readouterr().out
    assert f"level        witnessed to {size}\n" in out
    assert f"witnessed    {size}\n" in out
    assert f"cosigned     {size}  2027-01-15T08:00:00.000000Z  {witness.name}\n" in out
    assert main([*verify, "--json"]) == Exit.OK
    report = json.loads(capsys.readouterr().out)
    assert (report["level"], report["witnessed"]) == (f"witnessed to {size}", size)
    assert report["cosignatures"] == [{"name": witness.name, "size": size, "time": NOW}]


def test_a_log_that_grew_is_proved_to_go_on(kept: Kept, witness: Witness) -> None:
    assert ask(kept, witness) == Exit.OK
    before = size_of(kept)
    kept.run()
    # Until the witness is asked again, what it has seen is less than the log.
    assert FlightRecorder(kept.directory).verify(witness=witness.key).witnessed == before
    assert ask(kept, witness) == Exit.OK
    assert witness.requests[-1].startswith(f"old {before}\n".encode())
    assert FlightRecorder(kept.directory).verify(witness=witness.key).witnessed == size_of(kept) > before
    # The kernel goes on with a log that has what witnesses said in it.
    kept.run()
    assert FlightRecorder(kept.directory).verify(witness=witness.key).ok


def test_a_witness_that_has_seen_more_than_is_known_here_is_asked_again(kept: Kept, witness: Witness) -> None:
    assert ask(kept, witness) == Exit.OK
    before = size_of(kept)
    shutil.rmtree(kept.directory / "witnessed")
    kept.run()
    assert ask(kept, witness) == Exit.OK
    assert [request.split(b"\n")[0] for request in witness.requests[1:]] == [b"old 0", f"old {before}".encode()]


def test_the_same_checkpoint_is_cosigned_again(kept: Kept, witness: Witness) -> None:
    assert (ask(kept, witness), ask(kept, witness)) == (Exit.OK, Exit.OK)


def test_the_witnesses_of_the_key_folder_are_asked(kept: Kept, witness: Witness, second: Witness) -> None:
    (key_folder() / "witnesses").write_text(
        f"# of the desk\n\n{witness.url} {witness.key}\n{second.url}/ {second.key} # b\n"
    )
    assert main(["log", "witness", str(kept.directory)]) == Exit.OK
    report = FlightRecorder(kept.directory).verify(witness=[witness.key, second.key])
    assert report.level == f"witnessed to {size_of(kept)}"
    assert sorted(each.name for each in report.cosignatures) == sorted([witness.name, second.name])


# -- logs that are not the one that the witness saw --------------------------------------------------------------------


def test_28_a_log_that_was_rolled_back_is_noticed_by_the_witness_and_by_what_it_cosigned(
    kept: Kept, witness: Witness, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(kept.directory, tmp_path / "copy")
    kept.run()
    assert ask(kept, witness) == Exit.OK
    size = size_of(kept)
    [cosigned] = (kept.directory / "witnessed").iterdir()
    note = cosigned.read_bytes()
    shutil.rmtree(kept.directory)
    shutil.move(tmp_path / "copy", kept.directory)
    capsys.readouterr()
    # The witness knows better, whatever lies here.
    assert ask(kept, witness) == Exit.FINDING
    assert f"the witness has seen {size} entries of this log" in capsys.readouterr().err
    # Whoever has the cosigned checkpoint does, too.
    report = FlightRecorder(kept.directory).verify(witness=witness.key, checkpoint=note)
    assert (report.level, report.witnessed) == ("none", None)
    assert "an older copy was put in its place" in words(report)
    # And so does the log itself, if only its entries were cut off.
    (kept.directory / "witnessed").mkdir()
    (kept.directory / "witnessed" / cosigned.name).write_bytes(note)
    report = FlightRecorder(kept.directory).verify()
    assert "an older copy was put in its place" in words(report)
    assert ask(kept, witness) == Exit.FINDING
    assert len(witness.requests) == 2, "what is known here is enough"


def forged_by_its_owner(kept: Kept, old: bytes, new: bytes) -> None:
    """The same log with another entry, as the holder of its key can write it."""
    entries = [entry.replace(old, new) for entry in entries_of(next((kept.directory / "segments").iterdir()))]
    seed = bytes.fromhex(kept.secret.read_text().strip().removeprefix("agentos-log-key-"))
    kept.forge(entries, seed)


def test_28_a_log_that_was_forked_is_noticed_by_the_witness_and_by_what_it_cosigned(
    kept: Kept, witness: Witness, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(kept, witness) == Exit.OK
    forged_by_its_owner(kept, b'"agent":"desk"', b'"agent":"disk"')
    report = FlightRecorder(kept.directory).verify(witness=witness.key)
    assert (report.level, report.witnessed) == ("none", None)
    assert "the log was rewritten or forked" in words(report)
    # The same size with another root.
    capsys.readouterr()
    assert ask(kept, witness) == Exit.FINDING
    assert "the log was forked or rewritten" in capsys.readouterr().err


def test_28_a_fork_of_another_size_cannot_be_proved_to_go_on(
    kept: Kept, witness: Witness, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = tmp_path / "keys"
    shutil.copytree(kept.directory, tmp_path / "branch")
    shutil.copytree(key_folder(), keys)
    kept.run()
    assert ask(kept, witness) == Exit.OK
    shutil.rmtree(kept.directory)
    shutil.move(tmp_path / "branch", kept.directory)
    shutil.rmtree(key_folder())
    shutil.copytree(keys, key_folder())
    kept.run()
    kept.run()
    capsys.readouterr()
    assert ask(kept, witness) == Exit.FINDING
    assert "it does not find that these" in capsys.readouterr().err


def test_30_entries_that_were_forged_with_the_log_s_own_key_are_noticed_without_its_pin(
    kept: Kept, witness: Witness
) -> None:
    """The thief of the key signs what he likes; the witness signed what was there before."""
    assert ask(kept, witness) == Exit.OK
    forged_by_its_owner(kept, b'"agent":"desk"', b'"agent":"disk"')
    assert not FlightRecorder(kept.directory).verify(key=kept.key, witness=witness.key)


# -- answers that are not what they should be --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "code", "said"),
    [
        ([(404, "text/plain", b"")], Exit.UNUSABLE, "does not know the log"),
        ([(403, "text/plain", b"")], Exit.UNUSABLE, "does not know the key that signs the log"),
        ([(422, "text/plain", b"")], Exit.FINDING, "forked or rewritten"),
        ([(400, "text/plain", b"no\x1b[31m")], Exit.UNUSABLE, "(400): no\\x1b[31m"),
        ([(500, "text/html", b"")], Exit.UNUSABLE, "(500): it says nothing more"),
        ([(302, "text/plain", b"")], Exit.UNUSABLE, "leads elsewhere"),
        ([(409, "text/x.tlog.size", b"")], Exit.UNUSABLE, "without the size"),
        ([(409, "text/x.tlog.size", b"007\n")], Exit.UNUSABLE, "without the size"),
        ([(409, "text/x.tlog.size", "\u0661\n".encode())], Exit.UNUSABLE, "without the size"),
        ([(409, "text/x.tlog.size", b"-1\n")], Exit.UNUSABLE, "without the size"),
        ([(409, "text/x.tlog.size", b"9" * 40)], Exit.UNUSABLE, "without the size"),
        ([(409, "text/x.tlog.size", b"0\n")], Exit.FINDING, "forked or rewritten"),
        ([(409, "text/x.tlog.size", b"99999999\n")], Exit.FINDING, "the witness has seen 99999999 entries"),
        ([(409, "t", b"1\n"), (409, "t", b"2\n"), (409, "t", b"3\n")], Exit.UNUSABLE, "another size each time"),
        ([(200, "text/plain", b"")], Exit.FINDING, "no line of a signed note"),
        ([(200, "text/plain", b"fine\n")], Exit.FINDING, "no line of a signed note"),
        ([(200, "text/plain", b"\xff\xff\n")], Exit.FINDING, "no line of a signed note"),
        ([(200, "text/plain", "\u2014 x AAAA\n".encode())], Exit.FINDING, "without a cosignature by"),
        ([(200, "text/plain", b"x" * 70_000)], Exit.UNUSABLE, "more than 65,536 bytes"),
    ],
)
def test_an_answer_that_is_none_is_told_and_not_kept(
    answers: list[tuple[int, str, bytes]],
    code: Exit,
    said: str,
    kept: Kept,
    witness: Witness,
    capsys: pytest.CaptureFixture[str],
) -> None:
    witness.instead = answers
    assert ask(kept, witness) == code
    told = capsys.readouterr()
    assert (told.out, told.err.count("error: ")) == ("", 1)
    assert said in told.err
    assert not (kept.directory / "witnessed").exists()


@pytest.mark.parametrize("what", ["of another text", "of another time", "by another key", "of another name", "cut"])
def test_30_a_cosignature_that_is_not_right_is_not_kept(
    what: str, kept: Kept, witness: Witness, capsys: pytest.CaptureFixture[str]
) -> None:
    body = FlightRecorder(kept.directory).checkpoint().partition("\n\n")[0] + "\n"
    line = witness.cosign(body)
    head, name, encoded = line.split(" ")
    signed = bytearray(base64.b64decode(encoded))
    if what == "of another text":
        line = witness.cosign(body.replace("\n", "\n1", 1))
    if what == "of another time":
        signed[11] ^= 1
    if what == "by another key":
        other = base64.b64decode(Witness(witness.name, bytes(32)).cosign(body).split(" ")[2])
        signed[4:] = other[4:]
    if what == "cut":
        del signed[-1]
    if what in ("of another time", "by another key", "cut"):
        line = f"{head} {name} {base64.b64encode(signed).decode()}\n"
    if what == "of another name":
        line = Witness("x.example", witness.seed).cosign(body)
    witness.instead = [(200, "text/plain", line.encode())]
    assert ask(kept, witness) == Exit.FINDING
    expected = "without a cosignature by" if what == "of another name" else "is not by its key"
    assert expected in capsys.readouterr().err
    assert not (kept.directory / "witnessed").exists()
    # What cannot be kept in this way is not believed either where somebody put it.
    assert ask(kept, witness) == Exit.OK
    [file] = (kept.directory / "witnessed").iterdir()
    file.write_text(f"{FlightRecorder(kept.directory).checkpoint()}{line}")
    assert not FlightRecorder(kept.directory).verify(witness=witness.key)


def test_lines_of_other_signers_are_passed_over(kept: Kept, witness: Witness) -> None:
    body = FlightRecorder(kept.directory).checkpoint().partition("\n\n")[0] + "\n"
    lines = Witness("x.example", bytes(32)).cosign(body) + witness.cosign(body)
    witness.instead = [(200, "text/plain", lines.encode())]
    assert ask(kept, witness) == Exit.OK
    [file] = (kept.directory / "witnessed").iterdir()
    assert "x.example" not in file.read_text()


def test_28_every_bit_of_what_was_cosigned_counts(kept: Kept, witness: Witness) -> None:
    assert ask(kept, witness) == Exit.OK
    [file] = (kept.directory / "witnessed").iterdir()
    whole, log = file.read_bytes(), FlightRecorder(kept.directory)
    # A bit of each byte of the line of the witness, and some of the others, which are those of any checkpoint.
    first = whole.rindex("\u2014".encode())
    for bit in [*range(0, first * 8, 61), *range(first * 8, len(whole) * 8, 9)]:
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        file.write_bytes(changed)
        assert not log.verify(witness=witness.key), bit
    file.write_bytes(whole)
    assert log.verify(witness=witness.key)


# -- several witnesses -------------------------------------------------------------------------------------------------


def test_a_quorum_is_what_so_many_have_seen(kept: Kept, witness: Witness, second: Witness) -> None:
    assert ask(kept, witness, second) == Exit.OK
    small = size_of(kept)
    kept.run()
    assert ask(kept, witness) == Exit.OK
    large = size_of(kept)
    log, both = FlightRecorder(kept.directory), [witness.key, second.key]
    assert log.verify(witness=both).witnessed == small
    assert log.verify(witness=both, quorum=2).witnessed == small
    assert log.verify(witness=both, quorum=1).witnessed == large
    third = Witness("third.example", bytes([23]) * 32).key
    assert log.verify(witness=[*both, third], quorum=2).witnessed == small
    report = log.verify(witness=[*both, third])
    assert (report.level, report.witnessed) == ("none", None)
    assert "2 of the 3 witnesses cosigned a checkpoint of this log, and 3 must have" in words(report)


def test_a_witness_that_never_saw_the_log_is_missed(kept: Kept, witness: Witness) -> None:
    report = FlightRecorder(kept.directory).verify(witness=witness.key)
    assert "0 of the 1 witnesses" in words(report)


def test_30_one_key_under_two_names_is_one_witness(kept: Kept, witness: Witness) -> None:
    assert ask(kept, witness) == Exit.OK
    [file] = (kept.directory / "witnessed").iterdir()
    alias = Witness("alias.example", witness.seed)
    body = FlightRecorder(kept.directory).checkpoint().partition("\n\n")[0] + "\n"
    file.write_text(file.read_text() + alias.cosign(body))
    for keys in ([witness.key, alias.key], [witness.key, witness.key]):
        report = FlightRecorder(kept.directory).verify(witness=keys)
        assert "of a witness that was given before" in words(report)


def test_one_witness_that_cannot_be_asked_does_not_keep_the_other_from_it(
    kept: Kept, witness: Witness, second: Witness
) -> None:
    witness.instead = [(500, "text/plain", b"")]
    assert ask(kept, witness, second) == Exit.UNUSABLE
    assert FlightRecorder(kept.directory).verify(witness=second.key).witnessed == size_of(kept)
    # That one saw another log weighs more.
    witness.instead, second.instead = [(422, "text/plain", b"")], [(500, "text/plain", b"")]
    assert ask(kept, witness, second) == Exit.FINDING


# -- what is asked for -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--url", "http://127.0.0.1:1"],
        ["--key", "KEY"],
        ["--url", "ftp://127.0.0.1/", "--key", "KEY"],
        ["--url", "http:///log", "--key", "KEY"],
        ["--url", "http://127.0.0.1:x/", "--key", "KEY"],
        ["--url", "http://user:secret@127.0.0.1/", "--key", "KEY"],
        ["--url", "http://127.0.0.1/?x", "--key", "KEY"],
        ["--url", "http://127.0.0.1/a b", "--key", "KEY"],
        ["--url", "http://127.0.0.1/", "--key", "w.example+00000000+AAAA"],
        ["--url", "http://127.0.0.1/", "--key", "LOG"],
    ],
)
def test_a_witness_has_an_address_and_a_key(options: list[str], kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    spelt = [{"KEY": Witness().key, "LOG": kept.key}.get(option, option) for option in options]
    assert main(["log", "witness", str(kept.directory), *spelt]) == Exit.USAGE
    assert "\n  hint: " in capsys.readouterr().err


@pytest.mark.parametrize("options", [["--quorum", "1"], ["--witness", "x"], ["--witness", "KEY", "--quorum", "2"]])
def test_a_quorum_is_of_witnesses(options: list[str], kept: Kept) -> None:
    spelt = [Witness().key if option == "KEY" else option for option in options]
    assert main(["log", "verify", str(kept.directory), *spelt]) == Exit.USAGE


@pytest.mark.parametrize("quorum", [0, 2])
def test_a_quorum_that_is_none_holds_for_nothing(quorum: int, kept: Kept, witness: Witness) -> None:
    assert ask(kept, witness) == Exit.OK
    report = FlightRecorder(kept.directory).verify(witness=witness.key, quorum=quorum)
    assert (report.ok, report.level) == (False, "none")


def test_nobody_at_the_address_is_no_success(kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--url", "http://127.0.0.1:1/", "--key", Witness().key, "--json"]
    assert main(["log", "witness", str(kept.directory), *options]) == Exit.UNUSABLE
    told = capsys.readouterr()
    assert json.loads(told.out)[0]["error"].startswith("cannot ask `http://127.0.0.1:1/add-checkpoint`")


@pytest.mark.skipif(os.name == "nt", reason="permissions are others there")
def test_what_was_cosigned_is_for_the_owner_only(kept: Kept, witness: Witness) -> None:
    assert ask(kept, witness) == Exit.OK
    folder = kept.directory / "witnessed"
    assert [path.stat().st_mode & 0o077 for path in (folder, *folder.iterdir())] == [0, 0]
