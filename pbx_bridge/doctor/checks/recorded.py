"""The record's sources: CEL, queue_log, CDR, and the name that stands on every row."""

from __future__ import annotations

from datetime import datetime, timedelta

from pbx_bridge.doctor.conf import Conf
from pbx_bridge.doctor.finding import Severity, Unseen, check, listed, seen
from pbx_bridge.doctor.gathered import FileFacts, Gathered, need
from pbx_bridge.pbx.render import CEL_COLUMNS

EVENTS = (
    "CHAN_START",
    "CHAN_END",
    "ANSWER",
    "HANGUP",
    "BRIDGE_ENTER",
    "BRIDGE_EXIT",
    "APP_START",
    "APP_END",
    "PICKUP",
    "FORWARD",
    "BLINDTRANSFER",
    "ATTENDEDTRANSFER",
    "LOCAL_OPTIMIZE",
    "PARK_START",
    "PARK_END",
    "LINKEDID_END",
    "USER_DEFINED",
)
APPS = ("stasis", "queue", "dial", "voicemail", "record", "confbridge")
_LATE = timedelta(seconds=10)


@check(
    "cel-off",
    Severity.DANGER,
    why="CEL is where calls are recorded from: without it there is no record of any call.",
    mend="Set enable = yes in [general] of cel.conf and load cel_custom.",
)
def cel_off(g: Gathered) -> str:
    return "" if g.conf("cel.conf").one("general").yes("enable") else "CEL is not enabled in cel.conf"


@check(
    "cel-events-missing",
    Severity.DANGER,
    why="Calls are put together of these events: without one of them waits, talks or transfers are wrong.",
    mend=f"Set events = {','.join(EVENTS)} in cel.conf.",
)
def cel_events_missing(g: Gathered) -> str:
    given = _cel_words(g, "events")
    missing = [] if "all" in given else [event for event in EVENTS if event.lower() not in given]
    return f"cel.conf lacks {listed(missing)}" if missing else ""


@check(
    "cel-apps-missing",
    Severity.FAULT,
    why="APP_START of these applications tells what a caller met: the menu, a queue, voicemail, a talk.",
    mend=f"Set apps = {','.join(APPS)} in cel.conf.",
)
def cel_apps_missing(g: Gathered) -> str:
    given = _cel_words(g, "apps")
    missing = [] if "all" in given else [app for app in APPS if app not in given]
    return f"cel.conf lacks {listed(missing)}" if missing else ""


@check(
    "cel-format-differs",
    Severity.DANGER,
    why="Rows are read by the place of each column: of any other form nothing can be read.",
    mend="Lay asterisk-conf/cel_custom.conf.j2 as it is rendered for this version, and reload cel_custom.",
)
def cel_format_differs(g: Gathered) -> str:
    return cel_difference(g.conf("cel_custom.conf"), g.ours.cel.name)


@check(
    "cel-unreadable",
    Severity.DANGER,
    why="No call comes on record while the spool cannot be read.",
    mend="Put the daemon's user into the group asterisk and let that group read folder and file.",
)
def cel_unreadable(g: Gathered) -> str:
    return _unreadable(g.file("cel"))


@check(
    "cel-not-growing",
    Severity.DANGER,
    why="Calls are on and leave no row: they will be missing from the record.",
    mend="See messages.log for lines of cel_custom, spool.cel for the right file, and owner and rights of it.",
)
def cel_not_growing(g: Gathered) -> str:
    spool, began = g.file("cel"), _newest_sign(g)
    if spool.changed is None or spool.changed + _LATE < began:
        when = "is not there" if spool.changed is None else f"has no row since {spool.changed:%H:%M:%S} UTC"
        return f"{spool.path} {when}, and a call was on at {began:%H:%M:%S} UTC"
    return ""


@check(
    "cel-not-writable",
    Severity.DANGER,
    why="Every row is lost, with one line in messages.log each.",
    mend="chown asterisk:asterisk the file and its folder.",
)
def cel_not_writable(g: Gathered) -> str:
    spool, process = g.file("cel"), seen(g.process)
    may = not spool.exists or spool.writable_by(process)  # one that is not there yet is the folder's matter
    return "" if may else f"Asterisk may not write to {spool.path}"


