"""What comes along, what is left out, and that importing twice adds nothing."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from backups import inline_undo, ssh
from backups.borg_ui_import import applying, planning, reading
from backups.borg_ui_import.planned import Plan
from backups.models import ImportedRow, Repository, ScheduledJob
from scripts_library import library
from scripts_library.models import RepositoryScript, Script

from .over_there import OLD, OverThere, sealed

pytestmark = pytest.mark.django_db

COLUMNS = ("script__name", "enabled", "custom_timeout", "custom_run_on", "on_failure", "parameters")


def imported(there: OverThere, **options: Any) -> Plan:
    return applying.run(reading.read(there.folder), **options)


def planned(there: OverThere) -> Plan:
    return planning.of(reading.read(there.folder))


def chain(name: str, hook: str) -> list[tuple[Any, ...]]:
    found = RepositoryScript.objects.filter(repository__name=name, hook_type=hook).in_order()
    return list(found.values_list(*COLUMNS))


def said_of(plan: Plan, about: str) -> str:
    return " ".join(one.text for one in plan.differences if one.about == about)


def left_out(plan: Plan, name: str) -> str:
    return " ".join(one.reason for one in plan.books.left_out if one.name == name)


def warned(plan: Plan, name: str) -> str:
    return " ".join(next(one for one in plan.repositories if one.name == name).warnings)


# --- everything together ----------------------------------------------------------------------------------------------
def test_every_row_of_every_table_has_a_fate_and_nothing_was_written(usual_one: OverThere) -> None:
    before, counts = usual_one.state(), usual_one.counts()
    plan = imported(usual_one)
    rows = plan.books.rows()
    assert {name: one["rows"] for name, one in rows.items()} == {name: count for name, count in counts.items() if count}
    for one in rows.values():
        assert one["rows"] == one["imported"] + one["there_already"] + one["left_out"]
    whole = [one for one in plan.books.left_out if one.id is None]
    told = {(one.table, one.id) for one in plan.books.left_out if one.id is not None}
    assert sum(one.count for one in whole) + sum(
        fate == "left_out" for fates in plan.books.fates.values() for fate in fates.values()
    ) == sum(one["left_out"] for one in rows.values())
    for table, fates in plan.books.fates.items():
        assert {(table, pk) for pk, fate in fates.items() if fate == "left_out"} <= told
    assert rows["repositories"] == {"rows": 4, "imported": 4, "there_already": 0, "left_out": 0}
    assert all(one.reason for one in plan.books.left_out)
    assert usual_one.state() == before


def test_scripts_run_around_a_repository_as_they_did(usual_one: OverThere) -> None:
    imported(usual_one)
    assert chain("photos", "pre-backup") == [("Stop", True, None, None, "skip", {"CONTAINERS": "immich"})]
    assert chain("photos", "post-backup") == [
        ("Start", True, 600, None, "continue", {"CONTAINERS": "immich"}),
        ("Ping", True, None, "always", "continue", {"API_TOKEN": {"secret": "made up 4"}}),
    ]
    ping, start = Script.objects.get(name="Ping"), Script.objects.get(name="Start")
    assert (ping.timeout, ping.run_on, ping.hooks) == (120, "failure", [])
    assert [(one["name"], one["type"], one["default"]) for one in ping.manifest["parameters"]] == [
        ("API_TOKEN", "secret", None),
        ("URL", "text", "http://127.0.0.1"),
    ]
    text = library.store().read(start.file_path).content
    assert text.startswith("#!/bin/bash\n")
    assert text.endswith("\ndocker start ${CONTAINERS}\n")


def test_repositories_keep_inline_texts_and_passphrases_and_delete_nothing(usual_one: OverThere) -> None:
    imported(usual_one)
    away, photos = Repository.objects.get(name="web off-site"), Repository.objects.get(name="photos")
    assert away.pre_backup_script == "#!/bin/bash\r\ndocker stop -t 5 web db\r\n"
    assert (away.path, away.passphrase) == ("ssh://u1@backup.example.net:23/./web", "made up 1")
    assert (photos.passphrase, photos.compression, photos.keep_daily) == ("made up 2", "zstd,3", 9)
    assert all(one.connected and one.untried and not one.may_prune and not one.prune_after for one in (away, photos))


def test_an_inline_text_with_parameters_becomes_a_script_that_has_them(usual_one: OverThere) -> None:
    plan = imported(usual_one)
    values = {"DB_USER": "backup", "DB_PASSWORD": {"secret": "made up 3"}}
    assert chain("dumps", "pre-backup") == [("dumps: before the backup", True, 900, None, "continue", values)]
    dumps = Repository.objects.get(name="dumps")
    assert dumps.pre_hook_migrated
    assert "mysqldump" in dumps.pre_backup_script
    assert "becomes the script 'dumps: before the backup'" in said_of(plan, "dumps")
    assert "DB_HOST, which nothing sets here" in said_of(plan, "dumps")
    assert inline_undo.plan(Repository.objects.all()) == ([], [])  # it was no text here that could come back


def test_schedules_arrive_paused_with_their_repositories_in_order(usual_one: OverThere) -> None:
    plan = imported(usual_one)
    nightly, weekly = ScheduledJob.objects.get(name="nightly"), ScheduledJob.objects.get(name="weekly")
    assert (nightly.cron_expression, nightly.timezone, nightly.enabled) == ("15 3 * * *", "Europe/Berlin", False)
    assert list(weekly.members.values_list("repository__name", flat=True)) == ["web off-site", "web", "dumps"]
    assert (weekly.enabled, nightly.next_run, nightly.prune_after) == (False, None, False)
    assert "'Stop', once before all of its backups" in left_out(plan, "weekly")
    assert "every quarter" in left_out(plan, "nightly")
    assert "nothing is deleted until you have looked" in said_of(plan, "photos")


def test_what_changes_is_said(usual_one: OverThere) -> None:
    plan = planned(usual_one)
    assert "HOSTNAME_THERE, which nothing sets here" in said_of(plan, "Ping")
    assert "Here its first line counts, #!/bin/sh" in said_of(plan, "Ping")
    assert "line ends are those of Windows" in said_of(plan, "web off-site")
    assert plan.together == [
        "'web' and 'web off-site' both stop web and db. "
        "One maintenance window could stop that once for all of them, and they would be down once."
    ]
    assert "0 1 * * * (UTC). It backed up /srv." in left_out(plan, "everything")
    assert "library/gone.sh is missing" in left_out(plan, "Gone")
    assert "Not on this machine: /srv/data." in warned(plan, "photos")


def test_a_plan_writes_nothing(usual_one: OverThere) -> None:
    assert planned(usual_one).adds_something
    assert not Repository.objects.exists()
    assert not Script.objects.exists()
    assert not library.store().candidates()


def test_a_second_import_adds_nothing_whatever_was_changed_here_since(usual_one: OverThere) -> None:
    imported(usual_one)
    counts = [model.objects.count() for model in (Repository, Script, RepositoryScript, ScheduledJob, ImportedRow)]
    files = library.store().candidates()
    Repository.objects.filter(name="photos").update(name="pictures", path="/elsewhere")
    ScheduledJob.objects.filter(name="nightly").update(name="every night", cron_expression="0 5 * * *")
    script = Script.objects.get(name="Stop")
    library.update(
        script, changes={"name": "Halt", "content": "#!/bin/sh\nexit 0\n"}, source="editor", base_sha256=script.sha256
    )
    plan = imported(usual_one)
    assert not plan.adds_something
    assert {"pictures", "every night", "Halt"} <= set(plan.there_already)
    assert counts == [
        model.objects.count() for model in (Repository, Script, RepositoryScript, ScheduledJob, ImportedRow)
    ]
    assert library.store().candidates() == files
    assert plan.books.rows()["repository_scripts"] == {"rows": 4, "imported": 0, "there_already": 3, "left_out": 1}


def test_a_later_import_brings_what_is_new_there(usual_one: OverThere) -> None:
    imported(usual_one)
    later = usual_one.repository("later")
    stop = next(row.id for row in reading.read(usual_one.folder).rows("scripts") if row.name == "Stop")
    usual_one.assign(later, stop, "pre-backup", parameter_values={"CONTAINERS": "x"})
    assert [one.name for one in imported(usual_one).new_repositories] == ["later"]
    assert chain("later", "pre-backup") == [("Stop", True, None, None, "continue", {"CONTAINERS": "x"})]


# --- names and places -------------------------------------------------------------------------------------------------
def test_names_that_are_taken_get_a_number(there: OverThere, make_repository: Any, make_script: Any) -> None:
    make_repository("photos")
    make_script("Stop")
    there.repository("photos", path="/other/photos")
    there.repository("  two\nlines :: and 'quotes' ", path="/other/lines")
    there.script("Stop", "#!/bin/bash\n")
    plan = imported(there)
    assert [one.name for one in plan.repositories] == ["photos (2)", "two lines : and 'quotes'"]
    assert [one.name for one in plan.scripts] == ["Stop (2)"]
    assert "It was called 'photos' there." in warned(plan, "photos (2)")
    assert not imported(there).adds_something


def test_a_place_that_is_a_repository_here_stays_as_it_is(there: OverThere, make_repository: Any) -> None:
    here = make_repository("mine", path="/backups/photos", pre_backup_script="echo mine")
    there.repository("photos", path="/backups//photos/", pre_backup_script="echo theirs")
    plan = imported(there)
    assert warned(plan, "mine") == "'mine' is here already, and stays as it is."
    assert list(Repository.objects.values_list("pk", "pre_backup_script")) == [(here.pk, "echo mine")]


def test_of_two_of_the_same_path_one_comes_along_also_the_second_time(there: OverThere) -> None:
    there.repository("photos", path="/backups/photos")
    second = there.repository("copy", path="/backups/photos/")
    there.add("scheduled_jobs", name="nightly", cron_expression="0 3 * * *", repository_id=second)
    for _ in range(2):
        plan = imported(there)
        assert left_out(plan, "copy") == "Another repository of the same path comes along."
        assert left_out(plan, "nightly") == "None of its repositories comes along."
    assert Repository.objects.get().name == "photos"
    assert not ScheduledJob.objects.exists()


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"borg_version": 2}, "made by Borg 2"),
        ({"encryption": "repokey-aes-ocb"}, "made by Borg 2"),
        ({"path": "rclone:drive:backups"}, "reached by rclone"),
        ({"path": "sftp://host/backups"}, "cannot reach sftp://"),
        ({"path": ""}, "Its path cannot be used"),
        ({"path": "relative/path"}, "Its path cannot be used"),
        ({"executor_type": "agent"}, "An agent on the machine"),
    ],
)
def test_a_repository_that_cannot_be_here_is_left_out(there: OverThere, values: dict[str, Any], reason: str) -> None:
    there.repository("photos", **values)
    plan = imported(there)
    assert reason in left_out(plan, "photos")
    assert not Repository.objects.exists()


def test_what_is_on_another_machine_is_not_looked_for_on_this_one(there: OverThere) -> None:
    there.repository("a", source_ssh_connection_id=7)
    groups = [{"source_type": "local", "paths": ["/srv"]}, {"source_ssh_connection_id": 7, "paths": ["/var"]}]
    there.repository("b", source_locations=groups)
    plan = imported(there)
    assert list(Repository.objects.order_by("name").values_list("source_paths", flat=True)) == [[], ["/srv"]]
    assert "'/srv/data' is on another machine" in left_out(plan, "a")
    assert "say in its settings what to back up" in warned(plan, "a")
    assert "'/var' is on another machine" in left_out(plan, "b")


def test_sources_of_the_only_backup_plan_are_taken(there: OverThere) -> None:
    one = there.repository("photos", source_directories=None)
    plan_id = there.add("backup_plans", name="all", source_directories=["/home"], exclude_patterns=["*.tmp"])
    there.add("backup_plan_repositories", backup_plan_id=plan_id, repository_id=one, enabled=1)
    assert "comes from the backup plan 'all'" in warned(imported(there), "photos")
    assert Repository.objects.values_list("source_paths", "exclude_patterns").get() == (["/home"], ["*.tmp"])


def test_options_written_by_hand_find_their_fields(there: OverThere) -> None:
    there.repository("photos", custom_flags="--one-file-system -e '*.iso' --lock-wait=30 --stats --noatime")
    plan = imported(there)
    found = Repository.objects.get()
    assert (found.one_file_system, found.exclude_patterns, found.lock_wait) == (True, ["*.iso"], 30)
    assert "have no place here: --noatime" in left_out(plan, "photos")


def test_a_check_by_schedule_becomes_one_after_a_backup(there: OverThere) -> None:
    there.repository("photos", check_cron_expression="0 3 * * 0", check_schedule_enabled=1)
    assert "every 7 days" in said_of(imported(there), "photos")
    assert Repository.objects.get().check_every_days == 7


@pytest.mark.parametrize(
    ("there_and_here", "path"),
    [(("/local", "/"), "/srv"), (("/local/", "/mnt/nas/"), "/mnt/nas/srv"), (("/loc", "/x"), "/local/srv")],
)
def test_paths_that_begin_otherwise_here_are_put_right(
    there: OverThere, there_and_here: tuple[str, str], path: str
) -> None:
    there.repository("photos", path="/local/srv", source_directories=["/local/srv", "/etc"], created_at=None)
    moved = reading.Moved.said(*there_and_here)
    applying.run(reading.read(there.folder, moved=moved))
    assert Repository.objects.values_list("path", "source_paths").get() == (path, [path, "/etc"])
    assert not imported(there).adds_something


@pytest.mark.parametrize("said", [("local", "/"), ("/", "/x"), ("/local", ""), ("", "/")])
def test_a_beginning_of_a_path_is_whole(said: tuple[str, str]) -> None:
    with pytest.raises(reading.CannotRead, match="Write both"):
        reading.Moved.said(*said)


# --- secrets ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("old", [False, True])
def test_what_was_encrypted_by_any_release_is_read(there: OverThere, old: bool) -> None:
    there.repository("photos", encryption="repokey", passphrase=sealed("made up", old=old))
    imported(there)
    assert Repository.objects.get().passphrase == "made up"


@pytest.mark.parametrize(
    "stored",
    [None, "", sealed("made up", "another key, not the one beside the file")],
    ids=["none", "empty", "sealed by another key"],
)
def test_a_passphrase_that_cannot_be_read_is_asked_for(there: OverThere, stored: str | None) -> None:
    number = there.repository("photos", encryption="repokey", passphrase=stored)
    plan = planned(there)
    assert plan.to_dict()["passphrases_needed"] == ["photos"]
    imported(there, passphrases={number: "from a person"})
    assert Repository.objects.get().passphrase == "from a person"


def test_secrets_without_their_key_are_named_and_everything_else_comes(usual_one: OverThere) -> None:
    (usual_one.folder / ".secret_key").unlink()
    plan = imported(usual_one)
    assert [one.name for one in plan.asks_for] == ["photos"]
    assert "could not be decrypted" in left_out(plan, "Ping at post-backup of photos")
    assert "needs a value of API_TOKEN" in said_of(plan, "Ping at post-backup of photos")
    assert Repository.objects.count() == 4


def test_nothing_secret_is_in_what_is_told(usual_one: OverThere) -> None:
    plan = planned(usual_one)
    told = f"{plan.to_dict()} {plan!r} {reading.read(usual_one.folder)!r}"
    for secret in ("made up 1", "made up 2", "made up 3", "made up 4"):
        assert secret not in told


def private_key(passphrase: bytes = b"") -> str:
    lock = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    form = PrivateFormat.PKCS8 if passphrase else PrivateFormat.OpenSSH
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, form, lock).decode()


def test_the_key_of_a_repository_comes_along_and_opens_it_here(there: OverThere) -> None:
    text = private_key()
    key = there.add("ssh_keys", name="System", private_key=sealed(text.replace("\n", "\r\n")), is_system_key=1)
    connection = there.add("ssh_connections", ssh_key_id=key, host="nas", username="u", port=22, use_sudo=1)
    unused = there.add("ssh_keys", name="Unused", private_key=sealed(private_key()))
    there.repository("photos", path="/volume1/photos", repository_type="ssh", connection_id=connection)
    plan = imported(there)
    assert Repository.objects.get().path == "ssh://u@nas/volume1/photos"
    (file,) = ssh.imported_keys()
    assert file.read_text() == text
    assert file.stat().st_mode & 0o777 == 0o600
    assert str(file) in ssh.remote_shell()
    assert plan.books.fates["ssh_keys"] == {key: "imported", unused: "left_out"}
    assert plan.books.fates["ssh_connections"] == {connection: "imported"}
    assert not imported(there).adds_something


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        (private_key(b"locked"), "protected by a passphrase"),
        ("nonsense", "no private key"),
        (sealed("x", "another"), "decrypted"),
    ],
    ids=["locked", "nonsense", "sealed by another key"],
)
def test_a_key_that_ssh_could_not_use_is_left_out(there: OverThere, stored: str, reason: str) -> None:
    there.add("ssh_keys", name="System", private_key=stored, is_system_key=1)
    there.repository("photos", path="ssh://u@nas/photos")
    plan = imported(there)
    assert reason in left_out(plan, "System")
    assert "No key for it came along" in warned(plan, "photos")
    assert not ssh.imported_keys()


# --- versions and odd values ------------------------------------------------------------------------------------------
def test_the_first_versions_are_understood(tmp_path: Any, data_dir: Any) -> None:
    (tmp_path / "old").mkdir()
    old = OverThere(tmp_path / "old", OLD)
    old.repository("photos", pre_backup_script="echo old", hook_timeout=77)
    old.repository("away", path="/b", repository_type="ssh", host="nas", port=2222, username="u")
    old.add("scheduled_jobs", name="nightly", cron_expression="0 2 * * *", repository="/backups/photos", enabled=1)
    imported(old)
    photos = Repository.objects.get(name="photos")
    assert (photos.pre_backup_script, photos.pre_hook_timeout, photos.post_hook_timeout) == ("echo old", 77, 77)
    assert Repository.objects.get(name="away").path == "ssh://u@nas:2222/b"
    assert list(ScheduledJob.objects.get().members.values_list("repository__name", flat=True)) == ["photos"]


@pytest.mark.parametrize(
    ("stored", "on_failure"),
    [
        ({"continue_on_error": None}, "continue"),
        ({"continue_on_error": 1, "skip_on_failure": 1}, "continue"),
        ({"continue_on_error": 0, "skip_on_failure": 1}, "skip"),
        ({"continue_on_error": 0, "skip_on_failure": None}, "abort"),
    ],
)
def test_what_a_failure_did(there: OverThere, stored: dict[str, Any], on_failure: str) -> None:
    there.assign(there.repository("photos"), there.script("Stop", "exit 1\n"), "pre-backup", **stored)
    imported(there)
    assert chain("photos", "pre-backup")[0][4] == on_failure


@pytest.mark.parametrize(
    ("text", "file_path", "reason"),
    [
        ("", "", "is empty"),
        ("a\0b", "", "NUL"),
        ("#!/bin/sh\n# /// borgui\n# broken\n# ///\n", "", "library cannot take it"),
        ("x", "../../etc/passwd", "not in the folder of the scripts"),
        ("x", "library", "cannot be read: Is a directory"),
        ("x", "a\0b", "not in the folder of the scripts"),
    ],
)
def test_a_file_that_is_no_script_is_left_out(there: OverThere, text: str, file_path: str, reason: str) -> None:
    there.script("Odd", text, **({"file_path": file_path} if file_path else {}))
    assert reason in left_out(imported(there), "Odd")
    assert not Script.objects.exists()


def test_columns_that_hold_nonsense_do_no_harm(there: OverThere) -> None:
    number = there.repository("photos", source_directories="not json", exclude_patterns="[1, null, {}]", port="x",
                              pre_hook_timeout="soon", post_hook_timeout=-5, pre_backup_script=b"\xff\x00echo",
                              compression="zip", custom_flags="'",
                              remote_path="bo\nrg", pre_backup_script_parameters="[]")  # fmt: skip
    script = there.script("Stop", "exit 0\n", parameters='{"name": 1}', timeout="x", run_on="sometimes")
    there.assign(number, script, "pre-backup", execution_order="last", custom_timeout=10**9, parameter_values='["x"]')
    there.assign(number, script, "during-backup")
    there.assign(number, 4711, "pre-backup")
    there.assign(4711, script, "pre-backup")
    there.add("scheduled_jobs", name="odd", cron_expression="now", repository_id=number)
    there.add("scheduled_jobs", name="zone", cron_expression="0 3 * * *", timezone="Mars/Base", repository_id=number)
    there.add("scheduled_job_repositories", scheduled_job_id=4711, repository_id=number, execution_order=1)
    plan = imported(there)
    assert chain("photos", "pre-backup") == [("Stop", True, 86400, None, "continue", {})]
    assert [one.name for one in plan.schedules] == ["zone"]
    assert plan.books.rows()["repository_scripts"]["left_out"] == 3
    assert Script.objects.get().run_on == "always"


# --- all or nothing ---------------------------------------------------------------------------------------------------
def test_if_anything_fails_nothing_was_imported_and_no_file_stays(
    usual_one: OverThere, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, **fields: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(applying.schedules, "create", broken)
    with pytest.raises(applying.NotImported, match="Nothing was imported: no space left"):
        imported(usual_one)
    assert not Repository.objects.exists()
    assert not Script.objects.exists()
    assert not ImportedRow.objects.exists()
    assert not library.store().candidates()


def test_what_the_rules_here_refuse_is_one_message(usual_one: OverThere, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a plan overlooks; the plan itself leaves out all that is known."""
    monkeypatch.setattr(applying.schedules, "create", lambda fields: library.create("", "echo\n", source="api"))
    with pytest.raises(applying.NotImported, match="Nothing was imported: name: "):
        imported(usual_one)
    assert not Repository.objects.exists()


def test_what_changed_since_somebody_looked_is_not_imported(usual_one: OverThere) -> None:
    seen = planned(usual_one).sha256
    usual_one.repository("another")
    with pytest.raises(applying.Changed):
        imported(usual_one, seen=seen)
    assert not Repository.objects.exists()


def test_where_script_files_are_read_only_it_says_so(usual_one: OverThere, settings: Any) -> None:
    settings.SCRIPTS_READONLY = True
    with pytest.raises(applying.NotImported, match="read-only"):
        imported(usual_one)
