"""What a link of a chain knows: behaviour.md, sections 2, 9 and 10."""

from typing import Any

import pytest

from backups import facts
from scripts_library import links
from scripts_library.models import Hook, ScriptExecution

from .stage import POST, PRE, Stage, edit_outside, file_of, make_script

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

STOPS = """# /// borgui
# interrupts = "containers ${CONTAINERS}  on ${HOST}"
# rerun = false
# timeout = 120
# run_on = "always"
#
# [[parameters]]
# name = "CONTAINERS"
#
# [[parameters]]
# name = "HOST"
# ///
exit 0
"""
IN_SOURCE = """# /// borgui
# [[parameters]]
# name = "DUMP"
# type = "path"
# must_be_source = true
# ///
"""


def only(stage: Stage, hook: str = PRE) -> links.Link:
    (link,) = links.of_hook(facts.of(stage.repository), hook)
    return link


def test_a_link_has_what_the_script_says_and_the_assignment_over_it() -> None:
    stage = Stage()
    entry = stage.attach(POST, "it", STOPS, custom_timeout=5)
    link = only(stage, POST)
    assert (link.timeout, link.run_on, link.on_failure, link.rerun) == (5, "always", "abort", False)
    assert (link.assignment_id, link.script) == (entry.pk, entry.script)


def test_what_it_interrupts_is_filled_in_and_hides_secrets() -> None:
    stage = Stage()
    entry = stage.attach(PRE, "it", STOPS, parameters={"CONTAINERS": " web \n db"})
    entry.parameters |= {"HOST": {"secret": "hunter22"}}  # a secret once, whatever the block says of it now
    entry.save()
    assert only(stage).interrupts == "containers web db on ***"
    assert links.interrupts_of([stage.repository.pk]) == {stage.repository.pk: ["containers web db on ***"]}


def test_what_a_repository_interrupts_is_told_once_and_by_enabled_scripts_only() -> None:
    stage = Stage()
    stage.attach(PRE, "stops", STOPS)
    stage.attach(POST, "starts", STOPS)
    stage.attach(POST, "off", STOPS.replace("containers", "others"), enabled=False)
    assert links.interrupts_of([stage.repository.pk, 999]) == {stage.repository.pk: ["containers on"], 999: []}


@pytest.mark.parametrize(
    ("interrupts", "values", "names"),
    [
        ("${ONE}", {"ONE": " web \n db"}, ["web", "db"]),
        ("${ONE} ${TWO}", {"ONE": "shop", "TWO": "web"}, ["shop"]),
        ("${ONE} ${TWO}", {"TWO": "stop.me keep.me"}, ["stop.me", "keep.me"]),
        ("${ONE} ${TWO}", {}, []),
        ("the mail of ${ONE}", {"ONE": "shop"}, []),
        ("the shop", {"ONE": "shop"}, []),
        ("${ONE} ${TWO}", {"ONE": {"secret": "hunter22"}, "TWO": "web"}, ["web"]),  # a secret once
    ],
)
def test_names_in_what_it_interrupts_are_known_where_parameters_alone_say_it(
    interrupts: str, values: dict[str, Any], names: list[str]
) -> None:
    stage = Stage()
    declared = "".join(f'# [[parameters]]\n# name = "{name}"\n' for name in ("ONE", "TWO"))
    entry = stage.attach(PRE, "it", f'# /// borgui\n# interrupts = "{interrupts}"\n{declared}# ///\n')
    entry.parameters = values
    entry.save()
    found = links.things_of([stage.repository.pk])[stage.repository.pk]
    assert [name for things in found.values() for name in things] == names


def test_what_keeps_others_apart_is_the_text_and_the_names_in_it() -> None:
    things = {"web db": ["web", "db"], "web": ["web"], "the shop": []}
    assert links.with_names(["web db", "web"], things) == ["web db", "web", "db"]
    assert links.with_names(["unknown since"], things) == ["unknown since"]


def test_a_path_outside_the_sources_is_a_problem_where_it_has_to_be_in_one() -> None:
    stage = Stage()
    entry = stage.attach(PRE, "it", IN_SOURCE, parameters={"DUMP": "/srv/one/dumps"})
    assert only(stage).problems == ()
    entry.parameters = {"DUMP": "/srv/onedumps"}
    entry.save()
    assert "would not be backed up" in only(stage).problems[0]


def test_an_invented_repository_has_no_sources_to_be_inside_of() -> None:
    script = make_script("it", IN_SOURCE)
    sample = links.RepositoryFacts(id=None, name="sample", path="/srv/sample", source_paths=("/srv/sample",))
    assert links.of_script(script, Hook.PRE, sample, values={"DUMP": "/elsewhere"}).problems == ()


def test_planning_finds_an_edit_that_nobody_has_opened() -> None:
    stage = Stage()
    script = stage.attach(PRE, "it").script
    edit_outside(script, "#!/bin/sh\nexit 5\n")
    revision = only(stage).revision
    assert revision
    assert (revision.source, revision.text) == ("disk", "#!/bin/sh\nexit 5\n")


def test_a_renamed_file_is_followed_and_a_missing_one_is_a_problem() -> None:
    stage = Stage()
    script = stage.attach(PRE, "it", "echo unmistakable").script
    file_of(script).rename(file_of(script).with_name("renamed.sh"))
    assert only(stage).problems == ()
    script.refresh_from_db()
    assert script.file_path == "library/renamed.sh"
    file_of(script).unlink()
    assert "missing" in only(stage).problems[0]


@pytest.mark.parametrize("damage", [b"\xff\xfe\x00", b"caf\xe9"])
def test_a_file_that_is_no_text_is_a_problem(damage: bytes) -> None:
    stage = Stage()
    script = stage.attach(PRE, "it").script
    file_of(script).write_bytes(damage)
    assert "not text" in only(stage).problems[0]


def test_once_more_is_the_same_link_with_the_next_attempt() -> None:
    stage = Stage()
    stage.attach(POST, "it", STOPS, parameters={"CONTAINERS": "web", "HOST": "hunter22"})
    (row,) = stage.plan()
    ScriptExecution.objects.filter(pk=row.pk).update(status="interrupted", exit_code=1, stdout="x")
    again = links.once_more(ScriptExecution.objects.get())
    again.save()
    again = ScriptExecution.objects.get(pk=again.pk)
    same: dict[str, Any] = {name: getattr(row, name) for name in links.PINNED}
    assert {name: getattr(again, name) for name in links.PINNED} == same
    assert (again.attempt, again.status, again.exit_code, again.stdout) == (2, "planned", None, "")
    assert again.token != row.token
