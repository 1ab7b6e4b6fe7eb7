"""A file is written whole or not at all."""

import errno
import os
import signal
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from rla.fsio import atomic_write as module
from rla.fsio.atomic_write import TEMP_MARK, atomic_write, sync_directory, write_all


@pytest.mark.parametrize("durable", [True, False])
@pytest.mark.parametrize("data", [b"", b"new\r\n\0", b"x" * 1_000_000])
def test_the_new_content_replaces_the_old(tmp_path, data, durable):
    target = tmp_path / "run.json"
    target.write_bytes(b"the old content")
    atomic_write(target, data, durable=durable)
    assert target.read_bytes() == data
    assert list(tmp_path.iterdir()) == [target]


def test_a_full_disk_leaves_the_target_and_no_temporary_file(tiny_disk):
    target = tiny_disk / "run.json"
    target.write_bytes(b"old")
    with pytest.raises(OSError, match="No space left") as caught:
        atomic_write(target, b"x" * 20_000)
    assert caught.value.errno == errno.ENOSPC
    assert target.read_bytes() == b"old"
    assert list(tiny_disk.iterdir()) == [target]


def test_a_target_that_cannot_be_replaced_leaves_no_temporary_file(tmp_path):
    (tmp_path / "run.json").mkdir()
    with pytest.raises(IsADirectoryError):
        atomic_write(tmp_path / "run.json", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_an_interrupt_leaves_no_temporary_file(tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        atomic_write(tmp_path / "run.json", b"x")
    assert not list(tmp_path.iterdir())


def test_readers_see_the_old_content_or_the_new_while_it_is_written_and_killed(tmp_path, start_python):
    target = tmp_path / "run.json"
    target.write_bytes(b"a" * 100_000)
    script = (
        "import sys; from pathlib import Path; from rla.fsio.atomic_write import atomic_write\n"
        "print('go', flush=True)\n"
        "while True:\n"
        "    for letter in (b'a', b'b'): atomic_write(Path(sys.argv[1]), letter * 100_000, durable=False)\n"
    )
    writer = start_python(script, target)
    writer.stdout.readline()
    for _ in range(300):
        assert target.read_bytes() in {b"a" * 100_000, b"b" * 100_000}
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    assert target.read_bytes() in {b"a" * 100_000, b"b" * 100_000}
    assert all(path.name.endswith(TEMP_MARK) for path in tmp_path.iterdir() if path != target)


def test_the_mode_follows_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        atomic_write(tmp_path / "run.json", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "run.json").stat().st_mode) == 0o640


def test_a_link_is_replaced_and_what_it_led_to_is_not(tmp_path):
    (tmp_path / "real").write_bytes(b"real")
    (tmp_path / "link").symlink_to("real")
    atomic_write(tmp_path / "link", b"new")
    assert ((tmp_path / "real").read_bytes(), (tmp_path / "link").read_bytes()) == (b"real", b"new")


@pytest.mark.parametrize("name", ["x" * 255, "\N{ROCKET}" * 63, ".hidden"])
def test_a_name_as_long_as_the_file_system_takes_is_written(tmp_path, name):
    atomic_write(tmp_path / name, b"x")
    assert (tmp_path / name).read_bytes() == b"x"


def test_a_short_write_is_continued():
    reader, writer = os.pipe()
    with ThreadPoolExecutor(1) as pool, os.fdopen(reader, "rb") as file:
        content = pool.submit(file.read)
        write_all(writer, b"x" * 300_000)
        os.close(writer)
        assert content.result() == b"x" * 300_000


def test_a_full_disk_raises_from_a_plain_write(tiny_disk):
    descriptor = os.open(tiny_disk / "x", os.O_WRONLY | os.O_CREAT)
    try:
        with pytest.raises(OSError, match="No space left"):
            write_all(descriptor, b"x" * 20_000)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize(("answer", "raised"), [(errno.EINVAL, False), (errno.ENOTSUP, False), (errno.EIO, True)])
def test_a_file_system_that_syncs_no_directories_is_no_error_and_a_broken_disk_is(
    tmp_path, monkeypatch, answer, raised
):
    def refuse(_):
        raise OSError(answer, os.strerror(answer))

    monkeypatch.setattr(module.os, "fsync", refuse)
    if raised:
        with pytest.raises(OSError, match=os.strerror(answer)):
            sync_directory(tmp_path)
    else:
        sync_directory(tmp_path)


def test_a_directory_that_is_gone_needs_no_sync(tmp_path):
    sync_directory(tmp_path / "gone")
