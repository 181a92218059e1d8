// Waiting, in a realm whose scripts may have changed what promises do.

(function () {
const { core, primordials } = __bootstrap;
const { ObjectDefineProperty, Promise } = primordials;

const { defer, setTimeout } = core.loadExtScript(
  "ext:deno_web/02_timers.js",
);

/**
 * A promise that no script ever sees, ready for `await`, which asks every
 * promise for its `constructor`: a script may have put a getter there.
 * @template T
 * @param {Promise<T>} promise
 * @returns {Promise<T>}
 */
function internal(promise) {
  return ObjectDefineProperty(promise, "constructor", {
    __proto__: null,
    value: Promise,
  });
}

/** Resolves in a new task. */
function newTask() {
  return internal(new Promise((resolve) => defer(resolve)));
}

/**
 * Resolves in the next task, and before any timer that is set from now on: of
 * two timers with the same delay the one that was set first fires first. What
 * has to be done before such a timer's callback runs is done by `first`.
 */
function nextTask(first = undefined) {
  return internal(
    new Promise((resolve) => {
      let isOver = false;
      const begin = () => {
        if (isOver) return;
        isOver = true;
        first?.();
        resolve();
      };
      defer(begin);
      setTimeout(begin, 0);
    }),
  );
}

/**
 * Calls `hear` with each value that the engine has after the present one, and
 * keeps no event loop alive by doing so.
 * @template T
 * @param {() => T} read
 * @param {(known: T) => Promise<T>} readOtherThan
 * @param {(value: T) => void} hear
 */
async function watch(read, readOtherThan, hear) {
  let value = read();
  while (true) {
    const next = readOtherThan(value);
    core.unrefOpPromise(next);
    value = await internal(next);
    hear(value);
  }
}

return { internal, newTask, nextTask, watch };
})();
