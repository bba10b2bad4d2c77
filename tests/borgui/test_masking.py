import base64
import json
import shlex
from itertools import pairwise
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from borgui.masking import MASK, Masker, variants
from borgui.process import run

SECRET = "pa$$ wörd/'x'+\"1\""
KEY = "\n".join(["-----BEGIN KEY-----", *(f"{number}abcdefgh+/" * 6 for number in range(30)), "-----END KEY-----", ""])


def masked(data: bytes, *secrets: str) -> bytes:
    masker = Masker(secrets)
    return masker.feed(data) + masker.flush()


def by_pieces(data: bytes, cuts: list[int], *secrets: str) -> bytes:
    masker = Masker(secrets)
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return b"".join(masker.feed(data[start:stop]) for start, stop in pairwise(edges)) + masker.flush()


def standard(data: bytes) -> bytes:
    return base64.b64encode(data)


def wrapped(data: bytes, width: int) -> bytes:
    encoded = standard(data)
    return b"\n".join(encoded[at : at + width] for at in range(0, len(encoded), width))


class TestForms:
    @pytest.mark.parametrize(
        "form",
        [
            SECRET,
            quote(SECRET),
            quote(SECRET, safe=""),
            quote_plus(SECRET),
            quote(SECRET, safe="").replace("%C3%B6", "%c3%b6").replace("%2F", "%2f").replace("%2B", "%2b"),
            urlencode({"password": SECRET}),
            json.dumps({"password": SECRET}),
            json.dumps({"password": SECRET}, ensure_ascii=False),
            shlex.quote(SECRET).replace("'\"'\"'", "'\\''"),
        ],
    )
    def test_spellings_of_urls_json_and_shells_are_masked(self, form):
        output = masked(f"before {form} after".encode(), SECRET)
        assert MASK in output
        assert output.startswith(b"before ")
        assert output.endswith(b" after")
        for part in (b"pa$$", b"rd", b"24", b"x"):
            assert part not in output.replace(b"password", b"")

    def test_what_shells_print_of_their_own_accord_is_masked(self, tmp_path):
        script = 'set -x; true "$S"; printf "%q\\n" "$S"; export -p; declare -p S; echo "$S" | base64 -w0'
        output: list[bytes] = []
        environment = {"S": SECRET, "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
        result = run(
            ["/bin/bash", "-c", script],
            env=environment,
            cwd=tmp_path,
            on_output=lambda _, data, ms: output.append(data),
        )
        assert result.ok
        text = masked(b"".join(output), SECRET)
        assert text.count(MASK) >= 5
        assert b"pa$" not in text
        assert b"pa\\$" not in text

    @pytest.mark.parametrize("before", ["", "u", "us", "user:", "Bearer "])
    @pytest.mark.parametrize("after", ["", "\n", "@host"])
    @pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
    def test_base64_is_masked_wherever_the_secret_begins_in_it(self, before, after, encode):
        secret = "hunter2>>>???"
        encoded = encode(f"{before}{secret}{after}".encode())
        output = masked(b"Authorization: Basic " + encoded + b"\n", secret)
        assert MASK in output
        left = output.removeprefix(b"Authorization: Basic ").removesuffix(b"\n").replace(MASK, b"")
        assert len(left) <= len(standard(f"{before}{after}".encode())) + 4  # at most the borders are left

    @pytest.mark.parametrize("width", [64, 76])
    def test_wrapped_base64_of_a_long_secret_leaves_no_long_line(self, width):
        output = masked(wrapped(KEY.encode(), width), KEY)
        assert output.count(MASK) >= len(standard(KEY.encode())) // width
        assert len(output.replace(MASK, b"").replace(b"\n", b"")) < 8

    def test_padding_goes_with_it(self):
        assert masked(b"x " + standard(b"secret1") + b" y", "secret1") == b"x *** y"
        assert masked(b"x " + standard(b"secret1").rstrip(b"=") + b" y", "secret1") == b"x *** y"

    def test_a_key_is_masked_line_by_line(self):
        printed = "".join(f"    {line}\r\n" for line in KEY.splitlines())
        output = masked(printed.encode(), KEY)
        assert output == b"    ***\r\n" * len(KEY.splitlines())

    def test_a_short_line_of_a_key_is_no_secret(self):
        assert masked(b"}\n{ and so on", '{\n"key": "abcdefgh"\n}') == b"}\n{ and so on"

    def test_longest_first(self):
        sizes = [len(form) for form in variants([SECRET, KEY])]
        assert sizes == sorted(sizes, reverse=True)

    @pytest.mark.parametrize("secret", ["a", "abc", "äöü"])
    def test_a_short_secret_is_refused_without_being_named(self, secret):
        with pytest.raises(ValueError, match="fewer than 4") as refusal:
            Masker([secret])
        assert secret not in str(refusal.value).replace("fewer than 4 characters cannot be masked", "")

    def test_an_empty_one_is_no_secret(self):
        assert variants([""]) == []


class TestStream:
    def test_a_secret_split_over_two_reads_is_masked(self):
        masker = Masker(["swordfish"])
        assert masker.feed(b"the password is sword") == b"the password is "
        assert masker.feed(b"fish, don't tell") == b"***, don't tell"
        assert masker.flush() == b""

    def test_what_only_looked_like_one_is_given_back(self):
        masker = Masker(["swordfish"])
        assert masker.feed(b"a sword") == b"a "
        assert masker.feed(b" and a sw") == b"sword and a "
        assert masker.flush() == b"sw"

    def test_nothing_to_hold_back_is_passed_on_at_once(self):
        assert Masker(["swordfish"]).feed(b"Continue? ") == b"Continue? "

    def test_a_secret_that_begins_another_does_not_uncover_its_rest(self):
        masker = Masker(["hunter2", "hunter2-and-more"])
        assert masker.feed(b"hunter2") + masker.feed(b"-and-more") + masker.flush() == b"***"
        assert masker.feed(b"hunter2") + masker.feed(b"-and") + masker.flush() == b"***-and"

    def test_two_that_overlap_are_one_masked_stretch(self):
        assert masked(b"..abcdefgh..", "abcdef", "defgh") == b"..***.."

    def test_without_secrets_bytes_pass_untouched(self):
        data = b"anything \xff"
        assert Masker().feed(data) is data
        assert Masker().flush() == b""

    def test_an_endless_run_of_one_secret_is_not_kept(self):
        masker = Masker(["aaaa"])
        output = b"".join(masker.feed(b"a" * 1000) for _ in range(100)) + masker.flush()
        assert output == b"***"

    def test_a_fresh_masker_knows_the_same_secrets_and_no_stream(self):
        masker = Masker(["swordfish"])
        masker.feed(b"sword")
        assert masker.fresh().feed(b"fish swordfish ") == b"fish *** "

    def test_a_text_is_masked_beside_the_stream(self):
        masker = Masker(["swordfish"])
        masker.feed(b"sword")
        assert masker.text("fish swordfish sword ü") == "fish *** sword ü"
        assert masker.feed(b"fish") + masker.flush() == b"***"

    SECRETS = ("abab", "babc", "aaaaa", "bcab", "abcabcabc")

    @given(st.text("abc", max_size=60), st.lists(st.integers(0, 60), max_size=12))
    @example("abcabcab", [3])
    def test_the_cuts_make_no_difference(self, text, cuts):
        assert by_pieces(text.encode(), cuts, *self.SECRETS) == masked(text.encode(), *self.SECRETS)

    @given(st.text("abc", max_size=60), st.lists(st.integers(0, 60), max_size=12))
    def test_nothing_of_an_occurrence_is_left_and_nothing_else_is_touched(self, text, cuts):
        covered = [False] * len(text)
        forms = [form.decode() for form in variants(self.SECRETS)]
        for form in forms:
            for at in range(len(text)):
                if text.startswith(form, at):
                    covered[at : at + len(form)] = [True] * len(form)
        kept = "".join(letter for letter, hidden in zip(text, covered, strict=True) if not hidden)
        assert by_pieces(text.encode(), cuts, *self.SECRETS).replace(MASK, b"").decode() == kept
