import pytest

from backups.repository_rules import archive_name_problem, normal_path, problems


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("compression", "lz4"),
        ("compression", "none"),
        ("compression", "zstd"),
        ("compression", "zstd,22"),
        ("compression", "zlib,0"),
        ("compression", "lzma,9"),
        ("compression", "auto,zstd,3"),
        ("compression", "auto,lzma"),
        ("compression", "obfuscate,110,zstd,3"),
        ("archive_name_template", "{now}"),
        ("archive_name_template", "nightly {name} {now}"),
        ("path", "/srv/backups/photos"),
        ("path", "ssh://user@nas:2222/./photos"),
        ("path", "user@nas:photos"),
        ("source_paths", ["/", "/home/Ünïcode with spaces"]),
        ("exclude_patterns", ["*.tmp", "re:^/home/[^/]+/cache", "pp:/var/tmp"]),
        ("exclude_if_present", [".nobackup"]),
        ("keep_within", "7d"),
        ("keep_within", ""),
        ("name", "Ünïcode / with a slash"),
        ("passphrase", "four"),
        ("lock_wait", 0),
        ("max_downtime", 7200),
        ("check_every_days", None),
    ],
)
def test_what_borg_takes_is_accepted(field: str, value: object) -> None:
    assert problems({field: value}) == {}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("source_paths", ["/a"] * 2001),
        ("exclude_patterns", ["a"] * 2001),
        ("exclude_if_present", ["a"] * 2001),
        ("compression", ""),
        ("compression", "lz4,3"),
        ("compression", "zstd,0"),
        ("compression", "zstd,"),
        ("compression", "zstd,3,4"),
        ("compression", "auto"),
        ("compression", "auto,"),
        ("compression", "lz4 --foo"),
        ("archive_name_template", "{name}"),
        ("archive_name_template", "{now}{user}"),
        ("archive_name_template", "{now}{"),
        ("archive_name_template", "{{now}}"),
        ("archive_name_template", "a/{now}"),
        ("archive_name_template", "a::{now}"),
        ("archive_name_template", " {now}"),
        ("archive_name_template", "{now}" + "x" * 200),
        ("path", "photos"),
        ("path", "./photos"),
        ("path", "~/photos"),
        ("path", "/srv/{user}"),
        ("path", "/srv/a::b"),
        ("path", "/srv/a\nb"),
        ("path", "ssh://-oProxyCommand=touch/srv/photos"),
        ("path", "-oProxyCommand=touch:photos"),
        ("path", "ssh://anna@-host/srv/photos"),
        ("path", "/" + "x" * 1000),
        ("source_paths", ["/ok", "not/ok"]),
        ("exclude_patterns", [""]),
        ("exclude_patterns", ["re:["]),
        ("exclude_patterns", ["x" * 4097]),
        ("exclude_if_present", ["a/b"]),
        ("exclude_if_present", ["é" * 128]),
        ("keep_within", "7"),
        ("keep_within", "0d"),
        ("keep_within", "7d; rm"),
        ("name", ""),
        ("name", " photos"),
        ("name", "a\nb"),
        ("name", "a::b"),
        ("passphrase", "abc"),
        ("passphrase", "two\nlines"),
        ("max_downtime", 31 * 86400),
        ("pre_hook_timeout", 86_401),
    ],
)
def test_what_borg_or_we_cannot_use_is_named(field: str, value: object) -> None:
    assert list(problems({field: value})) == [field]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("compression", "x" * 70_000),
        ("source_paths", ["x" * 70_000]),
        ("source_paths", ["/\n" + "x" * 4_000]),
        ("exclude_patterns", ["re:[" + "x" * 4_000]),
        ("exclude_if_present", ["a/" + "x" * 70_000]),
    ],
)
def test_the_sentence_does_not_grow_with_what_was_sent(field: str, value: object) -> None:
    assert len(problems({field: value})[field]) < 250


def test_a_long_name_and_a_long_template_do_not_fit_together() -> None:
    assert archive_name_problem("x" * 100, "{name}-{now}") == ""
    assert archive_name_problem("x" * 100, "{name}{name}{name}-{now}")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("/srv//a/../b/", "/srv/b"),
        ("//srv/a", "/srv/a"),
        ("file:///srv/a/", "/srv/a"),
        ("ssh://nas/a/../b/", "ssh://nas/a/../b/"),
        ("nas:a/", "nas:a/"),
    ],
)
def test_one_place_has_one_text(written: str, meant: str) -> None:
    assert normal_path(written) == meant
