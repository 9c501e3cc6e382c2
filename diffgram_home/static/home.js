// Makes pages nicer; nothing needs it. No markup is ever made from text (Trusted Types forbid it, and we agree).
"use strict";

const all = (selector, root = document) => [...root.querySelectorAll(selector)];

/** Hover or focus on a value shows its definition beside it; without us the same link jumps to it. */
function definitions() {
  const panel = document.querySelector("[data-definitions]");
  if (!panel) return;
  const show = (link) => {
    const found = document.getElementById(decodeURIComponent(link.hash.slice(1)));
    if (!found || !panel.contains(found)) return;
    all(".shown", panel).forEach((e) => e.classList.remove("shown"));
    all("a.v.lit").forEach((e) => e.classList.remove("lit"));
    found.classList.add("shown");
    all("a.v").filter((e) => e.hash === link.hash).forEach((e) => e.classList.add("lit"));
    if (panel.scrollHeight > panel.clientHeight) {
      panel.scrollTop += found.getBoundingClientRect().top - panel.getBoundingClientRect().top - 56;
    }
  };
  for (const type of ["pointerover", "focusin"]) {
    document.addEventListener(type, (e) => {
      const link = e.target.closest?.("a.v");
      if (link) show(link);
    });
  }
}

/** Filters act as soon as they change; the button for browsers without us disappears. */
function filters() {
  for (const form of all("form[data-auto]")) {
    form.querySelector("button")?.setAttribute("hidden", "");
    let waiting = 0;
    const rows = all(form.dataset.auto);
    const search = form.querySelector("input[type=search]");
    search?.addEventListener("input", () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
      }
      clearTimeout(waiting);
      waiting = setTimeout(() => count(form, rows), 150);
    });
    all("select", form).forEach((e) => e.addEventListener("change", () => form.requestSubmit()));
  }
}

function count(form, rows) {
  const told = form.querySelector("output");
  const left = rows.filter((row) => !row.hidden).length;
  if (told) told.textContent = `${left} of ${rows.length} shown`;
}

/** Whole groups are ticked with one box. */
function ticks() {
  for (const box of all("input[data-ticks]")) {
    box.closest("label").hidden = false;
    box.addEventListener("change", () => all(box.dataset.ticks).forEach((e) => {
      if (!e.closest("[hidden]")) e.checked = box.checked;
    }));
  }
}

/** A hash is copied whole with one click. */
function copies() {
  if (!navigator.clipboard) return;
  for (const code of all("code[data-copy]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "copy";
    button.setAttribute("aria-label", `copy ${code.dataset.copy}`);
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(code.textContent.trim());
      button.textContent = "copied";
    });
    code.after(button);
  }
}

/** Times are also told in the reader's own zone. */
function times() {
  for (const e of all("time[datetime]")) {
    const at = new Date(e.dateTime);
    if (!Number.isNaN(at.getTime())) e.title = `${at.toLocaleString()} on your clock`;
  }
}

/** Says when something new was recorded since this page was made, and never reloads under the reader's hands. */
function pulse() {
  const said = document.querySelector("[data-pulse]");
  if (!said) return;
  const ask = async () => {
    if (document.hidden) return;
    const answer = await fetch("/pulse", { headers: { Accept: "application/json" } }).catch(() => null);
    if (answer?.ok) said.hidden = (await answer.json()).state === said.dataset.pulse;
  };
  setInterval(ask, 4000);
}

[definitions, filters, ticks, copies, times, pulse].forEach((part) => part());
