"""Asks services: each for its time at most, the same thing once at a time, and not again what it just said."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import structlog

from pbx_bridge.errors import ServiceUnavailable
from pbx_bridge.health import Health, LinkState, Meter, Tally
from pbx_bridge.services.exchange import Request, decode, exchange, prepare
from pbx_bridge.services.memory import Breaker, Cache, Key
from pbx_bridge.services.service import Service
from pbx_bridge.services.template import Scalar

log = structlog.get_logger()

_CONNECTIONS, _A_HOST = 128, 32  # at once; one slow service leaves room for the others


@dataclass(frozen=True, slots=True)
class ServiceMeters:
    """What `/metrics` tells of services."""

    seconds: Meter = field(
        default_factory=lambda: Meter("pbx_bridge_service_seconds", "A request to a service, to its end.")
    )
    requests: Tally = field(
        default_factory=lambda: Tally(
            "pbx_bridge_service_requests_total", "Requests by service and result.", ("service", "result")
        )
    )


class ServiceClient:
    """The services of the settings. Nothing is asked but while `open()` is.

    Args:
        health: told of each service that was asked, as a link; it never counts as down: callers are still served.
    """

    def __init__(
        self,
        services: Mapping[str, Service],
        health: Health | None = None,
        meters: ServiceMeters | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._services, self._health, self._clock = services, health, clock
        self.meters = meters or ServiceMeters()
        self._cache = Cache()
        self._breakers = {name: Breaker() for name in services}
        self._under_way: dict[Key, asyncio.Task[bytes | None]] = {}
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """One session for everything; what is under way at the end is given up."""
        connector = aiohttp.TCPConnector(limit=_CONNECTIONS, limit_per_host=_A_HOST)
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),  # what one caller was given is not the next one's
            timeout=aiohttp.ClientTimeout(total=None),  # each exchange has its own
            auto_decompress=False,
            headers={"User-Agent": "pbx_bridge"},
        )
        try:
            yield
        finally:
            for task in tuple(self._under_way.values()):
                task.cancel()
            await asyncio.gather(*self._under_way.values(), return_exceptions=True)
            await self._session.close()
            self._session = None

    async def ask(self, name: str, arguments: Mapping[str, Scalar]) -> object:
        """What a service says, as JSON reads; None: it knows no such thing. Raises ServiceUnavailable."""
        service = self._service(name)
        key = (name, *sorted((argument, type(value), value) for argument, value in arguments.items()))
        if self._cache.has(key, self._clock()):
            return decode(self._cache.get(key))
        return decode(await self._once(key, service, prepare(service, arguments)))

    async def tell(self, name: str, values: Mapping[str, Scalar], origin: str) -> bool:
        """Whether a service took these; False: it knows no such thing. Raises ServiceUnavailable.

        Told again with the same origin and values, the service can know it by the header Idempotency-Key.
        """
        service = self._service(name)
        if service.method != "POST":
            raise ServiceUnavailable("it is asked by GET, so it cannot be told anything")
        told = repr((name, origin, sorted(values.items())))
        once = hashlib.blake2b(told.encode("utf-8", "replace"), digest_size=16).hexdigest()
        return await self._once((name, once), service, prepare(service, values, once)) is not None

    def _service(self, name: str) -> Service:
        try:
            return self._services[name]
        except KeyError:
            raise ServiceUnavailable("there is no such service in the settings") from None

    async def _once(self, key: Key, service: Service, request: Request) -> bytes | None:
        """Do it, or wait for who does it already. Who leaves does not take it from the others."""
        task = self._under_way.get(key)
        if task is None:
            work = self._request(key, service, request)
            task = self._under_way[key] = asyncio.create_task(work, name=f"service-{service.name}")
            task.add_done_callback(lambda done: self._is_over(key, done))
        return await asyncio.shield(task)

    def _is_over(self, key: Key, task: asyncio.Task[bytes | None]) -> None:
        self._under_way.pop(key, None)
        if not task.cancelled():
            task.exception()  # it may be that nobody waits for it any more

    async def _request(self, key: Key, service: Service, request: Request) -> bytes | None:
        if self._session is None:
            raise ServiceUnavailable("services are not asked yet")
        breaker = self._breakers[service.name]
        if not breaker.lets(self._clock()):
            self.meters.requests.count(service.name, "resting")
            raise ServiceUnavailable("it is left alone for a moment: it failed several times")
        began = self._clock()
        try:
            body = await exchange(self._session, service, request)
            if not request.key:
                decode(body)  # what is no JSON is neither kept nor counted as an answer
        except ServiceUnavailable as error:
            self._failed(service, began, error)
            raise
        self._answered(service, began, "sent" if request.key else "none" if body is None else "found")
        if service.cache_s and not request.key:
            self._cache.keep(key, body, self._clock() + service.cache_s)
        return body

    def _failed(self, service: Service, began: float, error: ServiceUnavailable) -> None:
        self._count(service, began, "unavailable")
        self._breakers[service.name].tell(self._clock(), failed=error.is_down)
        log.warning("service_failed", service=service.name, reason=str(error))
        if self._health is not None:
            self._health.report(f"service {service.name}", LinkState.DEGRADED, str(error))

    def _answered(self, service: Service, began: float, result: str) -> None:
        self._count(service, began, result)
        self._breakers[service.name].tell(self._clock(), failed=False)
        if self._health is not None:
            self._health.report(f"service {service.name}", LinkState.UP)

    def _count(self, service: Service, began: float, result: str) -> None:
        self.meters.requests.count(service.name, result)
        self.meters.seconds.observe(self._clock() - began)