@check(
    "queue-log-off",
    Severity.FAULT,
    why="queue_log tells why a wait in a queue ended and which agent was rung: the record lacks it.",
    mend="Set queue_log = yes and queue_log_to_file = yes in [general] of logger.conf.",
)
def queue_log_off(g: Gathered) -> str:
    on = g.conf("logger.conf").one("general").yes("queue_log", default=True)
    return "" if on else "queue_log is off in logger.conf"


@check(
    "queue-log-elsewhere",
    Severity.FAULT,
    why="The daemon waits for rows in a file that Asterisk does not write.",
    mend="Make spool.queue_log and queue_log_name in logger.conf the same.",
)
def queue_log_elsewhere(g: Gathered) -> str:
    name = g.conf("logger.conf").one("general").get("queue_log_name", "queue_log")
    ours = g.ours.queue_log.name
    return "" if name == ours else f"Asterisk writes {name}, the daemon reads {ours}"


@check(
    "queue-log-unreadable",
    Severity.FAULT,
    why="The record lacks why waits ended and which agents were rung.",
    mend="See spool.queue_log; put the daemon's user into the group asterisk and let that group read it.",
)
def queue_log_unreadable(g: Gathered) -> str:
    log = g.file("queue_log")
    if not log.exists and not queue_log_off.look(g) and not queue_log_elsewhere.look(g):
        return f"{log.path} is not there, or its folder is shut"
    return _unreadable(log)


@check(
    "cdr-unanswered-off",
    Severity.ADVICE,
    why="`calls verify` compares the record with the CDRs: calls that nobody answered have none.",
    mend="Set enable = yes and unanswered = yes in [general] of cdr.conf.",
)
def cdr_unanswered_off(g: Gathered) -> str:
    general = g.conf("cdr.conf").one("general")
    on = general.yes("enable", default=True) and general.yes("unanswered")
    return "" if on else "cdr.conf leaves unanswered calls out"


@check(
    "systemname-differs",
    Severity.DANGER,
    why="Without a name of its own two PBXs, or one set up anew, give two calls the same id.",
    mend="Set systemname in [options] of asterisk.conf as pbx.systemname says, and restart Asterisk.",
)
def systemname_differs(g: Gathered) -> str:
    if not isinstance(g.ari, Unseen):
        name = g.ari.systemname
    else:
        name = g.conf("asterisk.conf").one("options").get("systemname")
    if name == g.ours.systemname:
        return ""
    return f"the PBX calls itself {name!r}, pbx.systemname is {g.ours.systemname!r}"


def cel_difference(conf: Conf, file: str) -> str:
    """How cel_custom.conf differs from what we read; empty: it does not."""
    columns = conf.one(file)
    if columns.options:
        given = [word.strip() for word in columns.get("fields").split(",")]
        wanted = list(CEL_COLUMNS)
    else:
        given = conf.one("mappings").get(file).split("})},${CSV_QUOTE(")
        wanted = ",".join(f"${{CSV_QUOTE({name})}}" for name in CEL_COLUMNS.values()).split("})},${CSV_QUOTE(")
    if given == wanted:
        return ""
    if given == [""]:
        return f"cel_custom.conf writes no {file}"
    pairs = enumerate(zip(given, wanted, strict=False))
    place = next((number for number, (one, other) in pairs if one != other), min(len(given), len(wanted)))
    return f"cel_custom.conf differs from column {place + 1} on; it has {len(given)} columns, not {len(wanted)}"


def _newest_sign(g: Gathered) -> datetime:
    """When something last happened that must have left a row. Raises NotLookedAt."""
    signs = []
    if not isinstance(g.ari, Unseen) and g.ari.oldest_call is not None:
        signs.append(g.ari.oldest_call)
    cdr = g.files.get("cdr")
    if isinstance(cdr, FileFacts) and cdr.changed is not None:
        signs.append(cdr.changed)
    need(bool(signs), "no call is on, so no row is due")
    return max(signs)


def _cel_words(g: Gathered, key: str) -> list[str]:
    values = g.conf("cel.conf").one("general").all(key)
    return [word.strip().lower() for value in values for word in value.split(",")]


def _unreadable(file: FileFacts) -> str:
    return f"{file.path} cannot be read" if file.exists and "r" not in file.ours else ""
