"""What sessions weigh in the stores, and how many connections the stores have."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import create_engine, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.kit.redis_server import RedisServer

_SAMPLES: Final = 200
_SIZES: Final = text(
    "SELECT relname, pg_total_relation_size(oid), pg_relation_size(oid) FROM pg_class"
    " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
)
_CLIENTS: Final = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")


@dataclass(frozen=True, slots=True)
class Weight:
    """What lies in the stores at one moment; sizes in bytes.

    Args:
        redis: its `used_memory` without the buffers of connections and of its file.
        keys: of Redis by kind: how many, and what one weighs (``MEMORY USAGE``).
        tables: of PostgreSQL, indexes included, by name.
        redis_clients: connections at that moment, as `postgresql_clients`.
    """

    redis: int = 0
    keys: Mapping[str, tuple[int, float]] = field(default_factory=dict)
    tables: Mapping[str, int] = field(default_factory=dict)
    redis_clients: int = 0
    postgresql_clients: int = 0


def weigh(redis: RedisServer | None, database: str) -> Weight:
    """Look at both stores.

    Args:
        database: its URL; our own connection is not counted.
    """
    engine = create_engine(database)
    with engine.connect() as connection:
        tables = {name: total for name, total, _ in connection.execute(_SIZES)}
        clients = connection.execute(_CLIENTS).scalar_one() - 1
    engine.dispose()
    if redis is None:
        return Weight(tables=tables, postgresql_clients=clients)
    with redis.admin() as client:
        info: dict[str, Any] = client.info()
        return Weight(_of_data(info), _keys(client), tables, info["connected_clients"] - 1, clients)


def _of_data(info: Mapping[str, Any]) -> int:
    # What connections hold comes and goes, and is counted apart.
    others = ("mem_clients_normal", "mem_aof_buffer")
    return int(info["used_memory"] - sum(info.get(name, 0) for name in others))


def _keys(client: Any) -> dict[str, tuple[int, float]]:
    names: dict[str, list[bytes]] = defaultdict(list)
    for name in client.scan_iter(count=1000):
        names[name.decode("utf-8", "replace").rpartition(":")[0]].append(name)
    return {kind: (len(found), _usual(client, found)) for kind, found in sorted(names.items())}


def _usual(client: Any, names: list[bytes]) -> float:
    some = names[:: max(1, len(names) // _SAMPLES)]
    found = [client.memory_usage(name, samples=0) or 0 for name in some]
    return sum(found) / len(found)
