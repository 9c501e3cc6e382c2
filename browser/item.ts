/** What is told of one error: class, message and positions; of an address only the file name is looked at. */

export interface Visit {
  kind: "visit";
  route: string | undefined;
  referrer?: string;
  seconds?: number;
}

export interface Problem {
  kind: "error";
  how: string;
  route?: string | undefined;
  name?: string | undefined;
  message?: string | undefined;
  frames?: string[];
  element?: string;
}

export type Item = Visit | Problem;

// Each part is bounded, so that no stack can make the search slow.
const FRAME = /([\w.-]{1,80})(?:[?#][^\s()]{0,200})?:(\d{1,7}:\d{1,7})\)?$/gm;

export const text = (value: unknown, most: number) => (typeof value == "string" ? value.slice(0, most) : undefined);

const frames = (stack: string) =>
  [...stack.slice(0, 2e4).matchAll(FRAME)].slice(0, 30).map((found) => found[1] + ":" + found[2]);

/** An error as an item; `place` is where it was thrown, for what has no stack. A message is taken out of the stack. */
export const problem = (e: unknown, how: string, place: string): Problem => {
  const known = e instanceof Error;
  const message = known ? e.message : e;
  const found = frames((known && text(e.stack, 1e6)?.replace(text(message, 1e6) || "", "")) || "");
  return {
    kind: "error",
    how,
    name: text(known && e.name, 100),
    message: text(message, 500),
    frames: found[0] ? found : frames(place),
  };
};
