"""The store on a PostgreSQL server: the same named SQL, one writing connection, a pool of reading ones."""

from pbx_bridge.store.postgres.database import connect_postgres
from pbx_bridge.store.postgres.session import PgError

__all__ = ["PgError", "connect_postgres"]
