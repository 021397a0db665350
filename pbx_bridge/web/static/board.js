// The board works without this and reloads; with it, what changes is put in its place at once and the times tick.
// The server paints every piece; this only sets, replaces and takes away by id.
(() => {
  "use strict";

  const board = document.getElementById("board");
  if (!board || !window.EventSource) return;

  const BELIEVED_MS = 12000; // the server says every 5 s that it lives
  const root = document.documentElement;
  const persian = root.lang === "fa";
  const digits = (text) => (persian ? String(text).replace(/\d/g, (d) => "۰۱۲۳۴۵۶۷۸۹"[d]) : String(text));
  const byId = (id) => document.getElementById(id);
  const two = (n) => String(n).padStart(2, "0");

  // ---- the server's clock: that of this machine may be wrong ----
  let ahead = Number(board.dataset.now) - Date.now();
  let toldAt = performance.now();
  let toldMs = Number(board.dataset.now);
  const now = () => Date.now() + ahead;
  const clock = new Intl.DateTimeFormat("en-GB", {
    hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false, timeZone: document.body.dataset.zone || undefined,
  });
  const hour = (ms) => digits(clock.format(new Date(ms)));

  const told = (ms) => {
    toldMs = ms;
    toldAt = performance.now();
    ahead = ms - Date.now();
    byId("b-time").dateTime = new Date(ms).toISOString();
    byId("b-time").firstElementChild.textContent = hour(ms);
    trust(true);
  };

  // ---- times that tick ----
  const span = (s) => {
    const hours = Math.floor(s / 3600);
    const rest = Math.floor(s / 60) % 60;
    return digits(hours ? `${hours}:${two(rest)}:${two(s % 60)}` : `${rest}:${two(s % 60)}`);
  };
  let trusted = true;
  const tick = (within) => {
    const at = trusted ? now() : toldMs; // what is lost stands still
    for (const place of within.querySelectorAll("[data-from]")) {
      const s = Math.max(0, Math.round((at - Number(place.dataset.from)) / 1000));
      const text = span(s);
      if (place.textContent !== text) place.textContent = text;
      if (place.dataset.warn) place.classList.toggle("late", s > Number(place.dataset.warn));
    }
  };

  // ---- whether to believe what is on the screen ----
  const light = byId("b-live");
  const trust = (is) => {
    light.hidden = !is;
    light.textContent = board.dataset.on;
    if (is === trusted) return;
    trusted = is;
    board.classList.toggle("lost", !is);
    const lost = byId("b-lost");
    lost.hidden = is;
    lost.textContent = is ? "" : board.dataset.lost.replace("#", hour(toldMs));
  };
  setInterval(() => {
    if (performance.now() - toldAt > BELIEVED_MS) trust(false);
    tick(board);
  }, 1000);

  // ---- pieces ----
  const holder = (id) => board.querySelector(`[data-holds="${id.slice(0, 2)}"]`);
  const parse = (id, html) => {
    const made = document.createElement("template");
    made.innerHTML = html;
    return made.content.firstElementChild;
  };
  const insert = (list, piece) => {
    const after = [...list.children].find((other) => other.dataset.order > piece.dataset.order);
    list.insertBefore(piece, after || null);
  };
  const put = (id, html) => {
    const piece = parse(id, html);
    if (!piece) return;
    tick(piece);
    const old = byId(id);
    const list = holder(id);
    if (old && (!list || old.dataset.order === piece.dataset.order)) {
      const focused = old.contains(document.activeElement);
      old.replaceWith(piece);
      if (focused && piece.querySelector("a")) piece.querySelector("a").focus();
      return;
    }
    if (old) old.remove();
    if (list) insert(list, piece);
  };
  const settle = () => {
    for (const list of board.querySelectorAll("[data-holds]")) {
      const section = list.closest("section");
      const none = !list.children.length;
      section.querySelector(".empty").hidden = !none;
      const table = section.querySelector("table");
      if (table) table.hidden = none;
    }
    board.classList.toggle("blind", "blind" in byId("b-notice").dataset);
  };
  const apply = (change) => {
    for (const id of change.gone || []) byId(id)?.remove();
    for (const [id, html] of Object.entries(change.set)) put(id, html);
    settle();
  };
  const replace = (whole) => {
    for (const list of board.querySelectorAll("[data-holds]"))
      for (const piece of [...list.children]) if (!(piece.id in whole.set)) piece.remove();
    apply(whole);
  };

  // ---- the stream ----
  let source = null;
  let timer = 0;
  let mark = "";
  const on = (name, act) =>
    source.addEventListener(name, (event) => {
      if (event.lastEventId) mark = event.lastEventId;
      toldAt = performance.now();
      act(event.data);
    });
  const close = () => {
    clearTimeout(timer);
    if (source) source.close();
    source = null;
  };
  const open = () => {
    close();
    const target = new URL(board.dataset.events, location.href);
    if (mark) target.searchParams.set("mark", mark);
    source = new EventSource(target);
    source.onerror = () => {
      trust(false);
      // The browser tries again by itself, except after a refusal: the session may have ended.
      if (source && source.readyState === EventSource.CLOSED) timer = setTimeout(retry, 5000);
    };
    on("change", (data) => apply(JSON.parse(data)));
    on("whole", (data) => replace(JSON.parse(data)));
    on("beat", (data) => told(Number(data)));
  };
  const retry = async () => {
    try {
      const answer = await fetch(location.href, { method: "HEAD" });
      if (answer.redirected || answer.status === 401 || answer.status === 403) return location.reload();
    } catch {
      // Still away.
    }
    open();
  };

  // A hidden page keeps no connection: browsers allow six to one server.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && open());
  if (!document.hidden) open();
})();
