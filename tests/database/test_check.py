from __future__ import annotations

from gateway.database import check
from gateway.database.check import differences
from gateway.database.schema import connected, migrate


def test_a_difference_is_told(url):
    migrate(url)
    with connected(url) as connection:
        connection.exec_driver_sql("ALTER TABLE incidents ADD COLUMN surprise INTEGER")
        connection.exec_driver_sql("DROP INDEX ix_incident_rules_rule_incident_id")
        connection.commit()
    told = "\n".join(differences(url))
    assert "surprise" in told
    assert "ix_incident_rules_rule_incident_id" in told


def test_the_check_command_tells_whether_they_are_in_step(capsys, monkeypatch):
    assert check.main() == 0
    assert "in step" in capsys.readouterr().out
    monkeypatch.setattr(check, "differences", lambda _: ("remove column x",))
    assert check.main() == 1
    assert "remove column x" in capsys.readouterr().err
