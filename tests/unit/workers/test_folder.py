"""Does a stack's folder keep what it should, for its owner only?"""

import stat

import pytest

from app.errors import TributaryError
from workers.local.folder import Folder


@pytest.fixture
def folder(tmp_path):
    folder = Folder(tmp_path / "stack")
    folder.take()
    yield folder
    folder.let_go()


def test_a_second_stack_is_refused_with_the_remedy(folder):
    with pytest.raises(TributaryError) as caught:
        Folder(folder.path).take()
    assert caught.value.code == "already_running"
    assert "--dir" in caught.value.detail


def test_it_can_be_taken_again_when_it_was_let_go(folder):
    folder.let_go()
    again = Folder(folder.path)
    again.take()
    with pytest.raises(TributaryError, match="already"):
        folder.take()
    again.let_go()


def test_files_are_replaced_whole_and_are_private(folder):
    folder.write("stack.json", {"a": 1})
    folder.write("stack.json", {"b": 2})
    assert folder.read("stack.json") == {"b": 2}
    assert stat.S_IMODE((folder.path / "stack.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert sorted(path.name for path in folder.path.iterdir()) == ["lock", "stack.json"]


def test_a_secret_stays_the_same(folder):
    secret = folder.secret("flower_password")
    assert len(secret) >= 20
    assert Folder(folder.path).secret("flower_password") == secret


def test_a_broken_file_is_an_error_with_a_remedy(folder):
    (folder.path / "ports.json").write_text("{")
    with pytest.raises(TributaryError) as caught:
        folder.read("ports.json")
    assert "Delete it" in caught.value.detail
