"""The machine under the PBX: its clock, its name, its folders and disks, what Asterisk's process may have."""

from __future__ import annotations

from datetime import timedelta

from pbx_bridge.doctor.finding import NotLookedAt, Severity, check, listed, seen
from pbx_bridge.doctor.gathered import Disk, Gathered

_APART_S = 2.0
_SLOW_S = 0.5
_OPEN_FILES = 4096
_GB = 1 << 30


@check(
    "clock-differs",
    Severity.FAULT,
    why="Rows of the PBX and steps of the daemon are put together by their times: calls look torn, waits wrong.",
    mend="Let chrony or systemd-timesyncd set the clock on both machines.",
)
def clock_differs(g: Gathered) -> str:
    ahead = seen(seen(g.ami).ahead_s)
    way = "ahead of" if ahead > 0 else "behind"
    return f"the PBX's clock is {abs(ahead):.1f} s {way} ours" if abs(ahead) > _APART_S else ""


@check(
    "zone-differs",
    Severity.ADVICE,
    why="Asterisk's own logs, CDRs and voicemail then show other hours than the pages.",
    mend="Set the PBX's zone (timedatectl set-timezone) to that of the settings, or to UTC, and restart Asterisk.",
)
def zone_differs(g: Gathered) -> str:
    start = seen(g.ari).local_start
    if start is None or start.tzinfo is None:
        raise NotLookedAt("ARI told no time of start with its zone")
    theirs, ours = start.utcoffset(), start.astimezone(g.ours.zone).utcoffset()
    if theirs in (ours, timedelta()):
        return ""
    return f"the PBX is at UTC{start:%z}, the settings say {g.ours.zone.key}"


@check(
    "host-name-slow",
    Severity.DANGER,
    why="Asterisk looks its own host's name up for every call and stands still meanwhile: nobody hears anything.",
    mend="Put a line with the machine's name into /etc/hosts of the PBX.",
)
def host_name_slow(g: Gathered) -> str:
    seconds = seen(g.name_s)
    if seconds is None:
        return "the machine's own name does not resolve"
    return f"the machine's own name takes {seconds:.1f} s to resolve" if seconds > _SLOW_S else ""


@check(
    "folder-missing",
    Severity.DANGER,
    why="Asterisk makes none of them itself: rows of the record, recordings or messages are lost.",
    mend="Make them, owned by asterisk, mode 0750; or name others in spool.cel, recordings.spool, messages.spool.",
)
def folder_missing(g: Gathered) -> str:
    missing = list(dict.fromkeys(str(folder.path) for folder in seen(g.folders).values() if not folder.exists))
    return f"missing: {listed(missing)}" if missing else ""


@check(
    "folder-not-writable",
    Severity.DANGER,
    why="Rows of the record, recordings or messages are lost.",
    mend="chown them to asterisk:asterisk.",
)
def folder_not_writable(g: Gathered) -> str:
    process = seen(g.process)
    there = (folder for folder in seen(g.folders).values() if folder.exists)
    shut = list(dict.fromkeys(str(folder.path) for folder in there if not folder.writable_by(process)))
    return f"Asterisk may not write in {listed(shut)}" if shut else ""


@check(
    "recordings-unreadable",
    Severity.FAULT,
    why="Talks and messages stay in Asterisk's folders: they are missing from the pages, and the disk fills.",
    mend="Put the daemon's user into the group asterisk and let that group read and write there.",
)
def recordings_unreadable(g: Gathered) -> str:
    kept = [seen(g.folders).get(name) for name in ("recordings", "messages")]
    shut = [str(f.path) for f in kept if f is not None and f.exists and set("rwx") - set(f.ours)]
    return f"the daemon may not take files out of {listed(shut)}" if shut else ""


@check(
    "disk-nearly-full",
    Severity.DANGER,
    why="On a full disk Asterisk loses rows and recordings without a word.",
    mend="Make room or enlarge it; see spool.keep_days, recordings.keep_days and Asterisk's own logs.",
)
def disk_nearly_full(g: Gathered) -> str:
    full = [f"{disk.path} ({disk.free / _GB:.1f} GB free)" for disk in seen(g.disks) if disk.free < _least(disk)]
    return f"nearly full: {listed(full)}" if full else ""


@check(
    "open-files-few",
    Severity.FAULT,
    why="A call needs about ten open files: beyond the limit calls are silent or refused.",
    mend="Set LimitNOFILE=65536 in Asterisk's unit, or maxfiles in [options] of asterisk.conf, and restart it.",
)
def open_files_few(g: Gathered) -> str:
    limit = seen(g.process).open_files
    return "" if limit >= _OPEN_FILES else f"Asterisk may have {limit} open files"


def _least(disk: Disk) -> float:
    return max(1 * _GB, min(disk.total * 0.05, 10 * _GB))
