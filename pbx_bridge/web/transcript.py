"""A call's IVR steps as a person reads them: who said or keyed what, and what followed. Pure.

Step data is what the flow engine wrote; it is read without trusting any of it to be there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pbx_bridge.calls.call import Call, CallStep
from pbx_bridge.calls.facts import StepKind
from pbx_bridge.values.hostile import clean
from pbx_bridge.web.show import isolate, left_to_right, microseconds
from pbx_bridge.web.viewer import Viewer

_LONGEST = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line.

    Attributes:
        offset_us: since the call began.
        side: `menu` (spoken), `caller` (keyed) or `note` (what happened).
        tone: `plain`, `good`, `warn` or `bad`.
        text: the sentence, the spoken text, or the keys.
        language: of a spoken text, `fa` or `en`; else empty.
        remark: what came of it, in words.
        flow_node: where in the flow.
    """

    offset_us: int
    side: str = "note"
    tone: str = "plain"
    text: str
    language: str = ""
    remark: str = ""
    flow_node: str = ""


def transcript(call: Call, viewer: Viewer) -> tuple[Line, ...]:
    """Every step as a line, in order; a prompt and its being heard are one."""
    return told(call.steps, call.started_at, viewer)


def told(steps: Sequence[CallStep], started_at: datetime, viewer: Viewer) -> tuple[Line, ...]:
    """The same of steps that no call on record has yet."""
    heard = {_text(step, "playback"): step for step in steps if step.kind == StepKind.HEARD}
    made = []
    for step in sorted(steps, key=lambda s: s.at):
        if step.kind != StepKind.HEARD:
            offset = max(0, microseconds(step.at - started_at))
            made.append(_Writer(viewer, step, offset, heard).line())
    return tuple(made)


