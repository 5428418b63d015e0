"""Promise: a page cannot hold an example that is wrong, or that is not run, without the tests saying so."""

from __future__ import annotations

from pathlib import Path

import pytest
from execution import ExampleFailed, run
from pages import PageError, read


def page(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "page.md"
    path.write_text(text, encoding="utf-8")
    return path


def fenced(language: str, text: str, above: str = "") -> str:
    return f"{above}\n```{language}\n{text}\n```\n"


@pytest.mark.parametrize(
    "text",
    [
        "1 / 0",
        "print(1)  # -> 2",
        "1 + 1  # -> 3",
        "int('1')  # raises: ValueError",
        "int('x')  # raises: KeyError",
        "await missing()",
    ],
)
def test_a_python_example_that_is_wrong_fails(tmp_path: Path, text: str) -> None:
    with pytest.raises(ExampleFailed, match=r"page\.md:3"):
        run(page(tmp_path, fenced("python", text)), tmp_path)


def test_the_python_blocks_of_a_page_share_names_files_and_a_loop(tmp_path: Path) -> None:
    text = (
        fenced("python", "# config.py\nimport asyncio\nx = 1\nx  # -> 1\nprint('a  b')  # -> a b")
        + "Words.\n"
        + fenced("python", "await asyncio.sleep(0, x)  # -> 1\nint('x')  # raises: ValueError\ny = x + 1\ny # -> 2")
        + fenced("python", "import pathlib\nlen(pathlib.Path('config.py').read_text()) > 10  # -> True")
    )
    results = run(page(tmp_path, text), tmp_path)
    assert [reason for _, reason in results] == ["", "", ""]


def test_a_console_example_is_compared_with_what_the_command_says(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one two three\n", encoding="utf-8")
    run(page(tmp_path, fenced("console", "$ cat a.txt\none … three\n$ cat missing.txt  # exit 1")), tmp_path)
    for wrong in ("$ cat a.txt\nfour", "$ cat missing.txt", "$ cat a.txt  # exit 1", "$ make demo", "no command"):
        with pytest.raises(ExampleFailed):
            run(page(tmp_path, fenced("console", wrong)), tmp_path)


def test_a_block_is_left_out_only_with_a_reason_and_is_counted(tmp_path: Path) -> None:
    text = (
        fenced("python", "1 / 0", "<!-- not run: shows a mistake -->")
        + fenced("python", "1 / 0", "<!-- needs: no_such_module_anywhere -->")
        + fenced("python", "1 + 1 # -> 2", "<!-- needs: json, ast -->")
    )
    reasons = [reason for _, reason in run(page(tmp_path, text), tmp_path)]
    assert reasons == ["shows a mistake", "needs no_such_module_anywhere", ""]
    (block,) = read(page(tmp_path, fenced("python", "1 / 0", "<!-- not run: -->")))
    assert not block.not_run


@pytest.mark.parametrize("text", ["```bash\nmake\n```", "```py\n1\n```", "```python\n1 + 1\n"])
def test_a_page_that_would_hide_a_block_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(PageError):
        read(page(tmp_path, text))


@pytest.mark.parametrize(
    "text",
    [
        "agent_os: 1\nname: x\ndefault: deny\nrules: [{id: a, effect: allow, action: b.c, when: {args.x: {no: 1}}}]",
        "- {id: a, effect: allow, action: b.c, whne: {args.x: {eq: 1}}}",
        "args.x: {no_such_operator: 1}",
        "jobs: {test: {}}",
    ],
)
def test_a_policy_on_a_page_that_does_not_load_fails(tmp_path: Path, text: str) -> None:
    with pytest.raises(ExampleFailed, match=r"page\.md:3"):
        run(page(tmp_path, fenced("yaml", text)), tmp_path)


def test_a_policy_on_a_page_may_be_a_part_and_may_be_wrong_on_purpose(tmp_path: Path) -> None:
    whole = "agent_os: 1\nname: x\ndefault: deny\nrules: [{id: a, effect: allow, action: b.c}]"
    text = (
        fenced("yaml", "# policy.yaml\n" + whole)
        + fenced("yaml", "- {id: a, effect: allow, action: b.c}")
        + fenced("yaml", "args.x: {eq: 1}")
        + fenced("yaml", "args.x: {no_such_operator: 1}", "<!-- load error: unknown_operator -->")
    )
    assert [reason for _, reason in run(page(tmp_path, text), tmp_path)] == [""] * 4
    assert (tmp_path / "policy.yaml").exists()
    with pytest.raises(ExampleFailed, match="should fail"):
        run(page(tmp_path, fenced("yaml", whole, "<!-- load error: unknown_operator -->")), tmp_path)
