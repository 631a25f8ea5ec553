"""If-Match names the version that was seen, whatever a proxy has made of its ETag."""

import pytest

from shared.interface.versions import expected_version

#: Of an entry that has every version from 1 on.
NONE_EVER = 0


@pytest.mark.parametrize("spelt", ['"7"', ' "7" ', 'W/"7"', '"7-gzip"', '"7-zstd"'])
async def test_a_version_is_known_through_proxies_that_compress(spelt: str) -> None:
    async for version in expected_version(spelt):
        assert version == 7


@pytest.mark.parametrize("spelt", ["7", "", '"seven"', '"7", "8"', '"7-gzip', '"-7"', '"7-GZIP 1"'])
async def test_what_is_no_version_of_ours_is_always_out_of_date(spelt: str) -> None:
    async for version in expected_version(spelt):
        assert version == NONE_EVER


@pytest.mark.parametrize("spelt", [None, "*"])
async def test_any_version_will_do_where_none_is_named(spelt: str | None) -> None:
    async for version in expected_version(spelt):
        assert version is None
