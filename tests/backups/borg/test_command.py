from dataclasses import replace
from pathlib import Path

import pytest

from backups.borg import Borg, Keep, Source, Target, command, unusable_path

BORG = Borg("/usr/bin/borg", (1, 4, 0))
TARGET = Target(path="/backup/repo", base_dir=Path("/base"), host_id="h", passphrase="top secret")


def test_create_names_repository_archive_and_sources_after_the_options() -> None:
    argv = command.create(BORG, TARGET, Source(("/srv", "-odd")), "nightly")
    assert argv[:3] == ["/usr/bin/borg", "create", "--log-json"]
    assert argv[argv.index("--") :] == ["--", "/backup/repo::nightly", "/srv", "-odd"]


def test_every_field_of_a_source_is_an_option() -> None:
    source = Source(
        paths=("/srv",),
        exclude_patterns=("*.tmp", "--not-an-option"),
        exclude_if_present=(".nobackup",),
        one_file_system=True,
        exclude_caches=True,
        compression="zstd,9",
    )
    argv = command.create(BORG, TARGET, source, "a")
    assert {
        "--exclude=*.tmp",
        "--exclude=--not-an-option",
        "--exclude-if-present=.nobackup",
        "--one-file-system",
        "--exclude-caches",
        "--compression=zstd,9",
    } <= set(argv)


def test_what_is_off_is_not_an_option() -> None:
    argv = command.create(BORG, TARGET, Source(("/srv",)), "a")
    options = argv[: argv.index("--")]
    assert not any(
        option.startswith(("--exclude", "--one-file", "--upload", "--lock", "--remote")) for option in options
    )


def test_every_verb_waits_for_the_lock_limits_uploads_and_names_the_remote_borg() -> None:
    target = replace(TARGET, lock_wait=0, upload_rate_limit=500, remote_path="/opt/borg")
    for argv in every_command(target):
        assert {"--lock-wait=0", "--upload-ratelimit=500", "--remote-path=/opt/borg"} <= set(argv), argv


def test_a_passphrase_is_in_no_command() -> None:
    for argv in every_command(TARGET):
        assert "top secret" not in " ".join(argv)


def every_command(target: Target) -> list[list[str]]:
    return [
        command.create(BORG, target, Source(("/srv",)), "a"),
        command.init(BORG, target, "repokey"),
        command.info(BORG, target),
        command.list_archives(BORG, target),
        command.list_files(BORG, target, "a"),
        command.check(BORG, target),
        command.compact(BORG, target),
        command.prune(BORG, target, Keep(daily=1), "*"),
        command.break_lock(BORG, target),
        command.key_export(BORG, target),
    ]


def test_prune_says_what_to_keep_and_of_which_archives() -> None:
    argv = command.prune(BORG, TARGET, Keep(within="2d", daily=7, yearly=1), "web-{x}*")
    assert "--glob-archives=web-{{x}}*" in argv
    assert [option for option in argv if option.startswith("--keep")] == [
        "--keep-within=2d",
        "--keep-daily=7",
        "--keep-yearly=1",
    ]


def test_braces_in_an_archive_name_are_no_placeholders() -> None:
    assert "/backup/repo::{{now}}" in command.create(BORG, TARGET, Source(("/srv",)), "{now}")


@pytest.mark.parametrize(
    ("path", "host"),
    [
        ("/backup/repo", ""),
        ("/mnt/a:b", ""),
        ("file:///backup/repo", ""),
        ("ssh://user@nas:2222/./repo", "nas"),
        ("ssh://nas/repo", "nas"),
        ("ssh://user@[fe80::1]:22/repo", "fe80::1"),
        ("user@nas:repo", "nas"),
        ("nas:/backup/repo", "nas"),
    ],
)
def test_the_host_of_a_repository_is_read_as_borg_reads_it(path, host) -> None:
    target = replace(TARGET, path=path)
    assert target.host == host
    assert (target.folder is None) == bool(host)


@pytest.mark.parametrize("path", ["/backup/{hostname}", "/backup/a::b", "/backup/a\nb"])
def test_a_path_that_borg_would_misread_is_named(path) -> None:
    assert unusable_path(path).endswith(".")


def test_an_ordinary_path_is_usable() -> None:
    assert unusable_path("ssh://user@nas:22/./my repo") == ""


def test_a_target_does_not_show_its_passphrase() -> None:
    assert "top secret" not in repr(TARGET)
