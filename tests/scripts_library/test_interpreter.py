import os
from pathlib import Path

import pytest

from borgui.process import Result, run
from scripts_library.interpreter import CRLF_HINT, MARK_HINT, Prepared, Unstartable, prepare, suffix

PATH = "/usr/local/bin:/usr/bin:/bin"


def start(prepared: Prepared, folder: Path, *, mode: int = 0o700) -> tuple[Result, str]:
    """As a job does it: a private copy, started as interpreter and path."""
    copy = folder / "copy"
    copy.write_bytes(prepared.content)
    copy.chmod(mode)
    output: list[bytes] = []
    argv = [*prepared.argv, str(copy)]
    result = run(argv, env={"PATH": PATH}, cwd=folder, on_output=lambda _, data, ms: output.append(data))
    return result, b"".join(output).decode()


def refusal(content: str, **options) -> str:
    with pytest.raises(Unstartable) as refused:
        prepare(content, path=options.pop("path", PATH), **options)
    return str(refused.value)


class TestPrepared:
    def test_without_a_first_line_it_is_the_shell(self, tmp_path):
        prepared = prepare("echo $0 runs", path=PATH)
        assert prepared == Prepared(b"echo $0 runs", ("/bin/sh",))
        assert start(prepared, tmp_path)[1] == f"{tmp_path}/copy runs\n"

    def test_or_what_the_caller_names(self):
        assert prepare("echo", default="/bin/bash", path=PATH).argv == ("/bin/bash",)

    @pytest.mark.parametrize(
        ("first", "argv"),
        [
            ("#!/bin/sh", ("/bin/sh",)),
            ("#! /bin/sh -eu ", ("/bin/sh", "-eu")),
            ("#!/bin/bash -e -u", ("/bin/bash", "-e -u")),  # the kernel passes one argument
            ("#!\t/bin/bash\t-e", ("/bin/bash", "-e")),
            ("#!/usr/bin/env bash", ("/usr/bin/env", "bash")),
            ("#!/usr/bin/env -S bash -e -u", ("/usr/bin/env", "-S bash -e -u")),
            ("#!bash", ("bash",)),
        ],
    )
    def test_the_first_line_is_honoured_as_the_kernel_does(self, first, argv):
        assert prepare(f"{first}\necho\n", path=PATH).argv == argv

    @pytest.mark.parametrize(
        "first",
        ["#!/bin/bash", "#!/usr/bin/env bash", "#!/usr/bin/env -S bash -u", "#!/usr/bin/env -S A=1 bash", "#!bash"],
    )
    def test_it_really_runs_there(self, first, tmp_path):
        result, printed = start(prepare(f'{first}\necho "${{BASH_VERSION:+bash}}"\n', path=PATH), tmp_path)
        assert (result.exit_code, printed) == (0, "bash\n")

    def test_windows_line_ends_are_repaired_and_told_once(self, tmp_path):
        prepared = prepare("#!/bin/bash\r\necho one\r\nif true; then\r\n  echo two\r\nfi\r\n", path=PATH)
        assert prepared.hints == (CRLF_HINT,)
        assert start(prepared, tmp_path)[1] == "one\ntwo\n"

    def test_a_byte_order_mark_is_left_out_and_told(self, tmp_path):
        prepared = prepare("\ufeff#!/bin/sh\necho one\n", path=PATH)
        assert prepared.hints == (MARK_HINT,)
        assert start(prepared, tmp_path)[1] == "one\n"

    def test_both_at_once(self, tmp_path):
        prepared = prepare("\ufeff#!/bin/sh\r\necho one\r\n", path=PATH)
        assert prepared.hints == (MARK_HINT, CRLF_HINT)
        assert start(prepared, tmp_path)[1] == "one\n"

    def test_a_good_script_is_not_touched(self):
        content = "#!/bin/sh\nprintf 'a\\rb'\necho ünï\n"
        assert prepare(content, path=PATH) == Prepared(content.encode(), ("/bin/sh",))

    def test_no_executable_bit_is_needed(self, tmp_path):
        assert start(prepare("#!/bin/sh\necho runs\n", path=PATH), tmp_path, mode=0o600)[1] == "runs\n"

    def test_an_editor_may_hold_the_file_open(self, tmp_path):
        with open(tmp_path / "copy", "a"):
            assert start(prepare("#!/bin/sh\necho runs\n", path=PATH), tmp_path)[1] == "runs\n"


class TestRefusals:
    @pytest.mark.parametrize("content", ["", " \n\t\n", "\ufeff", "\r\n"])
    def test_an_empty_script(self, content):
        assert "empty" in refusal(content)

    def test_a_program_is_not_text(self):
        assert "not text" in refusal("\x7fELF\x02\x01\x01\0\0\0")

    def test_bytes_that_are_no_utf8_are_not_text(self):
        assert "not text" in refusal(b"#!/bin/sh\necho \xff\n".decode(errors="surrogateescape"))

    def test_an_interpreter_that_is_not_there(self):
        assert refusal("#!/no/such/bash\n").startswith("Interpreter not found: /no/such/bash.")

    @pytest.mark.parametrize(
        "first", ["#!no-such-bash", "#!/usr/bin/env no-such-bash", "#!/usr/bin/env -S no-such-bash -e"]
    )
    def test_one_that_is_not_in_path(self, first):
        text = refusal(f"{first}\n")
        assert "Interpreter not found: no-such-bash is not in PATH" in text
        assert PATH in text

    def test_the_path_given_is_the_one_that_counts(self, tmp_path):
        assert "not found" in refusal("#!/usr/bin/env bash\n", path=str(tmp_path))
        (tmp_path / "mine").symlink_to("/bin/bash")
        assert prepare("#!mine\n", path=str(tmp_path)).argv == ("mine",)

    def test_env_with_an_option_but_without_its_switch(self):
        assert "env -S" in refusal("#!/usr/bin/env bash -e\n")

    def test_an_interpreter_that_may_not_be_executed(self, tmp_path):
        (tmp_path / "interpreter").write_text("")
        assert refusal(f"#!{tmp_path}/interpreter\n").startswith("Permission denied")
        assert refusal("#!/usr/bin/env interpreter\n", path=str(tmp_path)).startswith("Permission denied")

    def test_an_interpreter_that_is_a_directory(self, tmp_path):
        assert "is a directory" in refusal(f"#!{tmp_path}\n")

    def test_a_first_line_that_names_nothing(self):
        assert "names no interpreter" in refusal("#!\necho\n")

    def test_a_quote_that_is_not_closed(self):
        assert "quote" in refusal("#!/usr/bin/env -S bash 'x\n")


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ("echo", ".sh"),
        ("#!/bin/sh", ".sh"),
        ("\ufeff#!/bin/bash -e\r", ".sh"),
        ("#!/usr/bin/env python3", ".py"),
        ("#!/usr/bin/python3.11", ".py"),
        ("#!/usr/bin/env -S perl -w", ".pl"),
        ("#!/usr/bin/env -S A=1 ruby", ".rb"),
        ("#!/opt/bin/unheard-of", ""),
        ("#!", ".sh"),
        ("#!/usr/bin/env", ".sh"),
    ],
)
def test_the_extension_fits_the_interpreter(first, expected):
    assert suffix(f"{first}\n") == expected


def test_the_search_falls_back_to_our_own_path(monkeypatch, tmp_path):
    monkeypatch.setitem(os.environ, "PATH", str(tmp_path))
    assert "not in PATH" in refusal("#!bash\n", path=None)
