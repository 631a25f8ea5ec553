"""How a simulator itself speaks HTTP: to receivers of webhooks, and to where files lie."""

import aiohttp

#: a picture larger than this is no picture
FILE_LIMIT = 64_000_000
FILE_WITHIN_S = 20.0


class NotFetched(Exception):
    """A file is not to be had; says why."""


class Outside:
    """One HTTP client, made when first needed (it belongs to the loop that it was made in)."""

    def __init__(self) -> None:
        self._http: aiohttp.ClientSession | None = None

    @property
    def http(self) -> aiohttp.ClientSession:
        if self._http is None:
            # As WAHA: nothing limits how long a receiver may take, and TLS is not verified. Who is
            # less patient says so with each letter.
            self._http = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ssl=False),
                timeout=aiohttp.ClientTimeout(total=None),
            )
        return self._http

    async def fetch(self, url: str) -> bytes:
        """Raises NotFetched."""
        try:
            timeout = aiohttp.ClientTimeout(total=FILE_WITHIN_S)
            async with self.http.get(url, timeout=timeout) as answer:
                if answer.status != 200:
                    raise NotFetched(f"Request failed with status code {answer.status}")
                return await answer.content.read(FILE_LIMIT)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise NotFetched(str(error) or type(error).__name__) from error

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()
            self._http = None
