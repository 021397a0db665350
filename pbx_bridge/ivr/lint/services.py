"""Services that flows ask: those that the settings do not have, and what these need or cannot take. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import Protocol

from pbx_bridge.ivr.flow import Flow
from pbx_bridge.ivr.nodes import FindNode, WebhookNode
from pbx_bridge.ivr.reading.decode import did_you_mean
from pbx_bridge.ivr.reading.finding import Finding


class ServiceForm(Protocol):
    """What is known of a service without asking it: `arguments` are those its URL needs; a POST takes any more."""

    @property
    def method(self) -> str:
        """GET or POST."""

    @property
    def arguments(self) -> Set[str]:
        """What its URL needs."""


Services = Mapping[str, ServiceForm]


def misused(flow: Flow, services: Services | None) -> Iterator[Finding]:
    """Every service that a flow names and cannot ask as it does. None: not known, not checked."""
    if services is None:
        return
    for name, node in flow.nodes.items():
        if not isinstance(node, FindNode | WebhookNode) or node.service is None:
            continue
        if (service := services.get(node.service)) is None:
            text, do = f"the settings have no service {node.service!r}", did_you_mean(node.service, services.keys())
            yield flow.finding("unknown-service", text, f"nodes.{name}.service", do)
        else:
            yield from _arguments(flow, name, node, service)
            yield from _method(flow, name, node, service)


def _arguments(flow: Flow, name: str, node: FindNode | WebhookNode, service: ServiceForm) -> Iterator[Finding]:
    told = node.with_.keys()
    for argument in sorted(service.arguments - told):
        text, do = f"service {node.service} needs the argument {argument!r}", "write it under with"
        yield flow.finding("service-argument", text, f"nodes.{name}.with", do)
    for argument in sorted(told - service.arguments) if service.method == "GET" else ():
        text = f"the URL of service {node.service} has no place for the argument {argument!r}"
        do = did_you_mean(argument, service.arguments - told) or "remove it"
        yield flow.finding("service-argument", text, f"nodes.{name}.with.{argument}", do)


def _method(flow: Flow, name: str, node: FindNode | WebhookNode, service: ServiceForm) -> Iterator[Finding]:
    if isinstance(node, WebhookNode) and service.method != "POST":
        text, do = f"service {node.service} is asked by GET, so it cannot be told", "its method must be POST"
        yield flow.finding("service-method", text, f"nodes.{name}.service", do)
