from __future__ import annotations

from sqlalchemy import LargeBinary, inspect

from gateway.database.schema import connected
from gateway.vault.keys import DIGEST_BYTES, ID_CHARS
from gateway.vault.tables import TokenRow


def test_what_rows_are_looked_up_by_has_an_index(migrated_url):
    with connected(migrated_url) as connection:
        found = inspect(connection)
        assert found.get_pk_constraint("vault_tokens")["constrained_columns"] == ["actor", "token"]
        indexed = {tuple(i["column_names"]) for i in found.get_indexes("vault_tokens")}
    assert indexed == {("expires_at",), ("actor", "expires_at")}


def test_no_column_has_room_for_clear_text():
    # A new column has to be looked at: what a person sent must never get a place to stay unsealed.
    columns = {column.name: column.type for column in TokenRow.__table__.columns}
    assert columns.keys() == {"actor", "token", "sealed", "key", "created", "expires_at"}
    for digest in ("actor", "token"):
        assert isinstance(columns[digest], LargeBinary)
        assert columns[digest].length == DIGEST_BYTES
    assert columns["key"].length == ID_CHARS
