"""Numbers of open files that nobody mistakes for standard output."""

from __future__ import annotations

import os

from rla.fsio.own_descriptor import open_own


def test_a_file_gets_none_of_the_first_three_numbers_and_leaves_them_free(script, tmp_path):
    done = script(
        """
        import os, sys
        from pathlib import Path
        from rla.fsio.own_descriptor import open_own

        for number in range(3):
            os.close(number)
        opened = open_own(Path(sys.argv[1]), os.O_WRONLY | os.O_CREAT)
        os.write(opened, b"whole")
        sys.exit(10 * opened + os.open(os.devnull, os.O_RDONLY))
        """,
        str(tmp_path / "file"),
        check=False,
    )
    assert divmod(done.returncode, 10) == (3, 0)
    assert (tmp_path / "file").read_bytes() == b"whole"


def test_no_child_process_gets_it(tmp_path):
    opened = open_own(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
    assert not os.get_inheritable(opened)
    os.close(opened)
