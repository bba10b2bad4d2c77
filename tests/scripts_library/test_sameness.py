"""Two texts are one script only where they do the same; bash itself is asked."""

import subprocess
from pathlib import Path

import pytest

from scripts_library.sameness import key

BASH = "#!/bin/bash\n"


def said(text: str, folder: Path) -> tuple[str, str, int]:
    script = folder / "script"
    script.write_text(text.replace("\r\n", "\n"))
    result = subprocess.run(["/bin/bash", str(script)], capture_output=True, text=True, check=False)
    return result.stdout, result.stderr, result.returncode


SAME = {
    "line ends": ("echo a\r\necho b\r\n", "echo a\necho b\n"),
    "no line end": ("echo a", "echo a\n"),
    "empty lines at the end": ("echo a\n\n \n\t\n", "echo a\n"),
    "spaces and tabs": ("if true; then  \n  echo a\t\nfi ", "if true; then\n  echo a\nfi"),
    "a comment with an apostrophe": ("# don't  \necho a ", "# don't\necho a"),
    "quotes that close": ("echo 'a' \"b\" \"it's\" \\' # it's  \necho c ", "echo 'a' \"b\" \"it's\" \\' # it's\necho c"),
    "nested quotes that close": ('x="$(echo "a b")" \necho "${x}" ', 'x="$(echo "a b")"\necho "${x}"'),
    "behind a here-document": ("cat <<EOF\na \nEOF\necho b \n\n", "cat <<EOF\na \nEOF\necho b\n"),
    "before an indented one": ("cat <<-'E' \n\ta \n\tE\necho b \n\n", "cat <<-'E'\n\ta \n\tE\necho b\n"),
    "a here-string": ("cat <<<a \necho b ", "cat <<<a\necho b"),
    "behind a quote over lines": ("echo 'a \nb' \necho c ", "echo 'a \nb'\necho c"),
    "a shebang": ("#!/bin/bash -u  \necho a", "#!/bin/bash -u\necho a\n"),
}  # fmt: skip

OTHERS = {
    "inside a quote": ("echo 'a \nb'", "echo 'a\nb'"),
    "inside double quotes": ('echo "a \nb"', 'echo "a\nb"'),
    "inside a here-document": ("cat <<EOF\na \nEOF\n", "cat <<EOF\na\nEOF\n"),
    "inside the second of two": ("cat <<A <<B\nA\nb \nB\n", "cat <<A <<B\nA\nb\nB\n"),
    "a here-document without an end": ("cat <<EOF\na\n\n", "cat <<EOF\na\n"),
    "what is no end of one": ("cat <<EOF\nEOF \nEOF\n", "cat <<EOF\nEOF\nEOF\n"),
    "behind a backslash": ("echo a\\ \necho b", "echo a\\\necho b"),
    "a quote with escapes": ("echo $'it\\'s \n'\"a \n\"", "echo $'it\\'s\n'\"a\n\""),
    "a quote in a substitution": ("echo \"$(echo 'a\"b')\" 'c \nd'", "echo \"$(echo 'a\"b')\" 'c\nd'"),
    "a substitution over lines": ('echo "$(echo "a \nb")"', 'echo "$(echo "a\nb")"'),
    "spaces before": (" echo a; echo b", "echo a; echo  'b '"),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_what_does_the_same_is_one_script(name: str, tmp_path: Path) -> None:
    one, other = SAME[name]
    one, other = (text if text.startswith("#!") else BASH + text for text in (one, other))
    assert said(one, tmp_path) == said(other, tmp_path)
    assert key(one) == key(other)


@pytest.mark.parametrize("name", OTHERS)
def test_what_does_another_thing_is_another_script(name: str, tmp_path: Path) -> None:
    one, other = (BASH + text for text in OTHERS[name])
    assert said(one, tmp_path) != said(other, tmp_path)
    assert key(one) != key(other)


def test_of_other_languages_only_what_is_known_is_taken_for_the_same() -> None:
    python, perl = "#!/usr/bin/env python3\n", "#!/usr/bin/perl\n"
    assert key(f"{python}print(1)  \r\n\n") == key(f"{python}print(1)")
    assert key(f'{python}print("""a \n""")') != key(f'{python}print("""a\n""")')
    assert key(f"{perl}print 1; \n") != key(f"{perl}print 1;\n")
    assert key(f"{perl}print 1;\r\n") == key(f"{perl}print 1;\n")
    assert key("#!\necho") == "#!\necho"
