"""${message}.

MySQL commits each DDL statement by itself: a migration that died is run again, so each step looks first what is there.
"""

from alembic import op
from sqlalchemy import inspect

revision = "${up_revision}"
down_revision = "${down_revision}"


def upgrade() -> None:
    columns = {column["name"] for column in inspect(op.get_bind()).get_columns("notification_records")}
    if "..." not in columns:
        op.execute("ALTER TABLE notification_records ADD COLUMN ...")
