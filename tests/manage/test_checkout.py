"""The code of a run is given back as it was, or not at all."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

import rla
from rla.artifacts.code.listing import read_list, write_list
from rla.errors import ReproduceError, RlaWarning
from rla.manage.checkout import checkout
from rla.manage.packages_lock import differences, lock_text


@pytest.fixture
def stored(tmp_path, data_root, monkeypatch):
    """A run that kept the code of a small project."""
    monkeypatch.setenv("RLA_BACKUP_CODE", "1")
    project = tmp_path / "project"
    (project / "package").mkdir(parents=True)
    (project / "train.py").write_text("print('train')\n")
    (project / "train.py").chmod(0o755)
    (project / "package" / "model.py").write_text("WIDTH = 8\n")
    (project / "rla_config.yaml").write_text("BACKUP_CONFIG:\n  backup_code_dir: [train.py, package]\n")
    config = str(project / "rla_config.yaml")
    with rla.init("task", {"lr": 0.1}, data_root=data_root, config=config):
        pass
    return rla.query(data_root).one()


def test_code_configuration_and_parameters_are_given_back(stored, tmp_path):
    done = checkout(stored, tmp_path / "out")
    found = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert found == {"train.py", "package/model.py", "rla_config.yaml", ".rla-checkout/parameter.yaml"}
    assert (tmp_path / "out/package/model.py").read_text() == "WIDTH = 8\n"
    assert (done.beside / "parameter.yaml").read_text() == "lr: 0.1\n"
    assert os.access(tmp_path / "out/train.py", os.X_OK)
    assert done.files == 3


def test_a_file_gets_back_the_name_that_rla_has_in_the_database(tmp_path, data_root, monkeypatch):
    monkeypatch.setenv("RLA_BACKUP_CODE", "1")
    project = tmp_path / "project"
    project.mkdir()
    (project / "parameter.yaml").write_text("mine: 1\n")
    (project / "link.yaml").symlink_to("parameter.yaml")
    (project / "rla_config.yaml").write_text("BACKUP_CONFIG:\n  backup_code_dir: [.]\n")
    with (
        pytest.warns(RlaWarning, match=r"kept as _parameter\.yaml"),
        rla.init("task", {"lr": 0.1}, data_root=data_root, config=str(project / "rla_config.yaml")),
    ):
        pass
    done = checkout(rla.query(data_root).one(), tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"parameter.yaml", "link.yaml", "rla_config.yaml", ".rla-checkout"}
    assert (tmp_path / "out/parameter.yaml").read_text() == "mine: 1\n"
    assert (tmp_path / "out/link.yaml").read_text() == "mine: 1\n"
    assert (done.beside / "parameter.yaml").read_text() == "lr: 0.1\n"


def test_a_link_in_the_code_leads_nothing_of_ours_elsewhere(stored, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("mine\n")
    code = read_list(stored.code_dir)
    (stored.code_dir / ".rla-checkout").mkdir()
    (stored.code_dir / ".rla-checkout/requirements.lock").symlink_to(victim)
    write_list(stored.code_dir, replace(code, links={".rla-checkout/requirements.lock": str(victim)}))
    with pytest.raises(FileExistsError):
        checkout(stored, tmp_path / "out").add("requirements.lock", b"ours\n")
    assert victim.read_text() == "mine\n"


def test_what_is_given_back_can_be_changed_without_changing_the_run(stored, tmp_path):
    checkout(stored, tmp_path / "out")
    with (tmp_path / "out/train.py").open("a") as file:
        file.write("# mine\n")
    assert (stored.code_dir / "train.py").read_text() == "print('train')\n"


def test_a_directory_that_is_not_empty_is_refused(stored, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").touch()
    with pytest.raises(ReproduceError, match="not empty"):
        checkout(stored, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


def test_code_that_was_changed_in_the_database_is_refused_and_nothing_is_written(stored, tmp_path):
    file = stored.code_dir / "train.py"
    file.chmod(0o644)
    file.write_text("print('changed')\n")
    with pytest.raises(ReproduceError, match=r"not what it started with: train\.py") as caught:
        checkout(stored, tmp_path / "out")
    assert caught.value.uid == stored.uid
    assert not (tmp_path / "out").exists()


def test_a_run_without_code_is_refused_with_its_commit(tmp_path, data_root):
    with rla.init("task", data_root=data_root):
        pass
    with pytest.raises(ReproduceError, match="kept no code"):
        checkout(rla.query(data_root).one(), tmp_path / "out")


def test_a_failure_in_the_middle_leaves_nothing(stored, tmp_path, monkeypatch):
    def full(*_arguments, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rla.manage.checkout._copy", full)
    with pytest.raises(OSError, match="No space"):
        checkout(stored, tmp_path / "out")
    assert not (tmp_path / "out").exists()


# --- packages


def test_the_lock_has_a_line_per_package_and_comments_what_has_another_source():
    environment = {
        "python": {"version": "3.11.7"},
        "packages": {"numpy": "2.0.0", "mine": "0.1"},
        "package_sources": {"mine": "/home/me/mine\n-e evil"},
    }
    assert lock_text(environment) == "# python 3.11.7\nnumpy==2.0.0\n# mine==0.1 from /home/me/mine -e evil\n"


def test_differences_name_what_changed_what_is_gone_and_what_is_new():
    from rla.artifacts.environment.capture import python
    from rla.artifacts.environment.packages import installed_packages

    now = installed_packages().versions
    packages = {**now, "numpy": "1.0", "gone": "2.0"}
    del packages["pytest"]
    found = differences({"packages": packages, "python": {**python(), "version": "2.7"}})
    assert ("numpy", "1.0", now["numpy"]) in found
    assert ("gone", "2.0", None) in found
    assert ("pytest", None, now["pytest"]) in found
    assert found[0][:2] == ("python version", "2.7")
    assert len(found) == 4


def test_where_nothing_was_recorded_nothing_differs():
    assert differences({}) == []
