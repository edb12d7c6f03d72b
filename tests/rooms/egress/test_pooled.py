"""The transport's pools: one for each host, found without writing its key anew for each address."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import pytest

from bridge.egress.pooled import PooledAdapter
from bridge.egress.prepared import prepared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def adapter() -> Iterator[PooledAdapter]:
    made = PooledAdapter(ssl.create_default_context())
    yield made
    made.close()


@pytest.fixture
def pool_of(adapter: PooledAdapter) -> Callable[[str], Any]:
    return lambda url: adapter.get_connection_with_tls_context(prepared("GET", url, {}, None, None), verify=True)


def test_signed_addresses_of_one_host_write_one_key(
    adapter: PooledAdapter, pool_of: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    write = adapter.build_connection_pool_key_attributes

    def seen(request: Any, *more: Any) -> Any:
        written.append(request.url)
        return write(request, *more)

    monkeypatch.setattr(adapter, "build_connection_pool_key_attributes", seen)
    pools = {pool_of(f"https://aiccs.example.com/?Signature={number}") for number in range(300)}
    assert len(pools) == 1
    assert written == ["https://aiccs.example.com/?Signature=0"]


@pytest.mark.parametrize(
    ("other", "is_the_same"),
    [
        ("https://idp.example.com:443/keys", True),
        ("https://IDP.example.com/", True),
        ("https://@idp.example.com/", True),
        ("https://idp.example.com:8443/", False),
        ("http://idp.example.com:443/", False),
        ("https://login.idp.example.com/", False),
        ("https://idp.example.com.evil.example/", False),
        ("https://idp.example.com@evil.example/", False),
        ("https://evil.example/@idp.example.com", False),
        ("https://evil.example?@idp.example.com", False),
    ],
)
def test_a_pool_is_one_hosts_alone(pool_of: Callable[[str], Any], other: str, *, is_the_same: bool) -> None:
    pool = pool_of("https://idp.example.com/")
    assert (pool_of(other) is pool) is is_the_same
    assert pool_of(other) is pool_of(other)
