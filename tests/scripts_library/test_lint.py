"""What is found in a text without running it, with the real ShellCheck and the real compiler."""

import time
from pathlib import Path

import pytest

from scripts_library import lint
from scripts_library.lint import check

from .conftest import block


def found(content: str) -> list[tuple[int, str, str]]:
    return [(one.line, one.level, one.rule) for one in check(content).findings]


def test_a_clean_script_is_said_to_be_clean() -> None:
    report = check('#!/bin/sh\necho "$HOOK_TYPE"\n')

    assert (report.findings, report.note, report.is_clean) == ((), "", True)
    assert report.checker == "ShellCheck, as sh"


def test_findings_have_place_level_and_a_link_to_their_rule() -> None:
    [one] = check("#!/usr/bin/env bash\n\tcp $1 /srv\n").findings

    assert (one.line, one.column, one.end_line, one.end_column) == (2, 5, 2, 7)
    assert (one.level, one.rule) == ("info", "SC2086")
    assert one.link == "https://www.shellcheck.net/wiki/SC2086"


@pytest.mark.parametrize(
    "first", ["", "#!/bin/dash\n", "#!/bin/busybox ash\n", "#!/usr/bin/env -S sh -e\n", "#!/bin/ksh\n"]
)
def test_every_shell_that_shellcheck_knows_is_checked(first: str) -> None:
    assert "SC1072" in [rule for _, _, rule in found(first + "if true; then\n")]


def test_what_bash_alone_understands_is_told_where_sh_runs() -> None:
    text = "[[ $HOME == x* ]] && echo y\n"

    assert found("#!/bin/bash\n" + text) == []
    assert (1, "warning", "SC3010") in found(text)


def test_what_a_script_is_given_needs_no_assignment() -> None:
    text = block("[[parameters]]", 'name = "box"') + 'echo "$box" "$other"\n'

    assert [one.text for one in check(text).findings] == ["other is referenced but not assigned."]


def test_line_ends_of_windows_and_a_byte_order_mark_are_repaired_as_for_a_run() -> None:
    assert found("\ufeff#!/bin/sh\r\necho one\r\n") == []


def test_a_block_in_the_first_line_is_no_misspelt_interpreter() -> None:
    assert found('# /// borgui\n# name = "One"\n# ///\necho one\n') == []


# --- the block --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("lines", "line", "level"),
    [
        (["timeout = 5s"], 3, "error"),
        (['name = "x"', "timeout = 0"], 4, "error"),
        (['name = "x"', "", "[[parameters]]", 'name = "ONE"', 'label = "One"', "required = 3"], 8, "error"),
        (["[[parameters]]", 'label = "One"'], 3, "error"),
        (['name = "x"', "colour = 1"], 4, "warning"),
        (["[[parameters]]", 'name = "ONE"', "[[parameters]]", 'name = "TWO"', 'unit = "x"'], 7, "warning"),
        (["hooks = ["], 4, "error"),
    ],
)
def test_a_problem_of_the_block_is_told_at_its_line(lines: list[str], line: int, level: str) -> None:
    assert found(block(*lines)) == [(line, level, "block")]


def test_a_block_that_is_not_closed_is_told_where_it_should_be() -> None:
    assert (4, "error", "block") in found("#!/bin/sh\n# /// borgui\n# name = 1\n")


# --- Python, and others -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("first", ["#!/usr/bin/env python3", "#!/usr/bin/python3.11 -u"])
def test_a_syntax_error_of_python_is_told(first: str) -> None:
    report = check(f"{first}\nprint('one'\n")

    assert [(one.line, one.level, one.text) for one in report.findings] == [(2, "error", "'(' was never closed")]
    assert report.checker.startswith("the compiler of Python 3")


def test_nothing_of_a_python_text_is_run(tmp_path: Path) -> None:
    trace = tmp_path / "ran"

    assert found(f"#!/usr/bin/env python3\nopen({str(trace)!r}, 'w')\nexit(1)\n") == []
    assert not trace.exists()


@pytest.mark.parametrize("text", ["x = " + "(" * 5000, "x = " + "-" * 100_000 + "1", "x = '\x00'", "\ud800"])
def test_hostile_python_is_an_answer_and_no_exception(text: str) -> None:
    report = check(f"#!/usr/bin/python3\n{text}\n")

    assert report.findings or report.note


@pytest.mark.parametrize("first", ["#!/usr/bin/env perl", "#!/bin/zsh", "#!/usr/bin/env", "#!"])
def test_other_interpreters_are_said_not_to_be_checked(first: str) -> None:
    report = check(f"{first}\n$x = ;\n")

    assert report.findings == ()
    assert "only the block was looked at" in report.note


# --- limits -----------------------------------------------------------------------------------------------------------
def test_no_other_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".shellcheckrc").write_text("disable=SC2086\n")
    (tmp_path / "lib.sh").write_text("if then\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SHELLCHECK_OPTS", "--exclude=SC2086")

    text = f"#!/bin/sh\n# shellcheck source={tmp_path}/lib.sh\n. ./lib.sh\n. {tmp_path}/lib.sh\necho $1\n"

    assert found(text) == [(5, "info", "SC2086")]


def test_a_check_that_takes_too_long_is_ended_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lint, "PATIENCE", 0.3)
    began = time.monotonic()

    report = check("#!/bin/bash\n" + "echo $((((((((((1))))))))))\n" * 4000)

    assert report.note.startswith("The check took too long")
    assert time.monotonic() - began < 5


def test_a_text_that_is_too_long_is_not_checked() -> None:
    assert check("#!/bin/sh\n" + "true\n" * 40_000).note.startswith("Longer than 128 KiB")


def test_more_findings_than_anybody_reads_are_counted() -> None:
    report = check("#!/bin/sh\n" + "echo $1\n" * 250)

    assert (len(report.findings), report.more) == (200, 50)


def test_without_shellcheck_the_block_is_still_looked_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(lint.sysconfig, "get_path", lambda name: str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))

    report = check(block("timeout = 0"))

    assert [one.rule for one in report.findings] == ["block"]
    assert report.note.startswith("ShellCheck is not installed")
