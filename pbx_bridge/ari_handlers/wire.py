"""ARI's JSON as types: the few events and answers we take. Anything else is refused by the decoder and counted.

Fields are those of Asterisk 22.10's rest-api/api-docs/events.json; unknown fields are ignored, so that newer
versions do no harm.
"""

from __future__ import annotations

from datetime import datetime

import msgspec


class CallerId(msgspec.Struct, frozen=True):
    """A party's name and number, as the dialplan left them."""

    name: str = ""
    number: str = ""


class Dialplan(msgspec.Struct, frozen=True):
    """Where in the dialplan a channel stands. In Stasis: app_name `Stasis`, app_data the app's name and arguments."""

    context: str = ""
    exten: str = ""
    app_name: str = ""
    app_data: str = ""


class Channel(msgspec.Struct, frozen=True):
    """A channel's snapshot; `id` is its uniqueid."""

    id: str
    name: str = ""
    state: str = ""
    caller: CallerId = CallerId()
    dialplan: Dialplan = Dialplan()


class Playback(msgspec.Struct, frozen=True):
    """A playback; `state` is `done` both when played out and when stopped, `failed` when it could not be."""

    id: str
    state: str = ""


class _Event(msgspec.Struct, frozen=True, tag_field="type"):
    pass


class StasisStart(_Event, frozen=True, tag=True):
    """A channel entered our application."""

    channel: Channel
    args: tuple[str, ...] = ()


class StasisEnd(_Event, frozen=True, tag=True):
    """A channel left our application: hung up, continued, or taken away."""

    channel: Channel


class ChannelDtmfReceived(_Event, frozen=True, tag=True):
    """A key was released. `timestamp` is Asterisk's, milliseconds."""

    channel: Channel
    digit: str
    timestamp: datetime | None = None


class PlaybackFinished(_Event, frozen=True, tag=True):
    """A playback ended; whether it was heard out is ours to know, by its id."""

    playback: Playback


class ApplicationReplaced(_Event, frozen=True, tag=True):
    """Another client took our application's name."""


class RESTResponse(_Event, frozen=True, tag=True, rename={"code": "status_code", "body": "message_body"}):
    """The answer to a request sent over the websocket."""

    request_id: str
    code: int
    body: str = ""


Event = StasisStart | StasisEnd | ChannelDtmfReceived | PlaybackFinished | ApplicationReplaced | RESTResponse

EVENTS = ("StasisStart", "StasisEnd", "ChannelDtmfReceived", "PlaybackFinished", "ApplicationReplaced")

decode_event = msgspec.json.Decoder(Event).decode
decode_channels = msgspec.json.Decoder(list[Channel]).decode


class System(msgspec.Struct, frozen=True):
    """`version` is Asterisk's, e.g. `22.10.1`."""

    version: str = ""
    entity_id: str = ""


class Status(msgspec.Struct, frozen=True):
    """`startup_time` is when this Asterisk came up."""

    startup_time: datetime


class Info(msgspec.Struct, frozen=True):
    """GET /asterisk/info, what we need of it."""

    status: Status
    system: System = System()


decode_info = msgspec.json.Decoder(Info).decode


class Application(msgspec.Struct, frozen=True):
    """GET /applications/{app}: what the application holds."""

    channel_ids: tuple[str, ...] = ()


decode_application = msgspec.json.Decoder(Application).decode


class RESTRequest(msgspec.Struct, frozen=True, tag=True, tag_field="type", omit_defaults=True):
    """A request over the websocket (ARI-REST-over-WebSocket; Asterisk 22.4 and later)."""

    request_id: str
    method: str
    uri: str
    content_type: str = ""
    message_body: str = ""


encode_request = msgspec.json.Encoder().encode
encode_json = msgspec.json.Encoder().encode
