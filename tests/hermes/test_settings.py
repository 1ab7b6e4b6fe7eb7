"""The settings of hermes."""

from __future__ import annotations

import pytest

from rla.errors import HermesFileError
from rla.hermes.settings import Settings, gpu_slots, load_settings, size, span


def write(root, text: str):
    (root / ".hermes_settings").write_text(text, encoding="utf-8")
    return load_settings(root)


def test_without_a_file_the_defaults_count(tmp_path):
    assert load_settings(tmp_path) == Settings()
    assert (Settings().path_to_experiments, Settings().threads) == ("./", 1)


def test_every_setting_is_read(tmp_path):
    found = write(
        tmp_path,
        '# ours\nthreads : 3\npath_to_experiments:"my data"\nchat_id:12\nchat_id:-34 # the group\n'
        "identifier:off\nretries:2\ntimeout:1.5h\nhalt:3\ngpus:0,1:2\nmemory_free:4G\n",
    )
    assert found == Settings("my data", 3, ("12", "-34"), False, 2, 5400.0, 3, ("0", "1", "1"), 4 * 1024**3)


@pytest.mark.parametrize(
    "line", ["path_to_experiment:'.'", "path_to_experiments:.", "path_to_experiments:\u201d.\u201d"]
)
def test_both_documented_names_and_spellings_of_the_path_are_read(tmp_path, line):
    assert write(tmp_path, line).path_to_experiments == "."


@pytest.mark.parametrize(
    "line", ["trheads:2", "threads 2", "timeout:soon", "gpus:0:0", "chat_id:me", "identifier:maybe"]
)
def test_a_wrong_line_is_an_error_with_its_place(tmp_path, line):
    with pytest.raises(HermesFileError) as caught:
        write(tmp_path, f"# first\n{line}\n")
    assert caught.value.line == 2


def test_spans_sizes_and_gpus_have_units():
    assert [span(text) for text in ("90", "90s", "30m", "2d")] == [90, 90, 1800, 172800]
    assert [size(text) for text in ("512", "4G", "1.5MiB", "2kb")] == [512, 4 * 1024**3, 1024 * 1536, 2048]
    assert gpu_slots("0, GPU-ab:2") == ("0", "GPU-ab", "GPU-ab")
