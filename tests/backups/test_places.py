import pytest

from backups.places import Place


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/srv/borg", Place("/srv/borg")),
        ("file:///srv/borg", Place("/srv/borg")),
        ("ssh://anna@nas:2222/srv/borg", Place("/srv/borg", "nas", "anna", 2222)),
        ("ssh://nas/./borg", Place("/./borg", "nas")),
        ("ssh://anna@[fe80::1]:22/borg", Place("/borg", "fe80::1", "anna", 22)),
        ("anna@nas:borg/photos", Place("borg/photos", "nas", "anna")),
    ],
)
def test_a_path_is_taken_apart(path: str, place: Place) -> None:
    assert Place.of(path) == place


@pytest.mark.parametrize(
    ("place", "path"),
    [
        (Place("/srv/borg"), "/srv/borg"),
        (Place("/srv/borg", "nas"), "ssh://nas/srv/borg"),
        (Place("borg", "nas", "anna", 2222), "ssh://anna@nas:2222/./borg"),
        (Place("/borg", "fe80::1", "anna"), "ssh://anna@[fe80::1]/borg"),
        (Place("/./borg", "nas"), "ssh://nas/./borg"),
    ],
)
def test_a_place_is_put_together_as_borg_takes_it(place: Place, path: str) -> None:
    assert place.path == path


@pytest.mark.parametrize(
    ("folder", "above"),
    [
        ("/srv/borg/photos", "/srv/borg"),
        ("/srv/borg/", "/srv"),
        ("/borg", None),
        ("/./borg", None),
        ("./a/b", "./a"),
        ("borg", None),
    ],
)
def test_the_folder_above_a_place(folder: str, above: str | None) -> None:
    found = Place(folder, "nas").parent
    assert (found.folder if found else None) == above
