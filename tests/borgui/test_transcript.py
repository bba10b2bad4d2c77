import base64
import re
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from borgui.process import run
from borgui.transcript import Line, Page, Transcript, read

LIMIT = 8192


@pytest.fixture
def log(tmp_path) -> Path:
    return tmp_path / "executions" / "1.log"


def texts(log: Path, stream: str = "o") -> list[str]:
    return [line.text for line in read(log, 0, 100_000_000).lines if line.stream == stream]


def written(log: Path, *pieces: tuple[str, bytes, int], secrets=(), **options) -> Transcript:
    transcript = Transcript(log, secrets, **options)
    for piece in pieces:
        transcript.feed(*piece)
    transcript.close()
    return transcript


class TestLog:
    def test_one_line_per_piece(self, log):
        transcript = written(log, ("o", b"one\ntwo\n", 5), ("e", b"three\n", 70))
        assert log.read_bytes() == b"5 o one\n5 o two\n70 e three\n"
        assert transcript.log_bytes == log.stat().st_size
        assert transcript.error == ""

    def test_it_is_private_and_its_folder_is_made(self, log):
        written(log)
        assert stat.S_IMODE(log.stat().st_mode) == 0o600

    def test_a_line_split_over_reads_is_one_line(self, log):
        written(log, ("o", b"one ", 5), ("e", b"in between\n", 6), ("o", b"line\n", 7))
        assert log.read_bytes() == b"6 e in between\n7 o one line\n"

    def test_it_can_be_read_while_it_grows(self, log):
        transcript = Transcript(log)
        transcript.feed("o", b"one\n", 1)
        first = read(log, 0)
        transcript.feed("o", b"two\n", 2)
        assert first == Page([Line(1, "o", "one")], 8)
        assert read(log, first.next_offset).lines == [Line(2, "o", "two")]
        transcript.close()

    def test_a_prompt_is_shown_after_half_a_second_and_then_only_once(self, log):
        transcript = Transcript(log)
        transcript.feed("o", b"Continue? ", 1000)
        transcript.tick(1100)
        assert texts(log) == []
        transcript.tick(1500)
        transcript.tick(3000)
        assert texts(log) == ["Continue? "]
        transcript.feed("o", b"yes\n", 4000)
        transcript.close()
        assert texts(log) == ["Continue? ", "yes"]

    def test_what_has_no_newline_at_the_end_is_there(self, log):
        written(log, ("o", b"no newline", 3))
        assert texts(log) == ["no newline"]

    def test_windows_line_ends_are_one_line_end(self, log):
        written(log, ("o", b"one\r\n\r\ntwo\r\n", 3))
        assert texts(log) == ["one", "", "two"]

    def test_colours_stay_and_nul_goes(self, log):
        written(log, ("o", b"\x1b[31mr\0ed\x1b[0m\n", 3))
        assert texts(log) == ["\x1b[31mred\x1b[0m"]

    def test_a_character_split_over_reads_is_whole(self, log):
        euro = "€".encode()
        written(
            log, ("o", b"5 " + euro[:1], 1), ("e", euro[:2], 1), ("o", euro[1:] + b"\n", 2), ("e", euro[2:] + b"\n", 3)
        )
        assert (texts(log), texts(log, "e")) == (["5 €"], ["€"])

    def test_bytes_that_are_no_text_are_marked(self, log):
        written(log, ("o", b"a\xff\xed\xa0\x80b\n", 1), ("o", b"\xe2\x82", 2))
        assert texts(log) == ["a\ufffd\ufffd\ufffd\ufffdb", "\ufffd"]

    def test_a_long_line_comes_in_bearable_pieces(self, log):
        written(log, ("o", b"x" * 100_000 + b"\n", 1))
        assert "".join(texts(log)) == "x" * 100_000
        assert max(map(len, texts(log))) <= 16 * 1024

    def test_a_secret_never_reaches_it(self, log):
        written(
            log,
            ("o", b"the password is sword", 1),
            ("o", b"fish, in base64 " + base64.b64encode(b"user:swordfish") + b"\n", 2),
            ("e", b"sword\0fish\n", 3),
            secrets=["swordfish"],
        )
        assert texts(log, "e") == ["***"]
        assert texts(log)[0].startswith("the password is ***, in base64 ")
        assert texts(log)[0].count("***") == 2

    def test_a_remark_is_a_line_of_our_own_and_masked_too(self, log):
        transcript = Transcript(log, ["swordfish"])
        transcript.feed("o", b"unfinished", 1)
        transcript.remark("ended after 300 s, with swordfish", 300_000)
        transcript.close()
        assert read(log, 0).lines[0] == Line(300_000, "r", "ended after 300 s, with ***")
        assert transcript.stdout == "unfinished"

    def test_a_real_child_can_be_written_down(self, log, tmp_path):
        transcript = Transcript(log, ["swordfish"])
        script = "echo out; echo err >&2; printf 'sword'; sleep 0.1; printf 'fish'; printf '\\xff\\0'"
        result = run(
            ["/bin/bash", "-c", script],
            env={"PATH": "/usr/bin:/bin"},
            cwd=tmp_path,
            on_output=transcript.feed,
            on_tick=transcript.tick,
        )
        transcript.close()
        assert result.ok
        assert (transcript.stdout, transcript.stderr) == ("out\n***\ufffd", "err\n")
        assert (texts(log), texts(log, "e")) == (["out", "***\ufffd"], ["err"])


