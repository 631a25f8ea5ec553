"""A Redis database for each pytest process, on a server that others may be using too."""

# redis-py leaves `**kwargs` untyped everywhere.
# pyright: reportUnknownMemberType=false

import os
import platform
from urllib.parse import urlsplit, urlunsplit

import redis
import redis.asyncio as aioredis

OWNER = "ai-platform-tests:owner"
CLAIMED_FOR_S = 4 * 3_600

TAKE_OVER = """
    if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
    redis.call('FLUSHDB')
    redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
    return 1"""


async def ping(url: str) -> None:
    """Raises RedisError where nothing answers."""
    client = aioredis.Redis.from_url(url)
    try:
        await client.ping()
    finally:
        await client.aclose()


class RedisDatabase:
    """Takes a numbered database that was empty, and marks it as taken for as long as it lives."""

    def __init__(self, server_url: str) -> None:
        self._mark = f"{platform.node()}:{os.getpid()}"
        for number in range(15, -1, -1):
            url = urlunsplit(urlsplit(server_url)._replace(path=f"/{number}"))
            client = redis.Redis.from_url(url, socket_timeout=5, decode_responses=True)
            if self._claims(client):
                self.url, self._client = url, client
                return
            client.close()
        raise RuntimeError("every database of this Redis holds something; give tests another one")

    def empty(self) -> None:
        """Only ever what was empty when we came."""
        with self._client.pipeline(transaction=True) as pipe:
            pipe.flushdb()
            pipe.set(OWNER, self._mark, ex=CLAIMED_FOR_S)
            pipe.execute()

    def release(self) -> None:
        self._client.flushdb()
        self._client.close()

    def _claims(self, client: redis.Redis) -> bool:
        if client.dbsize() == 0:
            return bool(client.set(OWNER, self._mark, nx=True, ex=CLAIMED_FOR_S))
        mark = str(client.get(OWNER) or "")
        if not self._left_behind(mark):
            return False
        return bool(client.eval(TAKE_OVER, 1, OWNER, mark, self._mark, str(CLAIMED_FOR_S)))

    @staticmethod
    def _left_behind(mark: str) -> bool:
        """A run on this machine was killed before it could let go."""
        node, _, pid = mark.rpartition(":")
        return node == platform.node() and pid.isdigit() and not _is_alive(int(pid))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
