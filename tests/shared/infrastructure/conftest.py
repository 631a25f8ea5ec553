"""A broker that these tests may break."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.services import Missing, give_up, rabbitmq_is_installed
from tests.shared.brokers import PrivateRabbit

#: A dead-letter worker tries again after this long what it could not deliver (180 s by default).
RETRY_AFTER_MS = 1_000


@pytest.fixture(scope="session")
def private_rabbit(
    rabbitmq_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PrivateRabbit]:
    assert rabbitmq_url  # looking for a broker may have installed its programs
    if not rabbitmq_is_installed():
        give_up("RabbitMQ", Missing("no rabbitmq-server here, and this test breaks its broker"))
    retry = f"-rabbit dead_letter_worker_publisher_confirm_timeout {RETRY_AFTER_MS}"
    broker = PrivateRabbit(tmp_path_factory.mktemp("rabbit"), erlang_arguments=retry)
    yield broker
    broker.stop()


@pytest.fixture
def broker(private_rabbit: PrivateRabbit) -> Iterator[PrivateRabbit]:
    """Running when the test begins, whatever the last one did to it."""
    if not private_rabbit.is_running:
        private_rabbit.start()
    yield private_rabbit
    private_rabbit.thaw()


@pytest.fixture
def queue() -> str:
    """A name that nobody else uses."""
    return f"test.{uuid4().hex}"
