// The pages work without this. With it, new calls and link states appear by themselves.
// The server renders every row; this only puts it in its place.
(() => {
  "use strict";

  const persian = document.documentElement.lang === "fa";
  const digits = (text) => (persian ? String(text).replace(/\d/g, (d) => "۰۱۲۳۴۵۶۷۸۹"[d]) : String(text));
  const byId = (id) => document.getElementById(id);

  // What is open behind "more" closes when one goes elsewhere.
  const more = document.querySelector("details.more");
  const leave = (event) => {
    if (more?.open && (event.key === "Escape" || (event.type === "pointerdown" && !more.contains(event.target)))) more.open = false;
  };
  document.addEventListener("pointerdown", leave);
  document.addEventListener("keydown", leave);

  // Calls in progress grow older by the second.
  const tick = () => {
    for (const place of document.querySelectorAll("[data-since]")) {
      const s = Math.max(0, Math.round((Date.now() - Number(place.dataset.since)) / 1000));
      const two = (n) => String(n).padStart(2, "0");
      const hours = Math.floor(s / 3600);
      const rest = Math.floor(s / 60) % 60;
      place.textContent = digits(hours ? `${hours}:${two(rest)}:${two(s % 60)}` : `${rest}:${two(s % 60)}`);
    }
  };
  setInterval(tick, 1000);

  // Paper needs script: without it the button is not shown.
  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }

  const address = document.body.dataset.stream;
  if (!address || !window.EventSource) return;

  const live = byId("live");
  const show = (on) => {
    live.hidden = false;
    live.classList.toggle("on", on);
    live.textContent = on ? live.dataset.on : live.dataset.off;
  };

  const parse = (html) => {
    const holder = document.createElement("template");
    holder.innerHTML = html;
    return holder.content;
  };

  // ---- the history ----
  const list = byId("calls");
  const body = list && list.querySelector("tbody");
  const fresh = new Set();
  const newestAtLoad = body && body.rows.length ? Number(body.rows[0].dataset.started) : 0;

  const started = (row) => Number(row.dataset.started);

  const insert = (row) => {
    const size = Number(list.dataset.size);
    const before = [...body.rows].find((other) => started(other) < started(row));
    if (!before && body.rows.length >= size) return;
    body.insertBefore(row, before || null);
    while (body.rows.length > size) body.deleteRow(-1);
    list.querySelector("table").hidden = false;
    list.querySelector(".empty").hidden = true;
  };

  const count = (row) => {
    if (started(row) <= newestAtLoad) return;
    fresh.add(row.id);
    const news = byId("news");
    const form = fresh.size === 1 ? news.dataset.one : news.dataset.many;
    news.querySelector("span").textContent = form.replace("#", digits(fresh.size));
    news.hidden = false;
  };

  const place = (html) => {
    const row = parse(html).querySelector("tr");
    if (!row || !body) return;
    const old = byId(row.id);
    if (old) {
      if (Number(old.dataset.revision) >= Number(row.dataset.revision)) return;
      const focused = old.contains(document.activeElement);
      old.replaceWith(row);
      if (focused) row.querySelector("a").focus();
      return;
    }
    if (list.dataset.follow !== "rows") return count(row);
    row.classList.add("fresh");
    insert(row);
  };

  // What a person has typed is not thrown away for it: they are told, and go when they are ready.
  const ended = () => {
    over = true;
    stream.follow();
    document.dispatchEvent(new CustomEvent("pbx:ended"));
  };

  // ---- the page anew, without losing what a person typed ----
  let reading = false;
  let again = false;
  const refresh = async (part) => {
    if (reading) {
      again = true;
      return;
    }
    reading = true;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (answer.redirected) return ended();
      if (!answer.ok) return;
      document.dispatchEvent(new CustomEvent("pbx:fresh"));
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const now = page.querySelector(part);
      const here = document.querySelector(part);
      if (now && here) {
        // A form that is being filled in, a sound that is playing: these stay as they are.
        const focused = document.activeElement;
        for (const kept of here.querySelectorAll("[data-keep]")) {
          const other = now.querySelector(`#${kept.id}`);
          if (other) other.replaceWith(kept);
        }
        here.replaceChildren(...now.childNodes);
        if (focused && here.contains(focused)) focused.focus();
      }
      // A call that ended, or one whose end is told: nothing more will come.
      if (part === "#main" && !page.body.dataset.stream) {
        over = true;
        stream.follow();
        live.hidden = true;
      }
    } catch {
      // The server is away; the stream's own reconnecting tells when it is back.
    } finally {
      reading = false;
      if (again) {
        again = false;
        refresh(part);
      }
    }
  };

  // ---- the stream ----
  let over = false;
  const call = document.body.dataset.call;
  const stream = window.pbxStream({
    address: () => (over ? "" : address),
    opened: () => show(true),
    lost: () => show(false),
    ended,
    on: {
      links: (html) => byId("links").replaceChildren(parse(html)),
      stale: () => {
        if (call) refresh("#main");
        else if (list && list.dataset.follow === "rows") refresh("#calls");
      },
      call: (html) => {
        if (!call) place(html);
        else if (parse(html).querySelector("tr").id === call) refresh("#main");
      },
    },
  });
})();
