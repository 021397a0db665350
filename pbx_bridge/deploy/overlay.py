"""What we lay over a PBX that exists, as one value; and the text of each piece of it. Values are refused that could
break out of their line, and whatever would open a way from a caller to the outside."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pbx_bridge.deploy.folder import Flavour
from pbx_bridge.errors import PbxError
from pbx_bridge.pbx.render import AMI_EVENTS, CEL_COLUMNS, template_folder
from pbx_bridge.pbx.version import Version, features_of

SPOOL = "pbx_bridge_cel.csv"
EVERY = "*"  # for a number: whatever is called
_NUMBER = re.compile(r"\+?[0-9]{2,20}")
_WORD = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SECRET = re.compile(r"[A-Za-z0-9_-]{16,}")
_QUEUE = re.compile(r"(?![A-Za-z]$)[A-Za-z0-9][A-Za-z0-9_-]{0,63}")  # one letter may be an extension of Asterisk's
_EXTENSIONS = re.compile(r"[1-9NZX][0-9NZX]{1,5}")
_PATH = re.compile(r"/[A-Za-z0-9_./-]+")
_GOTO = re.compile(r"([A-Za-z0-9_-]{1,64}),([A-Za-z0-9*#]{1,20})(?:,1)?")
_OUTSIDE = re.compile(r"outbound|outrt-|trunk|dial-?out", re.I)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Overlay:
    """All of it. Never printed: it holds secrets. Raises PbxError naming the setting for a value that cannot be.

    Attributes:
        numbers: the inbound numbers that lead to us; `*`: every one.
        inbound: the context in which calls from outside come in, on a PBX that nobody's program configures.
        queues: the queues callers may be given to; the first takes them when the daemon is gone.
        fallback: where they go then instead, as `context,extension`.
        internal: the context that extensions of the house are dialled in.
        extensions: patterns of them, as `1XX`: where a flow may transfer to, and what agents may dial by a click.
        outbound: agents may dial the world by a click too, with their PBX's own rules.
        permit: the networks the daemon may come from.
        sounds: our prompts, by the name Asterisk has for the folder.
    """

    version: Version
    numbers: tuple[str, ...]
    queues: tuple[str, ...]
    ari_secret: str
    ami_secret: str
    sounds: str
    systemname: str
    inbound: str = "from-trunk"
    fallback: str = ""
    internal: str = "from-internal"
    extensions: tuple[str, ...] = ()
    phones: str = "PJSIP"
    outbound: bool = False
    permit: tuple[str, ...] = ("127.0.0.1/32",)
    app: str = "pbx_bridge"
    ari_user: str = "pbx_bridge"
    ami_user: str = "pbx_bridge"
    language: str = "fa"
    recorded: tuple[str, ...] = ()
    dead_man_s: int = 10
    queue_wait_s: int = 120
    fallback_wait_s: int = 90
    longest_call_s: int = 7200
    ring_s: int = 20

    def __post_init__(self) -> None:
        wrong = tuple(self._wrong())
        if wrong:
            raise PbxError("; ".join(wrong))

    def _wrong(self) -> Iterator[str]:
        """Every fault, so that all are told at once."""
        words = {"deploy.inbound": self.inbound, "deploy.internal": self.internal, "ari.app": self.app}
        words |= {"ari.user": self.ari_user, "ami.user": self.ami_user, "pbx.systemname": self.systemname}
        yield from (f"{name}: {word!r} is no name" for name, word in words.items() if not _WORD.fullmatch(word))
        yield from self._wrong_numbers()
        yield from self._wrong_people()
        if not _PATH.fullmatch(self.sounds):
            yield f"the prompts' folder {self.sounds} cannot stand in a dialplan: a-z, 0-9, _ . - and /"
        if not all(_SECRET.fullmatch(secret) for secret in (self.ari_secret, self.ami_secret)):
            yield "a secret has at least 16 letters, digits, - and _ only: remove its file to get a new one"
        yield from (f"deploy.permit: {text!r} opens the door to all" for text in self.permit if _is_all(text))

    def _wrong_numbers(self) -> Iterator[str]:
        if not self.numbers:
            yield "deploy.numbers names no number that is to lead to the menu"
        for number in self.numbers:
            if number != EVERY and not _NUMBER.fullmatch(number):
                yield f"deploy.numbers: {number!r} is no number"
        for number in sorted(set(self.numbers)):
            if self.numbers.count(number) > 1:
                yield f"deploy.numbers: {number} is given twice"

    def _wrong_people(self) -> Iterator[str]:
        """Queues and extensions, and where callers go without the daemon."""
        if not self.queues and not self.fallback:
            yield "deploy.queues and deploy.fallback are empty: without the daemon nobody takes callers"
        yield from (
            f"deploy.queues: {name!r} is no queue's name" for name in self.queues if not _QUEUE.fullmatch(name)
        )
        for pattern in self.extensions:
            if not _EXTENSIONS.fullmatch(pattern):
                yield f"deploy.extensions: {pattern!r} is no pattern: 2 to 6 digits, X, Z or N, no 0 at first"
        told = _GOTO.fullmatch(self.fallback)
        if self.fallback and (told is None or _OUTSIDE.search(told[1])):
            yield f"deploy.fallback: {self.fallback!r} is no `context,extension` of the house"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no line for people may hold."""
        return self.ari_secret, self.ami_secret

    def way_in(self, flavour: Flavour) -> str:
        """The context that calls from outside come into."""
        return "from-pstn" if flavour.generated else self.inbound

    def place_in(self, flavour: Flavour) -> str:
        """The context that our numbers are put into. FreePBX and Issabel look into this one before their own."""
        return "from-pstn-custom" if flavour.generated else self.inbound


def _is_all(text: str) -> bool:
    return ipaddress.ip_network(text).prefixlen == 0


def renderer(overlay: Overlay, flavour: Flavour) -> Callable[..., str]:
    """Gives the text of an overlay's template; further values by name."""
    folder = template_folder()
    environment = Environment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701
    )
    values = _values(overlay, flavour)

    def text(name: str, **more: object) -> str:
        return environment.get_template(f"overlay/{name}.j2").render({**values, **more})

    return text


def _values(overlay: Overlay, flavour: Flavour) -> Mapping[str, Any]:
    names = (
        *("ari_secret", "ami_secret", "queues", "internal", "phones", "outbound", "permit", "app", "ari_user"),
        *("ami_user", "language", "recorded", "dead_man_s", "queue_wait_s", "fallback_wait_s", "longest_call_s"),
        *("ring_s", "systemname"),
    )
    told = _GOTO.fullmatch(overlay.fallback)
    return {
        **{name: getattr(overlay, name) for name in names},
        "inbound": overlay.place_in(flavour),
        "numbers": [one for number in overlay.numbers for one in (("_X!", "_+X!") if number == EVERY else (number,))],
        "extensions": [f"_{pattern}" for pattern in overlay.extensions],
        "fallback": f"{told[1]},{told[2]}" if told else "",
        "features": features_of(overlay.version),
        "ami_events": AMI_EVENTS,
        "cel_columns": list(CEL_COLUMNS),
        "cel_variables": CEL_COLUMNS,
        "spool_name": SPOOL,
        "announcement": lambda key: f'{overlay.sounds}/fixed/${{IF($["${{CHANNEL(language)}}" = "en"]?en:fa)}}/{key}',
    }
