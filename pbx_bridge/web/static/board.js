// The board works without this and reloads; with it, what changes is put in its place at once and the times tick.
// The server paints every piece; this only sets, replaces and takes away by id.
(() => {
  "use strict";

  const board = document.getElementById("board");
  if (!board || !window.EventSource) return;

  const byId = (id) => document.getElementById(id);
  const live = window.pbxLive(board, { light: byId("b-live"), time: byId("b-time"), lost: byId("b-lost") });

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
    live.tick(piece);
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

  live.follow({ change: apply, whole: replace, ended: () => location.reload() });
})();
