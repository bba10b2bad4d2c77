"""Scripts that go from one installation to another, and what arrives beside what is there."""

import errno
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from borgui import commands
from scripts_library import assignments, library, lint, new_files, package, sharing, uploads
from scripts_library.errors import NameTaken, ReadOnly, Refused
from scripts_library.models import RepositoryScript, Script, ScriptExecution, ScriptRevision
from scripts_library.package import Packed
from scripts_library.store import NotWritten
from tests.rest import Rest, fields_of, make_user

from .conftest import TEXT, block
from .packages import good

pytestmark = pytest.mark.django_db

DUMP = block(
    'name = "Dump"', 'hooks = ["pre-backup"]', "", "[[parameters]]", 'name = "HOST"', "", "[[parameters]]",
    'name = "DAYS"', 'type = "integer"', "", "[[parameters]]", 'name = "PASSWORD"', 'type = "secret"',
)  # fmt: skip


def is_like(script: Script) -> dict[str, Any]:
    names = ("name", "description", "timeout", "run_on", "parameters", "sha256", "manifest")
    return {name: getattr(script, name) for name in names}


def empty_the_library(folder: Path) -> None:
    Script.objects.all().delete()
    for path in folder.iterdir():
        path.unlink()


# --- from one installation to another ---------------------------------------------------------------------------------
def test_what_arrives_is_what_left_but_for_secrets(make_script: Callable[..., Script], folder: Path) -> None:
    values = {"HOST": "db 'one'", "DAYS": 7, "PASSWORD": "hush hush"}
    left = [
        make_script("Windows: überall", "#!/bin/sh\r\necho one \r\n", description="two\nlines", timeout=17),
        make_script("Dump", DUMP, parameters=values, run_on="always"),
        make_script("No end", "\ufeffecho"),
    ]
    before = {script.name: is_like(script) for script in left}
    raw = sharing.export(left)
    assert b"hush hush" not in json.dumps([one.content for one in package.read(raw)]).encode()
    empty_the_library(folder)

    made = sharing.take([(one.name, one) for one in package.read(raw)])

    del before["Dump"]["parameters"]["PASSWORD"]
    assert {script.name: is_like(Script.objects.get(pk=script.pk)) for script in made} == before
    for script in made:
        assert library.look(script).state == library.SAME
        assert script.revisions.get().source == ScriptRevision.Source.PACKAGE
    assert sharing.export(Script.objects.all()) == raw
    assert sorted(path.read_bytes() for path in folder.iterdir()) == sorted(
        text.encode() for text in ("#!/bin/sh\r\necho one \r\n", DUMP, "\ufeffecho")
    )


def test_a_script_with_a_broken_block_can_travel(folder: Path, make_script: Callable[..., Script]) -> None:
    script = make_script("Broken", DUMP, parameters={"HOST": "db"})
    broken = DUMP.replace("hooks = [", "hooks = ")
    (folder.parent / script.file_path).write_text(broken)

    [one] = package.read(sharing.export([script]))
    [arrived] = sharing.take([("Again", one)])

    assert (one.content, arrived.manifest["errors"] != []) == (broken, True)


def test_a_script_whose_file_is_gone_leaves_with_its_last_text(
    folder: Path, make_script: Callable[..., Script]
) -> None:
    script = make_script("Stop")
    (folder.parent / script.file_path).unlink()

    assert [one.content for one in package.read(sharing.export([script]))] == [TEXT]


def test_an_edit_from_outside_leaves_as_it_is_on_disk(folder: Path, make_script: Callable[..., Script]) -> None:
    script = make_script("Stop")
    (folder.parent / script.file_path).write_text("#!/bin/sh\necho two\n")

    assert [one.content for one in package.read(sharing.export([script]))] == ["#!/bin/sh\necho two\n"]


# --- beside what is there ---------------------------------------------------------------------------------------------
def test_each_is_new_or_here_or_has_a_name_that_is_taken(make_script: Callable[..., Script]) -> None:
    here, taken = make_script("Here", "echo here"), make_script("Taken", "echo mine", timeout=17)
    arriving = [
        Packed("New", "echo new"), Packed("Other name", "echo here"), Packed("Here", "echo here", timeout=60),
        Packed("Taken", "echo theirs"),
    ]  # fmt: skip

    new, renamed, same, clash = sharing.review(arriving)

    assert (new.is_new, new.free_name) == (True, "New")
    assert (renamed.same, renamed.differing_settings) == (here, [])
    assert (same.same, same.differing_settings) == (here, ["timeout"])
    assert (clash.clash, clash.free_name, clash.is_new) == (taken, "Taken (2)", False)


