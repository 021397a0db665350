// The desk works without this and reloads; with it a card comes the moment the phone rings, also in a hidden tab, and
// notes are saved as they are typed. The server paints every piece; what a person is filling in is never replaced.
(() => {
  "use strict";

  const desk = document.getElementById("desk");
  if (!desk || !window.EventSource) return;

  const PAUSE_MS = 700; // after the last letter
  const AGAIN_MS = 3000;
  const byId = (id) => document.getElementById(id);
  const live = window.pbxLive(desk, { light: byId("d-live"), time: byId("d-time"), lost: byId("d-gone") });

  // ---- pieces ----
  const parse = (html) => {
    const made = document.createElement("template");
    made.innerHTML = html;
    return made.content.firstElementChild;
  };
  const changedByHand = (field) => {
    if (field.type === "hidden") return false;
    if (field.dataset.note) return field.value !== notes.get(field.dataset.note)?.saved;
    if (field.tagName === "SELECT") return ![...field.options].every((one, n) => one.selected === (one.defaultSelected || (!n && ![...field.options].some((o) => o.defaultSelected))));
    return "value" in field && field.defaultValue !== undefined && field.value !== field.defaultValue;
  };
  const inUse = (part) =>
    part.contains(document.activeElement) || (part.tagName === "DETAILS" && part.open) ||
    [...part.querySelectorAll("input, select, textarea")].some(changedByHand);

  // A part of a call that stays is left alone, so that the reader and the focus stay where they are.
  const merge = (old, fresh) => {
    for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    let before = null;
    for (const part of [...fresh.children]) {
      const there = byId(part.id);
      if (there && there.parentElement === old) {
        if (part.hasAttribute("data-keep") && inUse(there)) takeNote(there, part);
        else if (!there.isEqualNode(part)) replace(there, part);
        before = byId(part.id);
      } else {
        if (before) before.after(part);
        else old.prepend(part);
        before = part;
      }
    }
    for (const part of [...old.children]) if (!fresh.dataset.parts.split(" ").includes(part.id)) part.remove();
  };
  const replace = (there, part) => {
    const at = there.contains(document.activeElement) ? document.activeElement : null;
    const place = at ? [...there.querySelectorAll("a, button, summary")].indexOf(at) : -1;
    there.replaceWith(part);
    if (place >= 0) [...part.querySelectorAll("a, button, summary")][place]?.focus();
  };
  // Written in another window: taken over where nothing was typed here.
  const takeNote = (there, part) => {
    const mine = there.querySelector("[data-note]");
    const other = part.querySelector("[data-note]");
    if (!mine || !other || changedByHand(mine)) return;
    if (mine.value !== other.value) mine.value = other.value;
    there.elements.turn.value = part.elements.turn.value;
    const note = notes.get(mine.dataset.note);
    if (note) note.saved = other.value;
  };

  const calls = byId("d-calls");
  const put = (id, html) => {
    const fresh = parse(html);
    if (!fresh) return;
    fresh.dataset.parts = [...fresh.children].map((part) => part.id).join(" ");
    const old = byId(id);
    if (!fresh.dataset.order) {
      if (old) replace(old, fresh);
      if (old && fresh.dataset.say && fresh.dataset.mark !== old.dataset.mark) tellOf(fresh.dataset.say, "", id);
      return;
    }
    const rang = old && old.dataset.stage === "ring";
    if (old) merge(old, fresh);
    const piece = old || fresh;
    const after = [...calls.children].find((other) => other !== piece && less(piece.dataset.order, other.dataset.order));
    if (!old || piece.nextElementSibling !== (after || null)) {
      const focused = piece.contains(document.activeElement) ? document.activeElement : null;
      calls.insertBefore(piece, after || null);
      if (focused) focused.focus();
    }
    for (const area of piece.querySelectorAll("[data-note]")) keep(area);
    if (piece.dataset.stage === "ring" && !rang) announce(piece);
  };
  const less = (one, other) => {
    const [a, b] = [one.split("-").map(Number), other.split("-").map(Number)];
    return a[0] !== b[0] ? a[0] < b[0] : a[1] < b[1];
  };
  const settle = () => {
    byId("d-quiet").hidden = calls.children.length > 0;
    const ringing = calls.querySelector(".stage-ring");
    document.title = ringing ? `☎ ${ringing.dataset.say} · ${title}` : title;
    if (!ringing) for (const one of shown.splice(0)) one.close();
    live.tick(desk);
  };
  const apply = (change) => {
    for (const id of change.gone || []) byId(id)?.remove();
    for (const [id, html] of Object.entries(change.set)) put(id, html);
    settle();
  };
  const whole = (all) => {
    for (const piece of [...calls.children]) if (!(piece.id in all.set)) piece.remove();
    apply(all);
  };

  // ---- a ring is told: to a screen reader, and in a window that is not seen ----
  const title = document.title;
  const shown = [];
  const announce = (piece) => {
    const words = desk.dataset.rings.replace("#", piece.dataset.say);
    tellOf(words, piece.querySelector(".d-number")?.textContent.trim() || "", piece.id);
  };
  const tellOf = (words, body, tag) => {
    byId("d-say").textContent = words;
    if (!document.hidden || !window.Notification || Notification.permission !== "granted") return;
    const one = new Notification(words, { body, tag });
    one.onclick = () => {
      window.focus();
      one.close();
    };
    shown.push(one);
  };
  const tell = byId("d-tell");
  if (window.Notification && Notification.permission === "default") {
    tell.hidden = false;
    tell.addEventListener("click", async () => {
      await Notification.requestPermission();
      tell.hidden = Notification.permission !== "default";
    });
  }

  // ---- notes: saved as they are typed; what could not be sent stays here, also over a reload, and is sent again ----
  const notes = new Map();
  const stored = (id) => `pbx-desk-note-${id}`;
  const say = (area, what, bad) => {
    const place = area.form.querySelector(".d-saved");
    place.textContent = what;
    place.classList.toggle("bad", Boolean(bad));
  };
  const keep = (area) => {
    const id = area.dataset.note;
    const known = notes.get(id);
    if (known && known.area === area) return;
    const note = known || { timer: 0, sending: false };
    note.area = area;
    note.saved = area.value; // as the server painted it
    notes.set(id, note);
    if (!known) {
      const left = sessionStorage.getItem(stored(id));
      if (left !== null && left !== area.value) {
        area.value = left.includes(area.value) ? left : `${area.value}\n${left}`;
        later(id, 0);
      }
    }
    area.addEventListener("input", () => {
      sessionStorage.setItem(stored(id), area.value);
      say(area, desk.dataset.saving);
      later(id, PAUSE_MS);
    });
  };
  const later = (id, ms) => {
    const note = notes.get(id);
    clearTimeout(note.timer);
    note.timer = setTimeout(() => save(id), ms);
  };
  const save = async (id) => {
    const note = notes.get(id);
    const { area } = note;
    if (!area.isConnected || area.value === note.saved) return;
    if (note.sending) return later(id, PAUSE_MS);
    note.sending = true;
    const text = area.value;
    try {
      const { status, told } = await send("/desk/note", { call: id, note: text, turn: area.form.elements.turn.value });
      if (status === 200) taken(note, id, text, told);
      else if (status === 400 || status === 404) say(area, told.error || desk.dataset.unsaved, true);
      else throw new Error(String(status));
    } catch {
      say(area, desk.dataset.unsaved, true);
      later(id, AGAIN_MS);
    } finally {
      note.sending = false;
    }
  };
  const taken = (note, id, text, told) => {
    const { area } = note;
    area.form.elements.turn.value = told.turn;
    if (told.kept) {
      note.saved = text;
      if (area.value === text) {
        sessionStorage.removeItem(stored(id));
        say(area, desk.dataset.saved.replace("#", live.hour(live.now())));
      } else later(id, PAUSE_MS);
      return;
    }
    note.saved = told.note; // another window wrote meanwhile: both are kept
    if (!area.value.includes(told.note)) area.value = `${told.note}\n${area.value}`;
    say(area, desk.dataset.merged);
    later(id, PAUSE_MS);
  };
  addEventListener("pagehide", () => {
    for (const [id, note] of notes) {
      if (!note.area.isConnected || note.area.value === note.saved) continue;
      const body = new URLSearchParams({ call: id, note: note.area.value, turn: note.area.form.elements.turn.value });
      fetch("/desk/note", { method: "POST", body, keepalive: true, headers: { Accept: "application/json" } }).catch(() => {});
    }
  });

  // ---- forms ----
  const send = async (address, fields) => {
    const answer = await fetch(address, { method: "POST", body: new URLSearchParams(fields), headers: { Accept: "application/json" } });
    if (answer.status === 401 || answer.redirected) {
      document.dispatchEvent(new CustomEvent("pbx:ended"));
      return { status: 401, told: {} };
    }
    const told = answer.headers.get("Content-Type")?.includes("json") ? await answer.json() : {};
    return { status: answer.status, told };
  };
  const fault = (sent, words) => {
    const place = sent.querySelector(".error");
    if (!place) return;
    place.textContent = words;
    place.hidden = !words;
  };
  document.addEventListener("submit", async (event) => {
    const sent = event.target;
    if (!sent.matches("#desk form[data-send]")) return;
    event.preventDefault();
    const button = event.submitter;
    if (sent.dataset.busy) return;
    sent.dataset.busy = "1";
    const note = sent.dataset.call && notes.get(sent.dataset.call);
    if (note) clearTimeout(note.timer);
    const fields = new FormData(sent);
    if (button?.name) fields.set(button.name, button.value);
    try {
      const { status, told } = await send(button?.formAction && button.hasAttribute("formaction") ? button.formAction : sent.action, fields);
      if (status === 200) done(sent, note, told);
      else fault(sent, told.error || desk.dataset.unsaved);
      if (status === 400 && note) later(sent.dataset.call, 0);
    } catch {
      fault(sent, desk.dataset.unsaved);
    } finally {
      delete sent.dataset.busy;
    }
  });
  const done = (sent, note, told) => {
    fault(sent, "");
    if (note) {
      note.saved = note.area.value;
      sessionStorage.removeItem(stored(sent.dataset.call));
      byId(`n-${sent.dataset.call}`)?.focus?.();
    }
    const opened = sent.querySelector(".d-opened");
    if (opened && told.shown) {
      sent.reset();
      opened.textContent = desk.dataset.opened.replace("#", told.shown);
    }
  };

  for (const area of desk.querySelectorAll("[data-note]")) keep(area);
  for (const piece of calls.children) piece.dataset.parts = [...piece.children].map((part) => part.id).join(" ");
  settle();
  // Open in a hidden tab, too, for that is where a ring is missed.
  live.follow({ change: apply, whole, hidden: true });
})();