@dataclass(frozen=True, slots=True)
class _Writer:
    viewer: Viewer
    step: CallStep
    offset_us: int
    heard: Mapping[str, CallStep]

    def line(self) -> Line:
        kinds: Mapping[str, Callable[[], Line]] = {
            StepKind.STARTED: lambda: self.note(self.t("step.started", flow=self.value("flow"))),
            StepKind.CUSTOMER: self.customer,
            StepKind.LANGUAGE: self.language,
            StepKind.SAID: self.said,
            StepKind.KEYS: self.keys,
            StepKind.LOOKUP: self.lookup,
            StepKind.FILLER: lambda: self.note(self.t("step.filler"), "warn"),
            StepKind.QUEUE: self.queue,
            StepKind.QUEUE_RETURN: self.queue_return,
            StepKind.HOURS: self.hours,
            StepKind.HANDED_OVER: self.handed_over,
            StepKind.HANDED_BACK: self.handed_back,
            StepKind.SURVEY: self.survey,
            StepKind.WEBHOOK: self.webhook,
            StepKind.TICKET_OPENED: self.ticket_opened,
            StepKind.CALLBACK_ASKED: self.callback_asked,
            StepKind.RECORDED: self.recorded,
            StepKind.RESUMED: lambda: self.note(self.t("step.resumed"), "warn"),
            StepKind.ENDED: lambda: self.note(self.t("step.ended", by=self.name("by", "by"))),
            StepKind.TROUBLE: lambda: self.note(self.t("step.trouble", reason=self.name("reason", "reason")), "bad"),
        }
        return kinds.get(self.step.kind, self.other)()

    def note(self, text: str, tone: str = "plain") -> Line:
        return Line(offset_us=self.offset_us, tone=tone, text=text, flow_node=clean(self.step.flow_node, 60))

    def customer(self) -> Line:
        by = _text(self.step, "by")
        key = f"step.customer_{by}" if by in ("number", "code") else "step.customer"
        return self.note(self.t(key, name=self.value("name"), code=self.value("code")), "good")

    def language(self) -> Line:
        by = _text(self.step, "by")
        key = f"step.language_{by}" if by in ("record", "key") else "step.language"
        return self.note(self.t(key, language=self.name("language", "language")))

    def said(self) -> Line:
        heard = self.heard.get(_text(self.step, "playback"))
        remark = self.t("step.heard") if heard else self.t("step.cut")
        serves = heard is not None and bool(heard.data.get("serves"))
        spoken = self.viewer.private(_text(self.step, "text"), _LONGEST)
        language = _text(self.step, "language")
        return Line(
            offset_us=self.offset_us,
            side="menu",
            tone="good" if serves else "plain" if heard else "cut",
            text=spoken or self.unsaid(),
            language=language if spoken and language in ("fa", "en") else "",
            remark=self.t("step.serves_heard") if serves else remark,
            flow_node=clean(self.step.flow_node, 60),
        )

    def unsaid(self) -> str:
        """What stands for what has no words of ours."""
        if _text(self.step, "recording"):
            return self.t("step.played_back")
        return self.t("step.prompt", prompt=self.value("prompt"))

    def keys(self) -> Line:
        keyed = self.viewer.private(_text(self.step, "keys"), 60)
        result = _text(self.step, "result")
        if result == "timeout":
            key = "step.keys_timeout_some" if keyed else "step.keys_timeout"
        else:
            key = f"step.keys_{result}" if result in ("match", "invalid") else ""
        return Line(
            offset_us=self.offset_us,
            side="caller",
            tone="good" if result == "match" else "warn",
            text=self.viewer.show.digits(keyed),
            remark=self.t(key) if key else clean(result, 40),
            flow_node=clean(self.step.flow_node, 60),
        )

    def lookup(self) -> Line:
        result = _text(self.step, "result")
        known = result if result in ("found", "none", "unavailable") else "unavailable"
        if known != "unavailable" and _text(self.step, "what") == "pin":
            return self.note(self.t(f"step.pin_{known}"), "good" if known == "found" else "warn")
        show, number = self.viewer.show, _text(self.step, "tracking_number")
        which = show.tracking(number) if number else show.digits(clean(_text(self.step, "customer_code"), 40))
        seconds = show.digits(_seconds(self.step.data.get("seconds")))
        sentence = self.t(
            f"step.lookup_{known}",
            what=self.name("lookup", "what"),
            which=left_to_right(which) if which else "",
            seconds=seconds,
        )
        text = " ".join(sentence.split()).replace(" .", ".")
        return self.note(text, {"found": "good", "none": "warn"}.get(known, "bad"))

    def webhook(self) -> Line:
        if _text(self.step, "result") == "sent":
            return self.note(self.t("step.webhook_sent", service=self.value("service")), "good")
        told = {"service": self.value("service"), "reason": self.value("reason")}
        return self.note(self.t("step.webhook_failed", **told), "bad")

    def queue(self) -> Line:
        queue, reason = self.name("queue", "queue"), _text(self.step, "reason")
        if reason:
            sent = self.t("step.queue_reason", queue=queue, reason=self.name("reason", "reason"))
        else:
            sent = self.t("step.queue", queue=queue)
        return self.note(f"{sent} {self.ahead()}".rstrip())

    def ahead(self) -> str:
        """Why the caller went ahead of others, in a sentence; empty if they did not."""
        reasons = _text(self.step, "because").split()[:9]
        if not reasons:
            return ""
        because = self.t("because.and").join(self.viewer.named("because", reason) for reason in reasons)
        return self.t("step.queue_ahead", priority=self.number("priority"), because=isolate(because, 240))

    def queue_return(self) -> Line:
        status = _text(self.step, "status").lower() or "?"
        shown = self.viewer.named("result", status)
        return self.note(self.t("step.queue_return", queue=self.name("queue", "queue"), status=shown), "warn")

    def recorded(self) -> Line:
        seconds = self.viewer.show.digits(_seconds(self.step.data.get("seconds")))
        if _text(self.step, "result") == "kept":
            return self.note(self.t("step.recorded", seconds=seconds, name=self.value("name")), "good")
        return self.note(self.t("step.recorded_empty", seconds=seconds), "warn")

    def handed_over(self) -> Line:
        if _text(self.step, "what") == "message":
            return self.note(self.t("step.records"))
        return self.note(self.t("step.handed_over", what=self.name("place", "what"), to=self.number("to")))

    def handed_back(self) -> Line:
        shown = self.viewer.named("given", _text(self.step, "status").lower() or "?")
        told = {"what": self.name("place", "what"), "to": self.number("to"), "status": shown}
        if _text(self.step, "what") == "message":
            return self.note(self.t("step.records_back", status=shown))
        return self.note(self.t("step.handed_back", **told), "warn")

    def survey(self) -> Line:
        digits = self.viewer.show.digits
        told = {name: digits(clean(_text(self.step, name), 10)) for name in ("answer", "scale")}
        key = "step.survey_answered" if told["answer"] else "step.survey"
        return self.note(self.t(key, question=self.value("question"), **told), "good" if told["answer"] else "plain")

    def hours(self) -> Line:
        result = _text(self.step, "result")
        known = result if result in ("open", "holiday") else "closed"
        told = {"holiday": self.value("holiday"), "opens": self.moment("opens_at")}
        return self.note(self.t(f"step.hours_{known}", **told), "good" if known == "open" else "warn")

    def ticket_opened(self) -> Line:
        key = "step.complaint_filed" if _text(self.step, "sort") == "complaint" else "step.ticket_opened"
        number = left_to_right(self.viewer.show.tracking(_text(self.step, "tracking_number")))
        return self.note(self.t(key, number=number), "good")

    def callback_asked(self) -> Line:
        key = "step.callback_moved" if self.step.data.get("again") is True else "step.callback_asked"
        told = {"number": self.number("number"), "queue": self.name("queue", "queue"), "at": self.moment("wanted_at")}
        return self.note(self.t(key, **told), "good")

    def other(self) -> Line:
        return self.note(self.t("step.other", kind=isolate(str(self.step.kind), 40)))

    def t(self, key: str, /, **values: object) -> str:
        return self.viewer.t(key, **values)

    def moment(self, name: str) -> str:
        show = self.viewer.show
        try:
            at = datetime.fromisoformat(_text(self.step, name)).astimezone(show.zone)
            return f"{show.long_date(at)} {left_to_right(show.clock(at)[:-3])}"
        except (ValueError, OverflowError):  # no time, or one that no calendar of ours has
            return self.t("step.no_reason")

    def value(self, name: str) -> str:
        return isolate(self.viewer.private(_text(self.step, name), 120), 120)

    def number(self, name: str) -> str:
        return left_to_right(self.viewer.show.digits(self.viewer.private(_text(self.step, name), 120)))

    def name(self, prefix: str, name: str) -> str:
        told = _text(self.step, name)
        return isolate(self.viewer.named(prefix, told), 120) if told else self.t("step.no_reason")


def _text(step: CallStep, name: str) -> str:
    told: Any = step.data.get(name)
    return "" if told is None else str(told)


def _seconds(told: object) -> str:
    if isinstance(told, int | float) and not isinstance(told, bool) and 0 <= told < 10_000:
        return f"{told:.1f}"
    return "?"