def test_of_two_scripts_with_the_same_text_the_one_of_that_name_is_meant(make_script: Callable[..., Script]) -> None:
    make_script("A", "echo same")
    of_that_name = make_script("B", "echo same")

    [offer] = sharing.review([Packed("B", "echo same")])

    assert offer.same == of_that_name


def test_all_are_stored_or_none(
    make_script: Callable[..., Script], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_script("Taken")
    before = sorted(folder.iterdir())
    chosen = [(name, Packed(name, f"echo {name}")) for name in ("A", "B", "Taken")]

    with pytest.raises(NameTaken, match="'Taken'"):
        sharing.take(chosen)
    with pytest.raises(NameTaken, match="'A'"):
        sharing.take([chosen[0], chosen[0]])
    for number in (1, 2, 3):  # the second text, the first rename, the last thing before the commit
        with monkeypatch.context() as full:
            name, step = failing(number)
            full.setattr(f"scripts_library.new_files.{name}", step)
            with pytest.raises(NotWritten, match="No space left"):
                sharing.take(chosen[:2])

    assert (Script.objects.count(), sorted(folder.iterdir())) == (1, before)


def failing(number: int) -> tuple[str, Any]:
    """A step of `new_files` for which there is no room."""
    written = new_files.write_draft

    def no_room(*args: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def write(path: Path, raw: bytes, status: None) -> None:
        written(path, raw, status)
        if b"echo B" in raw:
            no_room()

    steps = {1: ("write_draft", write), 2: ("os.replace", no_room), 3: ("sync_folder", no_room)}
    return steps[number]


def test_nothing_is_stored_where_script_files_are_read_only(folder: Path, settings: Settings) -> None:
    settings.SCRIPTS_READONLY = True
    with pytest.raises(ReadOnly):
        sharing.take([("A", Packed("A", "echo"))])
    assert not Script.objects.exists()


def test_what_a_killed_process_was_writing_is_removed_after_a_while(make_script: Any, folder: Path) -> None:
    script = make_script("One")
    old, fresh, mine = (folder / name for name in (f".{'a' * 16}.new", f".{'b' * 16}.new", ".mine.new"))
    for path in (old, fresh, mine):
        path.write_text("half of a scr")
    for path in (old, mine):
        os.utime(path, (1000, 1000))

    assert new_files.remove_drafts(library.store(), 3600) == 1
    assert {*folder.iterdir()} == {fresh, mine, folder.parent / script.file_path}


# --- packages that wait -----------------------------------------------------------------------------------------------
@pytest.fixture
def cache(settings: Settings, tmp_path: Path) -> Path:
    settings.CACHE_DIR = tmp_path / "cache"
    return tmp_path / "cache" / "packages"


def test_a_package_waits_for_its_sender_alone(cache: Path) -> None:
    name = uploads.keep(b"package", 1)

    assert uploads.load(name, 1) == b"package"
    assert [path.stat().st_mode & 0o777 for path in cache.iterdir()] == [0o600]
    for who, what in ((2, name), (1, "0" * 32), (1, "../../secret"), (1, "")):
        with pytest.raises(uploads.Gone):
            uploads.load(what, who)
    uploads.forget(name, 1)
    uploads.forget(name, 1)
    with pytest.raises(uploads.Gone):
        uploads.load(name, 1)


def test_of_many_packages_of_one_person_the_newest_wait(cache: Path) -> None:
    other = uploads.keep(b"other", 2)
    names = []
    for number in range(uploads.MOST_OF_ONE + 2):
        names.append(uploads.keep(b"package", 1))
        os.utime(cache / f"1-{names[-1]}", (1000 + number, 1000 + number))

    assert {path.name for path in cache.iterdir()} == {f"2-{other}", *(f"1-{name}" for name in names[2:])}


def test_what_waited_for_a_day_is_removed(cache: Path) -> None:
    old, new = uploads.keep(b"old", 1), uploads.keep(b"new", 1)
    yesterday = time.time() - uploads.KEPT_FOR - 60
    os.utime(cache / f"1-{old}", (yesterday, yesterday))

    assert uploads.age_out() == 1
    assert uploads.load(new, 1) == b"new"


# --- the pages --------------------------------------------------------------------------------------------------------
def send(client: Client, raw: bytes, **options: Any) -> HttpResponse:
    return client.post("/scripts/import/", {"package": SimpleUploadedFile("p.tar.gz", raw)}, **options)


def body(answer: HttpResponse) -> str:
    return answer.content.decode()


def test_a_package_is_looked_at_before_anything_is_stored(client: Client, make_script: Any, cache: Path) -> None:
    make_script("Taken", "echo mine\n")
    make_script("Here", "echo here\n")
    raw = package.write(
        [
            Packed("Here", "echo here\n", timeout=60), Packed("Taken", "echo theirs\n"),
            Packed("Dump <b>", DUMP, description="Dumps.", parameters={"HOST": "db one"}),
            Packed("Careless", "#!/bin/sh\nrm -rf $X/\n"), Packed("Long", "#!/bin/sh\n: " + "echo long " * 5000),
        ]
    )  # fmt: skip
    answer = send(client, raw, follow=True)
    place, shown = answer.redirect_chain[0][0], body(answer)

    assert Script.objects.count() == 2
    for said in (
        "5 scripts in this package", "Nothing is stored yet", "Dump &lt;b&gt;", "(secret, to be typed here)", "db one",
        "1 is here already", "Its settings differ: timeout.", 'value="Taken (2)"', "found by ShellCheck", "rm -rf $X/",
    ):  # fmt: skip
        assert said in shown
    assert shown.count("checked") == 3
    assert shown.count("echo long") == 0
    assert body(client.get(f"{place}1/")).count("PASSWORD") > 1
    assert "echo theirs" in body(client.get(f"{place}4/"))
    assert "From the script that is here to this one" in body(client.get(f"{place}4/"))
    assert body(client.get(f"{place}3/")).count("echo long") == 5000
    assert client.get(f"{place}5/").status_code == 404

    taken = client.post(place, {"take": ["0", "1", "4"], "name.4": "Theirs"}, follow=True)

    assert "In the library now: &#x27;Careless&#x27;, &#x27;Dump &lt;b&gt;&#x27;, &#x27;Theirs&#x27;." in body(taken)
    assert sorted(Script.objects.values_list("name", flat=True)) == ["Careless", "Dump <b>", "Here", "Taken", "Theirs"]
    assert not RepositoryScript.objects.exists()
    assert not ScriptExecution.objects.exists()
    assert "no longer here" in body(client.get(place))
    assert list(cache.iterdir()) == []


def test_a_name_that_is_taken_is_asked_for_again_and_nothing_typed_is_lost(
    client: Client, make_script: Any, cache: Path
) -> None:
    make_script("One", "echo mine\n")
    make_script("Two")
    place = send(client, good())["Location"]

    for name, problem in (("Two", "There is a script named &#x27;Two&#x27; already."), ("", "Give it a name.")):
        answer = client.post(place, {"take": "0", "name.0": name})
        assert answer.status_code == 422
        assert problem in body(answer)
        assert f'value="{name}"' in body(answer)
    assert "Choose at least one script." in body(client.post(place, {}))
    assert "no script of the package" in body(client.post(place, {"take": "7"}))
    assert Script.objects.count() == 2


def test_two_of_a_package_cannot_be_taken_under_one_name(client: Client, make_script: Any, cache: Path) -> None:
    make_script("B", "echo mine\n")
    place = send(client, package.write([Packed("A", "echo a\n"), Packed("B", "echo b\n")]))["Location"]

    assert "Another chosen script has this name." in body(client.post(place, {"take": ["0", "1"], "name.1": "A"}))


def test_what_is_no_package_is_said_and_not_kept(client: Client, folder: Path, cache: Path) -> None:
    assert "This is no .tar.gz file." in body(send(client, b"hello"))
    assert "Choose a file." in body(client.post("/scripts/import/", {}))
    too_large = send(client, os.urandom(8 * 1024 * 1024 + 100_000))
    assert (too_large.status_code, "larger than 8 MiB" in body(too_large)) == (422, True)
    assert send(client, os.urandom(9 * 1024 * 1024)).status_code == 413  # not one byte of it is read
    assert not cache.exists()


def test_a_package_that_was_sent_can_be_forgotten(client: Client, folder: Path, cache: Path) -> None:
    place = send(client, good())["Location"]

    assert "Nothing of it was stored." in body(client.post(f"{place}cancel/", follow=True))
    assert client.get(place).status_code == 404
    assert client.get("/scripts/import/nonsense/").status_code == 404


def test_somebody_else_does_not_see_what_was_sent(client: Client, folder: Path, cache: Path) -> None:
    place = send(client, good())["Location"]
    other = Client(headers={"Host": "localhost"})
    other.force_login(make_user("berta"))

    assert other.get(place).status_code == 404


def test_a_stranger_sends_nothing_and_a_forged_form_neither(client: Client, folder: Path, cache: Path) -> None:
    assert send(Client(headers={"Host": "localhost"}), good()).status_code == 401
    strict = Client(headers={"Host": "localhost"}, enforce_csrf_checks=True)
    strict.force_login(make_user("berta"))
    assert send(strict, good()).status_code == 403
    assert not cache.exists()


def test_only_the_first_scripts_are_checked_on_the_page_of_all(
    client: Client, folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []
    monkeypatch.setattr(lint, "check", lambda text: checked.append(text) or lint.Report("nobody"))
    raw = package.write([Packed(f"{number:04}", f"echo {number}\n") for number in range(1000)])

    shown = body(send(client, raw, follow=True))

    assert (len(checked), shown.count("Not checked here; its own page does.")) == (20, 980)


def test_a_package_of_many_scripts_is_taken_whole(client: Client, folder: Path, cache: Path) -> None:
    raw = package.write([Packed(f"{number:04}", f"echo {number}\n") for number in range(200)])
    place = send(client, raw)["Location"]

    client.post(place, {"take": [str(number) for number in range(200)]})

    assert Script.objects.count() == 200
    assert sharing.export(Script.objects.all()) == raw


def test_the_page_of_the_export_offers_what_the_list_shows(client: Client, make_script: Any) -> None:
    one, two = make_script("Stop it", "echo 1"), make_script("Start it", "echo 2")

    def ticks(**query: Any) -> list[int]:
        shown = body(client.get("/scripts/export/", query))
        return [script.pk for script in (one, two) if f'id="script-{script.pk}" checked' in shown]

    assert ticks() == [one.pk, two.pk]
    assert ticks(search="Stop") == [one.pk]
    assert ticks(script=two.pk) == [two.pk]
    assert ticks(none="") == []
    assert "search=Stop" in body(client.get("/scripts/", {"search": "Stop"}))


def test_the_export_is_a_file_of_what_is_ticked(client: Client, make_script: Any) -> None:
    one = make_script("Stop it", "echo 1")
    make_script("Start it", "echo 2")

    answer = client.post("/scripts/export/", {"script": str(one.pk)})

    assert answer["Content-Disposition"] == 'attachment; filename="borgui-scripts.tar.gz"'
    assert [script.name for script in package.read(answer.content)] == ["Stop it"]
    for data in ({}, {"script": "999"}, {"script": "x"}):
        refused = client.post("/scripts/export/", data)
        assert (refused.status_code, "<h1>Export scripts" in body(refused)) == (422, True)


# --- the commands -----------------------------------------------------------------------------------------------------
def manage(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    call_command(*arguments, "--json")
    return json.loads(capsys.readouterr().out)


def test_the_commands_carry_scripts_over(
    make_script: Any, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / "my scripts.tar.gz")
    one, two = make_script("Stop it", "echo 1"), make_script("Start it", "rm -rf $X/\n")
    said = manage(capsys, "export_scripts", path)
    assert said == {"path": path, "bytes": os.path.getsize(path), "scripts": ["Start it", "Stop it"]}
    assert manage(capsys, "export_scripts", path, "Stop it", str(two.pk))["scripts"] == ["Start it", "Stop it"]
    assert [entry["state"] for entry in manage(capsys, "import_scripts", path)["scripts"]] == ["same", "same"]
    empty_the_library(folder)

    foreseen = manage(capsys, "import_scripts", path, "--dry-run")["scripts"]
    assert [(entry["name"], entry["state"], entry["findings"] > 0) for entry in foreseen] == [
        ("Start it", "new", True), ("Stop it", "new", False),
    ]  # fmt: skip
    assert not Script.objects.exists()
    [entry] = manage(capsys, "import_scripts", path, "--only", "Stop it")["scripts"]
    assert (entry["state"], entry["id"]) == ("imported", Script.objects.get().pk)
    assert one.name == Script.objects.get().name


def test_a_name_that_is_taken_ends_the_command_with_1(
    make_script: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "p.tar.gz").write_bytes(package.write([Packed("One", "echo theirs"), Packed("Two", "echo two")]))
    make_script("One", "echo mine")

    with pytest.raises(SystemExit, match="1"):
        call_command("import_scripts", str(tmp_path / "p.tar.gz"))
    assert capsys.readouterr().out.splitlines() == ["name taken: One", "imported: Two"]
    call_command("import_scripts", str(tmp_path / "p.tar.gz"), "--rename")
    assert capsys.readouterr().out.splitlines() == ["imported: One (as One (2))", "here already: Two"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["import_scripts", "/nonexistent"], "cannot be read: No such file"),
        (["import_scripts", "/etc/passwd"], "no .tar.gz"),
        (["export_scripts", "/nonexistent/p.tar.gz"], "cannot be written|No script was chosen"),
        (["export_scripts", "p.tar.gz", "Nobody"], "There is no script 'Nobody'"),
        (["export_scripts", "-", "--json"], "cannot both go"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(folder: Path, arguments: list[str], said: str) -> None:
    with pytest.raises(commands.Refused, match=said) as refused:
        call_command(*arguments)
    assert refused.value.returncode == 64


def test_an_export_that_cannot_be_written_leaves_what_was_there(make_script: Any, tmp_path: Path) -> None:
    make_script("One")
    (tmp_path / "taken").mkdir()

    with pytest.raises(commands.Refused, match="cannot be written"):
        call_command("export_scripts", str(tmp_path / "taken"))
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


# --- the API ----------------------------------------------------------------------------------------------------------
def post(api: Rest, raw: bytes, query: str = "") -> HttpResponse:
    return api.client.generic("POST", f"/api/scripts/import{query}", raw, content_type="application/gzip")


def test_a_program_carries_scripts_over(make_script: Any, folder: Path) -> None:
    one, _ = make_script("One", "echo 1"), make_script("Two", "echo 2")
    reader, writer = Rest("read"), Rest()
    both, only_one = reader.get("/scripts/export"), reader.get("/scripts/export", id=one.pk)
    assert both["Content-Type"] == "application/gzip"
    assert [script.name for script in package.read(only_one.content)] == ["One"]
    assert reader.get("/scripts/export", id=999).status_code == 404
    empty_the_library(folder)

    assert post(reader, both.content).status_code == 403
    dry = post(writer, both.content, "?dry_run=true&only=One").json()["scripts"]
    assert dry == [{"name": "One", "state": "new", "as": "One", "id": None, "findings": 0}]
    done = post(writer, both.content).json()["scripts"]
    assert [(entry["as"], entry["state"]) for entry in done] == [("One", "imported"), ("Two", "imported")]
    assert [entry["id"] for entry in done] == list(Script.objects.order_by("name").values_list("pk", flat=True))


def test_what_a_program_sends_may_be_refused(make_script: Any) -> None:
    api = Rest()
    make_script("One", "echo mine")

    assert post(api, good()).json()["scripts"][0]["state"] == "clash"
    assert post(api, good(), "?rename=true").json()["scripts"][0]["as"] == "One (2)"
    assert post(api, b"nonsense").status_code == 409
    assert "larger than 8 MiB" in post(api, os.urandom(8 * 1024 * 1024 + 1)).json()["detail"]
    assert fields_of(post(api, good(), "?only=Nobody")) == ["only"]


def test_an_import_never_touches_what_runs(make_script: Any, make_repository: Any, folder: Path) -> None:
    script = make_script("One", "echo mine")
    entry = assignments.assign(make_repository().pk, script, "pre-backup")
    with pytest.raises(Refused):
        sharing.take([("One", Packed("One", "echo theirs"))])
    entry.refresh_from_db()
    assert (entry.script_id, library.look(entry.script).state) == (script.pk, library.SAME)
