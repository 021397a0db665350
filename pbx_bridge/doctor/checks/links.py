"""Whether ARI and AMI answer us, and whether the daemon is there."""

from __future__ import annotations

from pbx_bridge.doctor.finding import NotLookedAt, Severity, Trouble, Unseen, check, seen
from pbx_bridge.doctor.gathered import AmiTold, AriTold, Gathered


def _down(part: AriTold | AmiTold | Unseen) -> str:
    if not isinstance(part, Unseen) or part.trouble is Trouble.REFUSED:
        return ""
    if part.trouble is Trouble.NOT_ASKED:
        raise NotLookedAt(part.why)
    return part.why


def _refused(part: AriTold | AmiTold | Unseen) -> str:
    if isinstance(part, Unseen) and part.trouble is not Trouble.REFUSED:
        raise NotLookedAt(part.why)
    return part.why if isinstance(part, Unseen) else ""


@check(
    "ari-down",
    Severity.FAULT,
    why="Without ARI no caller hears the menu: all go to the queue at once.",
    mend="Start Asterisk; see enabled, bindaddr and bindport in http.conf, enabled in ari.conf, and ari.url.",
)
def ari_down(g: Gathered) -> str:
    return _down(g.ari)


@check(
    "ari-refused",
    Severity.FAULT,
    why="The daemon cannot serve callers while ARI refuses it.",
    mend="Make HOME/secrets/ari and ari.user the same as in ari.conf, and permit our address there.",
)
def ari_refused(g: Gathered) -> str:
    return _refused(g.ari)


@check(
    "ami-down",
    Severity.FAULT,
    why="Without AMI the live board is empty, and agents cannot hand on, hold or pause from their page.",
    mend="See [general] enabled, bindaddr and port in manager.conf, and ami.host and ami.port.",
)
def ami_down(g: Gathered) -> str:
    return _down(g.ami)


@check(
    "ami-refused",
    Severity.FAULT,
    why="Without AMI the live board is empty, and agents cannot hand on, hold or pause from their page.",
    mend="Make HOME/secrets/ami and ami.user the same as in manager.conf, and permit our address there.",
)
def ami_refused(g: Gathered) -> str:
    return _refused(g.ami)


@check(
    "daemon-not-connected",
    Severity.FAULT,
    why="Callers go to the queue without the menu while nobody listens to the application.",
    mend="Start the daemon; if it runs, see its log for what keeps it from ARI.",
)
def daemon_not_connected(g: Gathered) -> str:
    apps = [app.name for app in seen(g.ari).apps]
    return "" if g.ours.app in apps else f"nobody listens to the Stasis application {g.ours.app}"


@check(
    "ari-other-hears-all",
    Severity.FAULT,
    why="On 22.10 ARI can hang for good when a program that subscribed to everything disconnects.",
    mend="Let the other program subscribe to what it needs, without subscribeAll.",
)
def ari_other_hears_all(g: Gathered) -> str:
    others = [app.name for app in seen(g.ari).apps if app.hears_all and app.name != g.ours.app]
    version = seen(g.version)
    return f"{', '.join(others)} subscribed to everything" if others and version.major >= 22 else ""
