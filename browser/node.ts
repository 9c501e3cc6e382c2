/**
 * Tells the installation which errors end a Node process, without changing what becomes of the process.
 *
 * It listens by `uncaughtExceptionMonitor` alone, which neither keeps a process alive nor ends it, and which sees
 * unhandled rejections, too, as long as Node raises them (its default). Where the process is about to end, it waits two
 * seconds at most for delivery; where somebody catches the error, it does not wait. Rules as in home.ts.
 */

import { Worker } from "node:worker_threads";

import { type Hook } from "./home.ts";
import { problem } from "./item.ts";

export interface Options {
  /** Where to, with scheme and host: `http://127.0.0.1:8080/browser/<project>/`. */
  to: string;
  /** Stands in the settings under `[browser] origins`. */
  origin?: string;
  release?: string;
  onEvent?: Hook;
}

const LONGEST_WAIT_MS = 2000;
const DELIVERY = `
  const { workerData: { to, init, done } } = require("node:worker_threads");
  const end = () => { Atomics.store(done, 0, 1); Atomics.notify(done, 0); };
  fetch(to, init).then(end, end);
`;

let given: Options | undefined;

const request = (e: unknown, how: string): RequestInit | undefined => {
  const item = problem(e, how, "");
  const kept = given!.onEvent ? given!.onEvent(item) : item;
  if (!kept) return undefined;
  const body = JSON.stringify({ v: 1, release: given!.release, lost: 0, items: [kept] });
  return { method: "POST", body, headers: { "Content-Type": "text/plain", Origin: given!.origin ?? "node" } };
};

/** Deliver while this thread stands still: it has no later. */
const deliverNow = (init: RequestInit) => {
  const done = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(DELIVERY, { eval: true, workerData: { to: given!.to, init, done }, execArgv: [] });
  worker.unref();
  Atomics.wait(done, 0, 0, LONGEST_WAIT_MS);
};

const deliver = (init: RequestInit) => {
  fetch(given!.to, { ...init, signal: AbortSignal.timeout(LONGEST_WAIT_MS) }).catch(() => undefined);
};

/** Begin to listen. A second call changes nothing. */
export const start = (options: Options) => {
  if (given) return;
  given = options;
  process.on("uncaughtExceptionMonitor", (e, origin) => {
    try {
      const init = request(e, origin === "unhandledRejection" ? "rejection" : "error");
      if (init) (process.listenerCount("uncaughtException") ? deliver : deliverNow)(init);
    } catch {
      // telling must never change what becomes of the process
    }
  });
};

/** Tell an error that was caught. */
export const error = (e: unknown) => {
  try {
    const init = given && request(e, "caught");
    if (init) deliver(init);
  } catch {
    // likewise
  }
};
