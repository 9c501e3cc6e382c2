/**
 * What home.js leaves out to stay small: `console.error`, resources that did not load, the host that led here, how long
 * a visit lasted, and waiting while the network is away or the installation asks for it (Retry-After).
 *
 * Rules as in home.ts. What waits is held in memory, eight bodies at most, and is gone with the page.
 */

import type { Home } from "./home.ts";

const MOST_BODIES = 8;
const AGAIN_MS = 6e4;
const LONGEST_WAIT_S = 3600;

const consoleErrors = (home: Home) => {
  const before = console.error;
  console.error = function (this: unknown, ...said: unknown[]) {
    home.error(said.find((one) => one instanceof Error) ?? said[0], "console");
    return before.apply(this, said);
  };
};

const resources = (home: Home) => {
  const failed = ({ target }: Event) => {
    if (target instanceof Element) home.push({ kind: "error", how: "resource", element: target.localName });
  };
  addEventListener("error", failed, true); // such events do not bubble
};

const visits = (home: Home) => {
  let since = performance.now();
  let from = "";
  try {
    const { host, hostname } = new URL(document.referrer);
    if (host !== location.host) from = hostname;
  } catch {
    // none, or none that is an address
  }
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) since = performance.now();
  });
  home.hooks.push((item) => {
    if (item.kind !== "visit") return;
    item.seconds = Math.round((performance.now() - since) / 1e3);
    since = performance.now();
    if (from) item.referrer = from;
    from = "";
  });
};

const patience = (home: Home) => {
  const post = home.post;
  const waiting: string[] = [];
  let until = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const later = (ms: number) => {
    until = Date.now() + ms;
    clearTimeout(timer);
    timer = setTimeout(again, ms);
  };
  const again = () => {
    const body = waiting.shift();
    if (body) home.post(body).then((answer) => answer && again());
  };
  home.post = async (body) => {
    if (navigator.onLine && Date.now() >= until) {
      try {
        const answer = await post(body);
        if (!answer || (answer.status !== 429 && answer.status !== 503)) return answer;
        later(1e3 * Math.min(Number(answer.headers.get("Retry-After")) || 60, LONGEST_WAIT_S));
      } catch {
        later(AGAIN_MS);
      }
    }
    waiting.push(body);
    waiting.splice(0, waiting.length - MOST_BODIES);
  };
  addEventListener("online", again);
};

/** Add all of it to a `home` that was started, or will be. */
export const extras = (home: Home) => [consoleErrors, resources, visits, patience].forEach((part) => part(home));