class TestLimit:
    def numbered(self, count: int) -> list[bytes]:
        return [f"line {number:06}\n".encode() for number in range(count)]

    def test_head_gap_and_tail(self, log):
        lines = self.numbered(10_000)
        written(log, *(("o", line, 7) for line in lines), limit=LIMIT)
        assert log.stat().st_size <= LIMIT
        shown = texts(log)
        assert (shown[0], shown[-1]) == ("line 000000", "line 009999")
        (gap,) = texts(log, "g")
        assert gap == f"{12 * (10_000 - len(shown))} bytes left out"
        assert shown == sorted(shown)

    def test_the_head_is_final_and_offsets_never_move(self, log):
        transcript = Transcript(log, limit=LIMIT)
        for line in self.numbered(5000):
            transcript.feed("o", line, 7)
        head = log.read_bytes()
        page = read(log, 0)
        transcript.close()
        assert log.read_bytes().startswith(head)
        assert read(log, page.next_offset).lines[0].stream == "g"

    def test_what_just_fits_has_no_gap(self, log):
        lines = self.numbered(490)  # 16 bytes each in the file: more than the head holds, less than the limit
        written(log, *(("o", line, 7) for line in lines), limit=LIMIT)
        assert texts(log) == [line.decode().strip() for line in lines]
        assert texts(log, "g") == []

    @pytest.mark.parametrize(
        "data", [b"\n", b"\xff", b"\xff\n", b"\0", b"x", b"ab\r\n", "€\n".encode(), b"\x1b[31m\n", b"swordfish\n"]
    )
    @pytest.mark.parametrize("size", [1, 700, 100_000])
    def test_whatever_the_bytes_are(self, log, data, size):
        piece = data * max(1, size // len(data))
        pieces = [("o" if number % 3 else "e", piece, number * 200) for number in range(400_000 // max(size, 500))]
        transcript = written(log, *pieces, limit=LIMIT, secrets=["swordfish"])
        assert transcript.log_bytes == log.stat().st_size <= LIMIT

    def test_one_huge_read_is_cut_as_well(self, log):
        written(log, ("o", b"".join(self.numbered(100_000)), 1), limit=LIMIT)
        assert (texts(log)[0], texts(log)[-1]) == ("line 000000", "line 099999")
        assert log.stat().st_size <= LIMIT

    def test_a_quiet_stream_goes_on_where_the_head_left_it(self, log):
        flood = [("o", line, 7) for line in self.numbered(5000)]
        written(log, ("e", b"half a ", 1), *flood, ("e", b"line\n", 9), limit=LIMIT)
        assert texts(log, "e") == ["half a line"]

    def test_a_secret_cut_by_the_gap_leaves_nothing(self, log):
        secret = "The-quick-brown-fox-jumps-over-the-lazy-dog"
        for shift in range(0, len(secret) + 3, 2):
            data = b"." * shift + secret.encode() * 6000
            transcript = written(
                log,
                *(("o", data[at : at + 999], 1) for at in range(0, len(data), 999)),
                limit=LIMIT,
                secrets=[secret],
                row_limit=1000,
            )
            assert texts(log, "g")
            for text in (log.read_text(), transcript.stdout):
                assert not re.search("[A-Zac-np-tv-z]{2}", text.replace("bytes left out", "")), shift

    def test_byte_by_byte_takes_no_more_memory(self, log):
        transcript = Transcript(log, limit=LIMIT)
        for number in range(50_000):
            transcript.feed("o", b"x", number // 10)
        entries = transcript._ring.entries
        assert sum(len(entry.data) for entry in entries) < 4 * LIMIT
        assert len(entries) < 100
        transcript.close()

    @given(st.lists(st.tuples(st.sampled_from("oe"), st.binary(max_size=600), st.integers(0, 300)), max_size=60))
    def test_no_output_breaks_it(self, tmp_path_factory, pieces):
        log = tmp_path_factory.mktemp("log") / "log"
        transcript = written(log, *pieces, limit=4096, row_limit=512, secrets=["swordfish"])
        assert log.stat().st_size == transcript.log_bytes <= 4096
        for text in (transcript.stdout, transcript.stderr):
            assert len(text.encode()) <= 512
            assert "\0" not in text
            assert "\x1b" not in text


class TestRow:
    def test_a_short_output_is_there_as_it_was(self):
        transcript = written(None, ("o", b"one\ntw", 1), ("o", b"o\n", 2), ("e", b"three", 3))
        assert (transcript.stdout, transcript.stderr) == ("one\ntwo\n", "three")
        assert transcript.log_bytes == 0

    def test_of_a_long_one_head_and_tail(self):
        lines = b"".join(b"line %06d\n" % number for number in range(20_000))
        text = written(None, ("o", lines, 1), row_limit=1000).stdout
        assert len(text.encode()) <= 1000
        assert text.startswith("line 000000\nline 000001\n")
        assert text.endswith("line 019998\nline 019999\n")
        left_out = int(re.search(r"\n\.\.\. (\d+) bytes left out \.\.\.\n", text)[1])
        assert left_out == len(lines) - len(text) + len(f"\n... {left_out} bytes left out ...\n")

    def test_a_little_too_long_is_cut_in_the_middle(self):
        text = written(None, ("o", b"a" * 600 + b"b" * 600, 1), row_limit=1000).stdout
        assert re.fullmatch(r"a+\n\.\.\. \d+ bytes left out \.\.\.\nb+", text)
        assert len(text) <= 1000

    def test_colours_are_left_out(self):
        data = b"\x1b[1;31mred\x1b[0m \x1b]8;;http://x\x07link\x1b]8;;\x1b\\ \x1b(Bplain\x1b[K\x1b7\x1b\n\x1b[3"
        assert written(None, ("o", data, 1)).stdout == "red link plain\n"

    def test_a_secret_with_a_colour_in_it_is_masked(self):
        data = b"password: sword\x1b[1;31mfish\x1b[0m\n"
        assert written(None, ("o", data, 1), secrets=["swordfish"]).stdout == "password: ***\n"

    def test_a_colour_that_is_cut_leaves_nothing(self):
        for shift in range(12):
            data = b"." * shift + b"\x1b[31mx\x1b[0m" * 5000 + b"." * shift
            text = written(None, ("o", data, 1), row_limit=1000).stdout
            assert re.fullmatch(r"[.x]+\n\.\.\. \d+ bytes left out \.\.\.\nx+\.*", text), shift

    def test_half_a_character_is_left_out_where_it_is_cut(self):
        for shift in range(3):
            data = b"." * shift + "€".encode() * 5000 + b"." * shift
            text = written(None, ("o", data, 1), row_limit=1000).stdout
            assert re.fullmatch(r"\.*€+\n\.\.\. \d+ bytes left out \.\.\.\n€+\.*", text), shift

    def test_it_is_always_valid_text(self):
        text = written(None, ("o", b"\xed\xa0\x80\0\xff", 1)).stdout
        assert text.encode().decode() == text
        assert "\0" not in text

    def test_much_output_is_not_kept(self):
        transcript = Transcript(None, row_limit=1000)
        for _ in range(1000):
            transcript.feed("o", b"x" * 999, 1)
        assert len(transcript._excerpts["o"]._tail) < 10_000


class TestALogThatCannotBeWritten:
    def test_a_file_where_its_folder_should_be(self, tmp_path):
        (tmp_path / "executions").write_text("in the way")
        transcript = written(tmp_path / "executions" / "1.log", ("o", b"still there\n", 1))
        assert "could not be written" in transcript.error
        assert (transcript.stdout, transcript.log_bytes) == ("still there\n", 0)

    def test_a_full_disk(self):
        transcript = Transcript(Path("/dev/full"))
        transcript.feed("o", b"one\n", 1)
        transcript.feed("o", b"two\n", 2)
        transcript.tick(1000)
        transcript.remark("three", 3)
        transcript.close()
        assert "No space left on device" in transcript.error
        assert (transcript.stdout, transcript.log_bytes) == ("one\ntwo\n", 0)

    def test_closing_twice_is_fine(self, log):
        transcript = written(log, ("o", b"x", 1))
        transcript.close()
        assert texts(log) == ["x"]


class TestRead:
    @pytest.fixture
    def three(self, log) -> Path:
        written(log, ("o", b"one\n", 1), ("e", b"two and \xe2\x82\xac\n", 2), ("o", b"three\n", 3))
        return log

    def test_all_of_it(self, three):
        page = read(three, 0)
        assert page.lines == [Line(1, "o", "one"), Line(2, "e", "two and €"), Line(3, "o", "three")]
        assert page.next_offset == three.stat().st_size
        assert read(three, page.next_offset) == Page([], page.next_offset)

    def test_page_by_page_every_line_comes_once(self, three):
        for limit in range(1, 60):
            lines, offset = [], 0
            while (page := read(three, offset, limit)).lines:
                lines += page.lines
                offset = page.next_offset
            assert lines == read(three, 0).lines, limit

    def test_an_offset_inside_a_line_goes_on_with_the_next(self, three):
        assert read(three, 3).lines[0] == Line(2, "e", "two and €")
        assert read(three, -5).lines[0] == Line(1, "o", "one")

    def test_an_offset_past_the_end_is_the_end(self, three):
        assert read(three, 10_000) == Page([], three.stat().st_size)

    def test_a_missing_file_is_an_empty_page(self, tmp_path):
        assert read(tmp_path / "no.log", 0) == Page([], 0)

    def test_a_line_that_is_still_being_written_is_not_shown_yet(self, log):
        log.parent.mkdir()
        log.write_bytes(b"1 o one\n2 o tw")
        page = read(log, 0)
        assert page == Page([Line(1, "o", "one")], 8)
        assert read(log, 8) == Page([], 8)
        with log.open("ab") as file:
            file.write(b"o\n")
        assert read(log, 8).lines == [Line(2, "o", "two")]

    def test_strange_separators_inside_a_line_do_not_split_it(self, log):
        written(log, ("o", "a\u2028b\x0bc\x85d\rprogress\n".encode(), 1))
        assert texts(log) == ["a\u2028b\x0bc\x85d\rprogress"]

    def test_a_damaged_line_is_shown_as_it_is(self, log):
        log.parent.mkdir()
        log.write_bytes(b"\xff nonsense\n\n7\n")
        assert [line.text for line in read(log, 0).lines] == ["\ufffd nonsense", "", ""]
