"""Who of ours talked with each caller, in order, as long as the caller is there. Pure.

Asterisk tells who is together now, not who was: the card of the next agent tells from this who passed the caller on.
What was before the daemon's start, the record knows (see hands.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pbx_bridge.ami.channels import Channel, Group
from pbx_bridge.web.board.calls_now import extension_of, is_real, peers_of

Past = Mapping[str, tuple[str, ...]]
"""Extensions in the order they talked, by the other end's channel."""


def remembered(past: Past, groups: Sequence[Group]) -> Past:
    """The past at this moment; of channels that are gone nothing is remembered."""
    found: dict[str, tuple[str, ...]] = {}
    for group in groups:
        for one in group:
            talked = past.get(one.channel, ())
            for extension in _with(group, one):
                if talked[-1:] != (extension,):
                    talked = (*talked, extension)
            if talked:
                found[one.channel] = talked
    return found


def _with(group: Group, one: Channel) -> list[str]:
    """The phones of ours that it talks with now."""
    if not is_real(one):
        return []
    phones = (extension_of(other.phone) for other in peers_of(group, one))
    return [phone for phone in phones if phone.isdigit() and phone != extension_of(one.phone)]
