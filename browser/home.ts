/**
 * Tells the customer's own installation which errors happen in a page, and which routes are visited.
 *
 * It keeps everything in memory, stores nothing, and connects to the one address that it is given: within a second of
 * an error, and when the page is hidden. What it sends stands in docs/formats/browser.md; the installation reduces it
 * before anything touches a disk. Rules: nothing here throws into the page, and no handler of the page's is replaced.
 */

import { type Item, type Visit, problem, text } from "./item.ts";

export type { Item, Problem, Visit } from "./item.ts";

/** Gets each item just before it goes. What it returns goes instead; for anything falsy, and for an error, nothing. */
export type Hook = (item: Item) => Item | false | null | undefined;

export interface Options {
  /** Where to: `/browser/<project>/` of the installation. */
  to: string;
  /** The template of the page's route, such as `/project/<int:id>`; never its address. */
  route?: string | undefined;
  /** The release of the page. */
  release?: string | undefined;
  onEvent?: Hook | undefined;
}

const MOST_ITEMS = 32;
const MOST_BYTES = 6e4;
const SOON_MS = 1e3;
const WIDTHS = [576, 992, 1440, 3840];

let given: Options | undefined;
let route: string | undefined;
let visiting: Visit | undefined;
let items: Item[] = [];
let lost = 0;
let told: unknown;
let timer: ReturnType<typeof setTimeout> | undefined;

const push = (item: Item | undefined) => {
  if (!item) return;
  if (items.length < MOST_ITEMS) items.push(item);
  else lost++;
  timer ||= setTimeout(home.flush, SOON_MS);
};

const leave = () => {
  push(visiting);
  visiting = undefined;
};

const kept = (item: Item): Item[] => {
  try {
    for (const look of home.hooks) look(item);
    const found = home.onEvent ? home.onEvent(item) : item;
    return found ? [found] : [];
  } catch {
    return [];
  }
};

export const home = {
  /** Looks at each item last: may change or drop it. */
  onEvent: undefined as Hook | undefined,

  /** What looks at each item before that, and may add to it. */
  hooks: [] as ((item: Item) => void)[],

  /** Begin to listen. A second call changes nothing. */
  start(options: Options) {
    if (given || !options?.to) return;
    given = options;
    home.onEvent ||= options.onEvent;
    addEventListener("error", (e) => home.error(e.error ?? e.message, "error", `${e.filename}:${e.lineno}:${e.colno}`));
    addEventListener("unhandledrejection", (e) => home.error(e.reason, "rejection"));
    const hidden = () => {
      leave();
      home.flush();
    };
    document.addEventListener("visibilitychange", () => document.hidden && hidden());
    addEventListener("pagehide", hidden);
    home.visit(options.route);
  },

  /** A route of the page is shown: its template, never its address. */
  visit(template: string | undefined) {
    leave();
    route = text(template, 200);
    if (route) visiting = { kind: "visit", route };
  },

  /** Tell an error that was caught. */
  error(e: unknown, how = "caught", place = "") {
    try {
      push({ ...problem(e, how, place), route });
    } catch {
      lost++;
    }
  },

  push,

  /** Send what waits, or a ping if nothing went yet. */
  flush() {
    try {
      clearTimeout(timer);
      timer = undefined;
      const batch = items.splice(0).flatMap(kept);
      if (!given || (told && !batch[0] && !lost)) return;
      let body;
      do {
        body = JSON.stringify({
          v: 1,
          release: given.release,
          viewport: WIDTHS.filter((width) => innerWidth >= width).length,
          lost,
          items: batch,
        });
      } while (new Blob([body]).size > MOST_BYTES && batch.pop() && ++lost);
      told = body;
      lost = 0;
      home.post(body).catch(() => (lost += batch.length));
    } catch {
      lost++;
    }
  },

  /** The one place where anything leaves the page. */
  async post(body: string): Promise<Response | void> {
    const to = given!.to;
    if ("keepalive" in Request.prototype)
      return fetch(to, { method: "POST", body, keepalive: true, credentials: "omit", referrerPolicy: "no-referrer" });
    if (!navigator.sendBeacon(to, body)) throw 0;
  },
};

export type Home = typeof home;
