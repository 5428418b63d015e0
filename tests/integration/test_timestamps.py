"""Promise: a time stamp is kept only if a server gave it for this checkpoint, and says nothing of any other log."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from agent_os import FlightRecorder
from agent_os.cli.exits import Exit
from agent_os.cli.program import main
from tests.integration.tsa_server import Authority, stamping
from tests.security.test_pinned_logs import Kept, words

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="OpenSSL is the authority here")
pytest.importorskip("rfc3161_client")


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Authority, Authority]]:
    folder = tmp_path_factory.mktemp("authorities")
    with stamping(Authority(folder / "one", "one")) as one, stamping(Authority(folder / "other", "other")) as other:
        yield one, other


@pytest.fixture
def authority(authorities: tuple[Authority, Authority]) -> Authority:
    return authorities[0]


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "log")


def stamp(kept: Kept, authority: Authority, *options: str) -> int:
    return main(["log", "timestamp", str(kept.directory), "--url", authority.url, *options])


def stamped(kept: Kept, authority: Authority, *options: str) -> int:
    return main(["log", "verify", str(kept.directory), "--tsa-ca", str(authority.root), *options])


def files(kept: Kept) -> tuple[Path, Path]:
    note, token = sorted((kept.directory / "timestamps").iterdir())
    return note, token


def test_a_checkpoint_is_stamped_and_the_time_is_printed(
    kept: Kept, authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stamp(kept, authority, "--ca", str(authority.root), "--json") == Exit.OK
    told = capsys.readouterr()
    assert told.err == ""
    row = json.loads(told.out)
    size = FlightRecorder(kept.directory).verify().checkpoint
    note, token = files(kept)
    assert (row["size"], row["policy"], row["file"]) == (size, "1.2.3.4.1", str(token))
    assert abs(datetime.fromisoformat(row["time"]) - datetime.now(timezone.utc)) < timedelta(minutes=5)
    # Another program agrees, with what is kept.
    assert note.read_text() == FlightRecorder(kept.directory).checkpoint()
    assert authority.accepts(token, note)
    assert stamped(kept, authority) == Exit.OK
    assert f"stamped      {size}  {row['time']}  policy 1.2.3.4.1\n" in capsys.readouterr().out
    report = FlightRecorder(kept.directory).verify(tsa_ca=authority.root.read_bytes())
    [found] = report.stamps
    assert (found.size, found.time.isoformat(), report.level, report.strays) == (
        size,
        row["time"],
        "self-consistent",
        (),
    )
    assert json.loads(json.dumps(report.to_dict()))["stamps"] == [
        {"size": size, "time": row["time"], "policy": "1.2.3.4.1"}
    ]


def test_stamps_of_several_times_are_all_looked_at(kept: Kept, authority: Authority) -> None:
    for _ in range(2):
        assert stamp(kept, authority) == Exit.OK
        kept.run()
    report = FlightRecorder(kept.directory).verify(tsa_ca=authority.root.read_bytes())
    assert [found.size for found in report.stamps] == sorted({found.size for found in report.stamps})
    assert len(report.stamps) == 2


def test_without_a_certificate_it_says_what_was_not_checked(
    kept: Kept, authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stamp(kept, authority) == Exit.OK
    assert "who signed it was not checked" in capsys.readouterr().err


def test_a_log_without_a_stamp_has_none(kept: Kept, authority: Authority) -> None:
    assert stamped(kept, authority) == Exit.FINDING
    assert FlightRecorder(kept.directory).verify().ok


def test_30_a_stamp_of_another_authority_is_none(
    kept: Kept, authorities: tuple[Authority, Authority], capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = authorities
    assert stamp(kept, one, "--ca", str(other.root)) == Exit.UNUSABLE
    assert "the time stamp does not hold" in capsys.readouterr().err
    assert not (kept.directory / "timestamps").exists()
    assert stamp(kept, one) == Exit.OK
    assert stamped(kept, other) == Exit.FINDING
    assert stamped(kept, one) == Exit.OK


def test_30_another_policy_is_refused(kept: Kept, authority: Authority) -> None:
    with_root = ("--ca", str(authority.root))
    assert stamp(kept, authority, *with_root, "--policy", "1.2.3.4.2") == Exit.UNUSABLE
    assert stamp(kept, authority, *with_root, "--policy", "1.2.3.4.1") == Exit.OK
    assert stamped(kept, authority, "--tsa-policy", "1.2.3.4.2") == Exit.FINDING
    assert stamped(kept, authority, "--tsa-policy", "1.2.3.4.1") == Exit.OK


def test_30_an_older_answer_is_no_answer(kept: Kept, authority: Authority, capsys: pytest.CaptureFixture[str]) -> None:
    """The same checkpoint, stamped before: only the nonce tells."""
    assert stamp(kept, authority) == Exit.OK
    shutil.rmtree(kept.directory / "timestamps")
    for options in ([], ["--ca", str(authority.root)]):
        authority.instead = [(200, authority.answers[-1])]
        assert stamp(kept, authority, *options) == Exit.UNUSABLE
        assert "another nonce" in capsys.readouterr().err
    assert not (kept.directory / "timestamps").exists()


def test_30_a_stamp_of_another_checkpoint_is_none(
    kept: Kept, authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stamp(kept, authority) == Exit.OK
    before = authority.answers[-1]
    kept.run()
    authority.instead = [(200, before)]
    assert stamp(kept, authority) == Exit.UNUSABLE
    assert "it is not one of this checkpoint" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((500, b""), "answered with 500"),
        ((200, b""), "does not hold"),
        ((200, b"\x30\x03\x02\x01\x00"), "does not hold"),
        # A rejection, as RFC 3161 section 2.4.2 says it.
        ((200, bytes.fromhex("30053003020102")), "did not stamp"),
        ((200, b"x" * 300_000), "more than 262,144 bytes"),
    ],
)
def test_an_answer_that_is_none_is_told_and_not_kept(
    answer: tuple[int, bytes], said: str, kept: Kept, authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    authority.instead = [answer]
    assert stamp(kept, authority, "--ca", str(authority.root)) == Exit.UNUSABLE
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told
    assert not (kept.directory / "timestamps").exists()


def test_28_a_stamped_log_that_was_rolled_back_or_rewritten_is_noticed(kept: Kept, authority: Authority) -> None:
    shutil.copytree(kept.directory, kept.directory.parent / "copy")
    kept.run()
    assert stamp(kept, authority) == Exit.OK
    shutil.move(kept.directory / "timestamps", kept.directory.parent / "copy" / "timestamps")
    shutil.rmtree(kept.directory)
    shutil.move(kept.directory.parent / "copy", kept.directory)
    report = FlightRecorder(kept.directory).verify(tsa_ca=authority.root.read_bytes())
    assert (report.level, report.stamps) == ("none", ())
    assert "an older copy was put in its place" in words(report)


def test_28_every_bit_of_a_stamp_counts(kept: Kept, authority: Authority) -> None:
    assert stamp(kept, authority) == Exit.OK
    _, token = files(kept)
    whole, log, root = token.read_bytes(), FlightRecorder(kept.directory), authority.root.read_bytes()
    signed = 0
    for bit in range(0, len(whole) * 8, 37):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        token.write_bytes(changed)
        assert not log.verify(), bit
        signed += not any("does not hold" in str(each) for each in log.verify(tsa_ca=root).problems)
    token.write_bytes(whole)
    assert log.verify(tsa_ca=root)
    # Most of it is under the signature; what is not (such as certificates that are not needed) is under the name.
    assert signed < len(whole) * 8 // 37 // 2


# -- what is asked for -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", ["", "no certificate", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"])
def test_a_file_without_a_root_is_said_to_have_none(
    content: str, kept: Kept, authority: Authority, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ca.pem").write_text(content)
    assert stamp(kept, authority, "--ca", str(tmp_path / "ca.pem")) == Exit.UNUSABLE
    assert main(["log", "verify", str(kept.directory), "--tsa-ca", str(tmp_path / "ca.pem")]) == Exit.UNUSABLE
    assert capsys.readouterr().err.count("ca.pem`") == 2


def test_a_signer_s_certificate_is_no_root(kept: Kept, authority: Authority) -> None:
    with pytest.raises(ValueError, match="no root certificate"):
        FlightRecorder(kept.directory).verify(tsa_ca=(authority.folder / "signer.pem").read_bytes())


def test_a_policy_without_an_authority_makes_no_sense(kept: Kept, authority: Authority) -> None:
    assert stamp(kept, authority, "--policy", "1.2.3.4.1") == Exit.USAGE
    assert main(["log", "verify", str(kept.directory), "--tsa-policy", "1.2.3.4.1"]) == Exit.USAGE
    assert stamp(kept, authority, "--ca", str(authority.root), "--policy", "mine") == Exit.UNUSABLE


def test_without_the_extra_one_error_names_it(
    kept: Kept, authority: Authority, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    for run in (stamp(kept, authority), stamped(kept, authority)):
        assert run == Exit.UNUSABLE
    assert capsys.readouterr().err.count("pip install 'agent-os[timestamps]'") == 2
