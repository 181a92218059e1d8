// A Chromium with a profile of its own, spoken to by the DevTools protocol.

import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const FLAGS = [
  "--no-sandbox",
  "--no-first-run",
  "--disable-gpu",
  "--remote-debugging-pipe",
];

/**
 * Starts Chromium: `$CHROMIUM`, or that of the path.
 * @param {object} options
 * @param {string[]} options.flags further ones
 * @param {object=} options.preferences those of its profile
 * @param {(event: { method: string, params: any, sessionId?: string }) => void}
 *   options.heard called with each event of the protocol
 */
export async function startChromium({ flags, preferences, heard }) {
  const profile = await mkdtemp(join(tmpdir(), "chromium-"));
  if (preferences) {
    await mkdir(join(profile, "Default"));
    await writeFile(
      join(profile, "Default", "Preferences"),
      JSON.stringify(preferences),
    );
  }
  const chromium = spawn(
    process.env.CHROMIUM ?? "chromium",
    [...FLAGS, ...flags, `--user-data-dir=${profile}`, "about:blank"],
    { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] },
  );
  const ended = new Promise((resolve) => chromium.on("exit", resolve));
  chromium.on("error", (error) => {
    console.error(`chromium cannot be started: ${error.message}`);
    process.exit(2);
  });

  // Messages end with a NUL.
  const [, , , toBrowser, fromBrowser] = chromium.stdio;
  toBrowser.on("error", () => {});
  const answers = new Map();
  let last = 0;
  let rest = Buffer.alloc(0);
  fromBrowser.on("data", (data) => {
    rest = Buffer.concat([rest, data]);
    for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0)) {
      const message = JSON.parse(rest.subarray(0, end));
      rest = rest.subarray(end + 1);
      const asked = answers.get(message.id);
      answers.delete(message.id);
      if (!message.id) heard(message);
      else if (message.error) asked.reject(new Error(message.error.message));
      else asked.resolve(message.result);
    }
  });

  return {
    /** Gives a command; resolves with its result. */
    ask(method, params, sessionId) {
      last += 1;
      const id = last;
      const answer = new Promise((resolve, reject) =>
        answers.set(id, { resolve, reject })
      );
      const message = { id, method, params, sessionId };
      toBrowser.write(`${JSON.stringify(message)}\0`);
      return answer;
    },
    /** Ends it at once. */
    kill: () => chromium.kill("SIGKILL"),
    /** Ends it, and deletes its profile. */
    async end() {
      chromium.kill("SIGKILL");
      await ended;
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
