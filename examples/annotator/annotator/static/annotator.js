// The annotator's own script: what its pages do beyond plain forms. Nothing needs it.
"use strict";

class ColourError extends Error {
  constructor(message) {
    super(message);
    this.name = "ColourError";
  }
}

const COLOURS = ["amber", "blue", "green", "grey", "red"];

/** The colour of a label, by its name. */
function colourOf(name) {
  const colour = COLOURS.find((one) => name.startsWith(one));
  if (!colour) throw new ColourError(`no colour for the label ${name}`);
  return colour;
}

/** Shows a label as it would look: a real fault, since most names begin with no colour. */
function preview() {
  const name = document.querySelector("#preview-name");
  const shown = document.querySelector("#preview-label");
  shown.textContent = name.value;
  shown.className = `label ${colourOf(name.value)}`;
}

/** Counts what was typed so far, and forgets that there may be no task on the page. */
async function count() {
  const text = document.querySelector("#annotation-text");
  document.querySelector("#preview-count").textContent = `${text.value.length} characters`;
}

document.querySelector("#preview-button")?.addEventListener("click", preview);
document.querySelector("#count-button")?.addEventListener("click", count);
