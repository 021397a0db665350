"""A SIP dialog: who talks to whom under which ids, and the requests sent inside it (RFC 3261 section 12). Pure."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from urllib.parse import quote

from pbx_bridge.pbx.phone import message
from pbx_bridge.pbx.phone.message import Headers, Request, Response, Uri

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, NOTIFY"


def new_branch() -> str:
    """A branch that marks one transaction."""
    return f"z9hG4bK{secrets.token_hex(8)}"


def new_tag() -> str:
    """Our half of a dialog's identity."""
    return secrets.token_hex(6)


@dataclass(slots=True, kw_only=True)
class Dialog:
    """One dialog, seen from our side.

    Attributes:
        local, remote: the From and To values of our requests, tags included.
        target: the far end's Contact URI. routes: Record-Route URIs in our sending order.
        here: host and port for Via and Contact. user: the user part of our Contact.
        sent, received: the last CSeq number of each side.
        early_tag: the far end's tag while it rings.
        far_host: where everything for the far end goes, whatever address it tells; empty: where it says.
    """

    call_id: str
    local: str
    remote: str
    target: str
    here: tuple[str, int]
    user: str
    routes: tuple[str, ...] = ()
    sent: int = 0
    received: int = -1
    early_tag: str = ""
    far_host: str = ""

    @property
    def contact(self) -> str:
        """Our Contact value."""
        return f"<sip:{self.user}@{self.here[0]}:{self.here[1]}>"

    @property
    def local_tag(self) -> str:
        """Our tag."""
        return message.parse_address(self.local).tag

    @property
    def remote_tag(self) -> str:
        """The far end's tag; empty until it answered."""
        return message.parse_address(self.remote).tag

    @property
    def replaces(self) -> str:
        """What a Refer-To carries so that its receiver takes this dialog's place (RFC 3891); also while it rings."""
        tags = f"to-tag={self.remote_tag or self.early_tag};from-tag={self.local_tag}"
        return quote(f"{self.call_id};{tags}", safe="")

    def next_hop(self) -> Uri | None:
        """Where a request of this dialog goes."""
        first = message.parse_address(self.routes[0]).uri if self.routes else self.target
        told = message.parse_uri(first)
        return replace(told, host=self.far_host) if told is not None and self.far_host else told

    def request(self, method: str, *, extra: Headers = (), body: bytes = b"") -> Request:
        """The next request in this dialog."""
        self.sent += 1
        return self._build(method, self.sent, extra, body)

    def ack(self, number: int) -> Request:
        """The ACK of a 2xx to our INVITE of that CSeq number."""
        return self._build("ACK", number, (), b"")

    def _build(self, method: str, number: int, extra: Headers, body: bytes) -> Request:
        host, port = self.here
        headers = (
            ("Via", f"SIP/2.0/UDP {host}:{port};branch={new_branch()};rport"),
            ("Max-Forwards", "70"),
            ("From", self.local),
            ("To", self.remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{number} {method}"),
            ("Contact", self.contact),
            *(("Route", route) for route in self.routes),
            ("Allow", ALLOW),
            ("User-Agent", "pbx_bridge phone"),
            *extra,
        )
        return Request(method=method, uri=self.target, headers=headers, body=body)

    def establish(self, response: Response) -> None:
        """Take the far end's tag, contact and route from its answer to our INVITE."""
        self.remote = message.header(response, "to")
        self.target = message.parse_address(message.header(response, "contact")).uri or self.target
        self.routes = tuple(reversed(message.all_headers(response, "record-route")))


def from_invite(request: Request, here: tuple[str, int]) -> Dialog:
    """Our side of the dialog that an INVITE asks for."""
    to = message.header(request, "to")
    number, _ = message.cseq(request)
    uri = message.parse_uri(request.uri)
    return Dialog(
        call_id=message.header(request, "call-id"),
        local=to if message.parse_address(to).tag else f"{to};tag={new_tag()}",
        remote=message.header(request, "from"),
        target=message.parse_address(message.header(request, "contact")).uri,
        here=here,
        user=uri.user if uri is not None else "",
        routes=message.all_headers(request, "record-route"),
        received=number,
    )


def response_to(
    request: Request, status: int, reason: str, *, to: str = "", extra: Headers = (), body: bytes = b""
) -> Response:
    """An answer that repeats what RFC 3261 8.2.6 asks for; `to` gives the To with our tag."""
    headers = (
        *(("Via", via) for via in message.all_headers(request, "via")),
        ("From", message.header(request, "from")),
        ("To", to or message.header(request, "to")),
        ("Call-ID", message.header(request, "call-id")),
        ("CSeq", message.header(request, "cseq")),
        *extra,
    )
    return Response(status=status, reason=reason, headers=headers, body=body)
