"""Addresses of Redis: what an operator may write, and a clear word for everything else."""

from __future__ import annotations

import re

import pytest

from bridge.sessions.redis_address import RedisAddress, read_redis_address

SECRET = "a-password-that-must-never-be-shown"
GOOD = {
    "redis://cache": RedisAddress(hosts=(("cache", 6379),)),
    "redis://cache_1.internal.:7000/3": RedisAddress(hosts=(("cache_1.internal.", 7000),), db=3),
    "redis://cache/": RedisAddress(hosts=(("cache", 6379),)),
    "redis://[::1]:7000": RedisAddress(hosts=(("::1", 7000),)),
    "redis://bridge:pa%3Ass@cache": RedisAddress(hosts=(("cache", 6379),), username="bridge", password="pa:ss"),
    "redis://:pa:ss@cache": RedisAddress(hosts=(("cache", 6379),), password="pa:ss"),
    "rediss://cache": RedisAddress(hosts=(("cache", 6379),), is_tls=True),
    "redis+sentinel://a,b:1/main": RedisAddress(hosts=(("a", 26379), ("b", 1)), service="main"),
    "rediss+sentinel://u:p@a/main/2?sentinel_username=s&sentinel_password=%2F": RedisAddress(
        hosts=(("a", 26379),),
        service="main",
        db=2,
        is_tls=True,
        username="u",
        password="p",
        sentinel_username="s",
        sentinel_password="/",
    ),
    "unix:///run/redis.sock": RedisAddress(socket="/run/redis.sock"),
    "unix://:p@/run/redis.sock?db=2": RedisAddress(socket="/run/redis.sock", db=2, password="p"),
}
BAD = {
    "http://cache": "must begin with redis://",
    "redis:/cache": "must begin with redis://",
    "REDIS://cache": "must begin with redis://",
    "redis://cache#0": "must begin with redis://",
    f"redis://:{SECRET}@{SECRET}@cache": "%40",
    "redis://": "must name a host",
    "redis://:7000": "must name a host",
    "redis://two words": "must name a host",
    "redis://a..b": "must name a host",
    "redis://::1": "must name a host",
    "redis://cache:port": "must name a host",
    "redis://cache:0": "port from 1 to 65535",
    "redis://cache:65536": "port from 1 to 65535",
    "redis://cache/main": "number of a database",
    "redis://cache/-1": "number of a database",
    "redis://cache/0/1": "number of a database",
    "redis://a,b": "several are for redis+sentinel://",
    f"redis://{SECRET}@cache": "must hold user:password@",
    "redis://user:@cache": "must hold user:password@",
    "redis://cache?ssl_cert_reqs=none": "must have no options",
    "redis+sentinel://a": "what the sentinels call the server",
    "redis+sentinel://a/": "what the sentinels call the server",
    "redis+sentinel://a,/main": "must name a host",
    "redis+sentinel://a/main/first": "number of a database",
    f"redis+sentinel://a/main?password={SECRET}": "sentinel_username and sentinel_password",
    "redis+sentinel://a/main?sentinel_password=a&sentinel_password=b": "each once",
    "unix://run/redis.sock": "absolute path",
    "unix:///": "absolute path",
    "unix:///run/redis.sock?db=a": "number of a database",
}


@pytest.mark.parametrize("text", GOOD)
def test_an_address_is_read(text: str) -> None:
    assert read_redis_address(text) == GOOD[text]


@pytest.mark.parametrize("text", BAD)
def test_a_bad_address_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(BAD[text])) as refusal:
        read_redis_address(text)
    assert SECRET not in str(refusal.value)


def test_an_address_does_not_show_its_passwords() -> None:
    address = read_redis_address(f"redis+sentinel://u:{SECRET}@a/main?sentinel_password={SECRET}")
    assert (address.password, address.sentinel_password) == (SECRET, SECRET)
    assert SECRET not in repr(address)
