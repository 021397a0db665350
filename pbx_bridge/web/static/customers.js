// A customer's form: another line for a number, as many as are needed. Without script two empty ones are there.
(() => {
  "use strict";
  const lines = document.querySelector("[data-lines]");
  const more = document.querySelector("[data-more]");
  if (!lines || !more) return;
  more.hidden = false;
  more.addEventListener("click", () => {
    const line = lines.lastElementChild.cloneNode(true);
    for (const field of line.querySelectorAll("input")) {
      field.value = "";
      field.removeAttribute("aria-invalid");
      field.removeAttribute("aria-describedby");
    }
    for (const told of line.querySelectorAll(".error")) told.remove();
    for (const bad of line.querySelectorAll(".bad")) bad.classList.remove("bad");
    lines.append(line);
    line.querySelector("input").focus();
  });
})();
