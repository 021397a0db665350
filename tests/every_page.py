"""Which pages the site has, by its routes, and what is asked of each of them in a browser."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from aiohttp import web
from playwright.async_api import ConsoleMessage, Page, Response

_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# What is no page: streams, files, what programs read, what leads elsewhere.
_NO_PAGE = re.compile(
    r"^/(static|healthz|metrics|api)\b|/events$|\.(csv|xlsx|json|svg|wav|txt)$|/sign-in/.+|/oidc\b|/export\b"
)
_HOLE = re.compile(r"\{(\w+)[^}]*\}")
# Pages that a route alone does not lead to: found nothing, asked wrongly, not there.
FURTHER = (
    "/calls?number=777",
    "/calls?number=abc&from=x&to=y",
    "/calls?from=1405-08-27&to=1405-08-27",
    "/flow?days=7",
    "/customers?q=%D9%85%D9%87%D8%B1",
    "/customers/C-1188/merge?with=C-2001",
    "/contracts?state=all&q=nobody",
    "/callbacks?show=done",
    "/no/such",
)
_REMARK = re.compile(r"Failed to load resource: the server responded with a status of (400|403|404)")

_WIDE = {"width": 1440, "height": 900}
_PHONE = {"width": 360, "height": 740}
_NARROW = (720, 320)  # a desk at 200 %, and WCAG's reflow: 1280 at 400 %

_OVER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
_AXE = """rules => axe.run(document, {resultTypes: ['violations'], runOnly: {type: 'tag', values: rules}}).then(
  ({violations}) => violations.flatMap(v =>
    v.nodes.slice(0, 3).map(n => `${v.id}: ${n.target} ${n.html.slice(0, 160)}`)))"""
_HARM = """() => {
  const found = [];
  if ('struck' in window) found.push('something ran');
  const turned = /[\\u202a-\\u202e\\u200e\\u200f\\x00-\\x08\\x0b-\\x1f]/;
  const count = (text, what) => (text.match(what) || []).length;
  const balanced = (text) => count(text, /[\\u2066-\\u2068]/g) === count(text, /\\u2069/g);
  const look = (text, where) => {
    if (turned.test(text) || !balanced(text)) found.push(`direction or control characters in ${where}`);
  };
  const walker = document.createTreeWalker(document, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) look(walker.currentNode.data, walker.currentNode.parentElement.tagName);
  for (const element of document.querySelectorAll('*')) {
    for (const { name, value } of element.attributes) {
      const unseen = name === 'value' && (element.tagName === 'OPTION' || element.type === 'hidden');
      if (!unseen) look(value, `${element.tagName} ${name}`);
      if (/^on/i.test(name)) found.push(`${element.tagName} has ${name}`);
      if (/^(href|src|action|formaction)$/i.test(name) && /^\\s*(javascript|data|vbscript):/i.test(value)) {
        found.push(`${element.tagName} ${name} is ${value.slice(0, 40)}`);
      }
    }
    if (element.tagName === 'SCRIPT' && !element.src.startsWith(location.origin)) found.push('a script of another');
  }
  return [...new Set(found)];
}"""
# Everything that can be clicked or filled in; of radio buttons Tab reaches one a group.
_WATCH = """() => {
  window.reached = new Set();
  window.unseen = new Set();
  document.addEventListener('focusin', ({target}) => {
    reached.add(target);
    const seen = ['', '::after', '::before'].some(part => {
      const style = getComputedStyle(target, part || null);
      return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
    });
    if (!seen) unseen.add(target);
  });
  window.controls = () => [...document.querySelectorAll(
    'a[href], button, input, select, textarea, summary, audio[controls], [tabindex="0"]')].filter(e =>
    !e.disabled && e.tabIndex >= 0 && !e.closest('[inert]') && e.type !== 'hidden' &&
    !(e.type === 'radio' && (!e.checked || e.form === null)) && e.checkVisibility({visibilityProperty: true}));
  return controls().length;
}"""
_MISSED = """() => {
  const tell = e => e.outerHTML.slice(0, 120);
  return [...controls().filter(e => !reached.has(e)).map(e => `not reached: ${tell(e)}`),
          ...[...unseen].filter(e => e !== document.body).map(e => `focus not seen: ${tell(e)}`)];
}"""


def routes_of_pages(app: web.Application) -> Sequence[str]:
    """The routes that may be pages, as they are written."""
    told = {route.resource.canonical for route in app.router.routes() if route.method == "GET" and route.resource}
    return sorted(route for route in told if not _NO_PAGE.search(route))


def addresses(route: str, examples: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """The addresses to walk of a route. Raises LookupError for a hole nobody has filled."""
    holes = _HOLE.findall(route)
    if not holes:
        return (route,)
    name = "/".join(holes)
    if name not in examples:
        raise LookupError(f"{route}: give the walk an example of {holes}")
    return [_filled(route, value.split("/")) for value in examples[name]]


def _filled(route: str, values: Sequence[str]) -> str:
    told = iter(values)
    return _HOLE.sub(lambda _: next(told), route)


@cache
def _axe() -> str:
    return (resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


@dataclass
class Walk:
    """One tab that goes from page to page. `said` is what the browser complained about meanwhile."""

    page: Page
    site: str
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))

    async def open(self, address: str) -> Response | None:
        """Go there on a desk, in the light. None: it is no page."""
        await self.page.set_viewport_size(_WIDE)  # type: ignore[arg-type]
        await self.page.emulate_media(color_scheme="light")
        answer = await self.page.goto(self.site + address)
        assert answer is not None
        assert answer.status < 500, (address, answer.status)
        html = answer.headers.get("content-type", "").startswith("text/html")
        return answer if html and await self.page.locator("header.top").count() else None

    async def faults(self, *, keyboard: bool) -> list[str]:
        """What is wrong with the page that is open, on every screen, with all unfolded that can be."""
        await self.page.evaluate("document.querySelectorAll('main details').forEach(one => { one.open = true; })")
        found = await self._missed() if keyboard else []
        found += await self.page.evaluate(_HARM)
        await self.page.evaluate(_axe())
        found += [f"desk: {fault}" for fault in await self._axe_faults()]
        found += await self._too_wide(1440, *_NARROW)
        await self.page.set_viewport_size(_PHONE)  # type: ignore[arg-type]
        await self.page.emulate_media(color_scheme="dark")
        found += [f"phone, dark: {fault}" for fault in await self._axe_faults()]
        found += await self._too_wide(360)
        found += [f"browser: {said}" for said in self.said]
        self.said.clear()
        return found

    async def axe_faults(self) -> list[str]:
        """What axe-core says of the page as it is now."""
        await self.page.evaluate(_axe())
        return list(await self._axe_faults())

    async def _axe_faults(self) -> Iterable[str]:
        told: list[str] = await self.page.evaluate(_AXE, _RULES)
        return told

    async def _too_wide(self, *widths: int) -> list[str]:
        found = []
        for width in widths:
            await self.page.set_viewport_size({"width": width, "height": 900})
            if (over := int(await self.page.evaluate(_OVER))) > 0:
                found.append(f"{over} px wider than {width}")
        return found

    async def _missed(self) -> list[str]:
        count = int(await self.page.evaluate(_WATCH))
        for _ in range(count + 4):  # a region that scrolls is a stop, too
            await self.page.keyboard.press("Tab")
        told: list[Any] = await self.page.evaluate(_MISSED)
        # Where the tabs came round to the link that skips, it stands before its neighbour.
        await self.page.evaluate("document.activeElement.blur()")
        return [str(one) for one in told]

    def _hear(self, said: ConsoleMessage) -> None:
        if said.type in ("error", "warning") and not _REMARK.match(said.text):
            self.said.append(said.text)
