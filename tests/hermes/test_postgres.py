"""hermes with the table of a team, on a real PostgreSQL server."""

from __future__ import annotations

import json

from rla.runs.database import open_database


def test_jobs_are_rows_of_a_shared_table_and_are_resumed_from_it(repository, hermes, postgres_url, tmp_path):
    root = tmp_path / "root"
    text = f"DATA_ROOT: {json.dumps(str(root))}\nINDEX_URL: {json.dumps(postgres_url)}\n"
    (repository.path / "rla_config.yaml").write_text(text)
    (repository.path / "rla_config.yaml").chmod(0o600)
    repository.hermes_file("[[python, say.py, 1],[]]", "[[python, say.py, --fail-until=mark],[]]")
    assert hermes("-n", "b").code == 4
    runs = open_database(root, postgres_url).runs()
    assert sorted(run.state for run in runs) == ["failed", "finished"]
    assert {run.row["batch"] for run in runs} == {"b"}
    assert not (root / "rla.db").exists()
    done = hermes("-n", "b", "--resume")
    assert done.code == 0, done.err
    assert "1 finished, 1 done before" in done.err
    assert sorted(run.state for run in open_database(root, postgres_url).runs()) == ["failed", "finished", "finished"]
    assert "2 finished" in hermes(command="status").out
