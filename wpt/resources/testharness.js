// A harness for tests with the interface of web-platform-tests':
// https://web-platform-tests.org/writing-tests/testharness-api.html
//
// As much of it as this project's own tests use, so that they run without a
// checkout, and with one, on the harness of web-platform-tests itself.
(() => {
"use strict";

const inWindow = "document" in globalThis;
const inServiceWorker = typeof ServiceWorkerGlobalScope === "function" &&
  globalThis instanceof ServiceWorkerGlobalScope;
const statuses = { PASS: 0, FAIL: 1, TIMEOUT: 2, NOTRUN: 3 };
const harnessStatuses = { OK: 0, ERROR: 1, TIMEOUT: 2 };

// Taken now: a test may replace them.
const { setTimeout, clearTimeout } = globalThis;

const tests = [];
const harness = {
  status: harnessStatuses.OK,
  message: null,
  complete: false,
  // Whether all tests were announced.
  loaded: false,
  // Whether done() has to be called for that.
  explicitDone: !inWindow && !inServiceWorker,
  allowUncaught: false,
  timeoutMultiplier: 1,
};

const resultCallbacks = [];
const completionCallbacks = [];
const ports = [];
let promiseTests = Promise.resolve();

// ---- Tests

class Test {
  status = statuses.NOTRUN;
  message = null;
  stack = null;
  phase = "initial";
  #cleanups = [];
  #ended;

  constructor(name) {
    this.name = name ?? `${defaultTitle()} ${tests.length}`.trim();
    this.ended = new Promise((resolve) => this.#ended = resolve);
    if (tests.some((other) => other.name === this.name)) {
      fail_harness(`two tests are called ${this.name}`);
    }
    tests.push(this);
  }

  step(f, thisValue = this, ...args) {
    if (this.phase === "complete") return undefined;
    this.phase = "started";
    try {
      return f.apply(thisValue, args);
    } catch (error) {
      this.fail(error);
      return undefined;
    }
  }

  step_func(f, thisValue = this) {
    return (...args) => this.step(f, thisValue, ...args);
  }

  step_func_done(f = () => {}, thisValue = this) {
    return (...args) => {
      this.step(f, thisValue, ...args);
      this.done();
    };
  }

  unreached_func(description) {
    return this.step_func(() => assert_unreached(description));
  }

  step_timeout(f, milliseconds, ...args) {
    return setTimeout(this.step_func(() => f.apply(this, args)), milliseconds);
  }

  async step_wait(condition, description = "a condition", timeout = 3000, interval = 20) {
    const end = Date.now() + timeout;
    while (!(await condition())) {
      assert_true(Date.now() < end, `${description} came about in time`);
      await new Promise((resolve) => setTimeout(resolve, interval));
    }
  }

  step_wait_func(condition, f, description, timeout, interval) {
    this.step_wait(condition, description, timeout, interval)
      .then(this.step_func(f), (error) => this.fail(error));
  }

  step_wait_func_done(condition, f = () => {}, ...rest) {
    this.step_wait_func(condition, () => {
      f.call(this);
      this.done();
    }, ...rest);
  }

  add_cleanup(f) {
    this.#cleanups.push(f);
  }

  fail(error) {
    if (this.phase === "complete") return;
    this.status = statuses.FAIL;
    this.message = error instanceof Error || error instanceof DOMException
      ? `${error.name}: ${error.message}`
      : `threw ${format(error)}`;
    this.stack = error?.stack ?? null;
    this.done();
  }

  timeout() {
    if (this.phase === "complete") return;
    this.status = this.phase === "initial"
      ? statuses.NOTRUN
      : statuses.TIMEOUT;
    this.message = "the test did not end in time";
    this.done();
  }

  done() {
    if (this.phase === "complete") return;
    if (this.status === statuses.NOTRUN && this.phase === "started") {
      this.status = statuses.PASS;
    }
    this.phase = "complete";
    this.#cleanUp().then(() => {
      for (const callback of resultCallbacks) callback(this);
      this.#ended();
      complete_when_ready();
    });
  }

  async #cleanUp() {
    for (const cleanup of this.#cleanups) {
      try {
        await cleanup();
      } catch (error) {
        fail_harness(`cleaning up after ${this.name}: ${error}`);
      }
    }
  }
}

function defaultTitle() {
  return inWindow ? document.title || "Untitled" : "Untitled";
}

function test(f, name) {
  const t = new Test(name);
  t.step(f, t, t);
  t.done();
}

function async_test(f, name) {
  if (typeof f !== "function") [f, name] = [null, f];
  const t = new Test(name);
  if (f !== null) t.step(f, t, t);
  return t;
}

// One after the other, each when the one before has cleaned up.
function promise_test(f, name) {
  const t = new Test(name);
  promiseTests = promiseTests.then(async () => {
    if (t.phase === "complete") return;
    t.phase = "started";
    try {
      const promise = f.call(t, t);
      assert_true(
        typeof promise?.then === "function",
        "a promise_test's function returns a promise",
      );
      await Promise.race([promise, t.ended]);
      t.done();
    } catch (error) {
      t.fail(error);
    }
    await t.ended;
  });
}

function step_timeout(f, milliseconds, ...args) {
  return setTimeout(() => f(...args), milliseconds);
}

function setup(first, second) {
  const f = typeof first === "function" ? first : null;
  const properties = (f === null ? first : second) ?? {};
  if ("timeout_multiplier" in properties) {
    harness.timeoutMultiplier = properties.timeout_multiplier;
  }
  if (properties.explicit_done) harness.explicitDone = true;
  if (properties.allow_uncaught_exception) harness.allowUncaught = true;
  if (properties.single_test) fail_harness("single_test is not supported");
  try {
    f?.();
  } catch (error) {
    fail_harness(`setup: ${error}`);
  }
}

function promise_setup(f, properties) {
  setup(properties);
  promiseTests = promiseTests.then(f).catch((error) => {
    fail_harness(`setup: ${error}`);
  });
}

function done() {
  harness.explicitDone = false;
  if (!inWindow && !inServiceWorker) harness.loaded = true;
  complete_when_ready();
}

// ---- The harness

function fail_harness(message) {
  harness.status = harnessStatuses.ERROR;
  harness.message ??= String(message);
}

function complete_when_ready() {
  const ended = tests.every((t) => t.phase === "complete");
  if (!harness.loaded || harness.explicitDone || !ended) return;
  // Those of a worker that is still to be registered may come.
  if (inWindow && tests.length === 0) return;
  promiseTests.then(() => Promise.all(tests.map((t) => t.ended))).then(() => {
    if (tests.every((t) => t.phase === "complete")) complete();
  });
}

function complete() {
  if (harness.complete) return;
  harness.complete = true;
  if (tests.length === 0) fail_harness("there are no tests");
  const { status, message } = harness;
  for (const callback of completionCallbacks) {
    callback(tests, { ...harnessStatuses, status, message });
  }
  for (const port of ports) post(port);
}

function time_out() {
  if (harness.complete) return;
  harness.status = harnessStatuses.TIMEOUT;
  for (const t of tests) t.timeout();
  complete();
}

function loaded() {
  harness.loaded = true;
  complete_when_ready();
}

globalThis.addEventListener("error", (event) => {
  if (!harness.allowUncaught) fail_harness(`uncaught: ${event.message}`);
});
globalThis.addEventListener("unhandledrejection", (event) => {
  if (!harness.allowUncaught) fail_harness(`unhandled: ${event.reason}`);
});

if (inWindow) {
  globalThis.addEventListener("load", () => {
    const long = [...document.getElementsByTagName("meta")].some(
      (meta) => meta.name === "timeout" && meta.content === "long",
    );
    setTimeout(time_out, (long ? 60_000 : 10_000) * harness.timeoutMultiplier);
    loaded();
  });
} else if (inServiceWorker) {
  globalThis.addEventListener("install", loaded);
}

// ---- Results of another realm

function post(port) {
  const results = tests.map(({ name, status, message }) => ({ name, status, message }));
  const { status, message } = harness;
  port.postMessage({ type: "complete", tests: results, status: { status, message } });
}

globalThis.addEventListener("message", (event) => {
  if (inWindow || event.data?.type !== "connect") return;
  ports.push(event.source);
  if (harness.complete) post(event.source);
});
if (typeof DedicatedWorkerGlobalScope === "function") ports.push(globalThis);

// The page takes over what the worker's tests say.
function fetch_tests_from_worker(worker) {
  harness.explicitDone = true;
  const receive = ({ data }) => {
    if (data?.type !== "complete") return;
    for (const result of data.tests) {
      const t = new Test(result.name);
      t.phase = "started";
      Object.assign(t, { status: result.status, message: result.message });
      t.done();
    }
    if (data.status.status !== harnessStatuses.OK) {
      fail_harness(data.status.message);
    }
    done();
  };
  if ("scriptURL" in worker) {
    navigator.serviceWorker.addEventListener("message", receive);
    navigator.serviceWorker.startMessages();
    worker.postMessage({ type: "connect" });
  } else {
    worker.addEventListener("message", receive);
  }
}

// In a browser, a person reads the results.
completionCallbacks.push((_, { status, message }) => {
  if (!inWindow || document.body === null) return;
  const nameOf = (names, value) =>
    Object.keys(names).find((name) => names[name] === value);
  const lines = tests.map((t) =>
    `${nameOf(statuses, t.status)} ${t.name}${t.message ? `\n  ${t.message}` : ""}`
  );
  lines.unshift(`${nameOf(harnessStatuses, status)} ${message ?? ""}`);
  const list = document.createElement("pre");
  list.textContent = lines.join("\n");
  document.body.appendChild(list);
});

// ---- Assertions

class AssertionError extends Error {
  name = "AssertionError";
}

function format(value) {
  if (typeof value === "string") return JSON.stringify(value);
  if (Object.is(value, -0)) return "-0";
  if (typeof value !== "object" || value === null) return String(value);
  try {
    return Array.isArray(value)
      ? `[${value.map(format).join(", ")}]`
      : Object.prototype.toString.call(value);
  } catch {
    return "an object";
  }
}

function assert(condition, description, message) {
  if (condition) return;
  const prefix = description === undefined ? "" : `${description}: `;
  throw new AssertionError(prefix + message);
}

const compare = (words, holds) => (actual, expected, description) =>
  assert(
    holds(actual, expected),
    description,
    `${format(actual)} is not ${words} ${format(expected)}`,
  );

const assertions = {
  assert_true: (value, description) =>
    assert(value === true, description, `${format(value)} is not true`),
  assert_false: (value, description) =>
    assert(value === false, description, `${format(value)} is not false`),
  assert_equals: compare("the same as", Object.is),
  assert_not_equals: compare("different from", (a, b) => !Object.is(a, b)),
  assert_less_than: compare("less than", (a, b) => a < b),
  assert_less_than_equal: compare("at most", (a, b) => a <= b),
  assert_greater_than: compare("greater than", (a, b) => a > b),
  assert_greater_than_equal: compare("at least", (a, b) => a >= b),
  assert_in_array: compare("one of", (a, list) => list.includes(a)),
  assert_regexp_match: compare("matched by", (text, regexp) => regexp.test(text)),
  assert_approx_equals: (actual, expected, epsilon, description) =>
    assert(
      Math.abs(actual - expected) <= epsilon,
      description,
      `${actual} is not within ${epsilon} of ${expected}`,
    ),
  assert_array_equals(actual, expected, description) {
    assert(
      actual?.length === expected.length,
      description,
      `the length is ${actual?.length}, not ${expected.length}`,
    );
    for (let i = 0; i < expected.length; i++) {
      assert(
        Object.is(actual[i], expected[i]),
        description,
        `item ${i} is ${format(actual[i])}, not ${format(expected[i])}`,
      );
    }
  },
  assert_object_equals(actual, expected, description) {
    const [a, b] = [actual, expected].map((value) => JSON.stringify(value));
    assert(a === b, description, `${a} is not ${b}`);
  },
  assert_class_string(object, name, description) {
    const actual = Object.prototype.toString.call(object);
    assert(actual === `[object ${name}]`, description, `it is a ${actual}`);
  },
  assert_own_property: (object, name, description) =>
    assert(Object.hasOwn(object, name), description, `it has no own ${name}`),
  assert_not_own_property: (object, name, description) =>
    assert(!Object.hasOwn(object, name), description, `it has an own ${name}`),
  assert_idl_attribute: (object, name, description) =>
    assert(name in object, description, `it has no ${name}`),
  assert_readonly(object, name, description) {
    const value = object[name];
    try {
      object[name] = `${value}.`;
    } catch {
      // In strict mode it throws.
    }
    assert(Object.is(object[name], value), description, `${name} was changed`);
  },
  assert_unreached: (description) => assert(false, description, "unreached"),
  assert_implements: (value, description) =>
    assert(value, description, "it is not implemented"),
};
const { assert_unreached, assert_true } = assertions;

// ---- Exceptions

const legacyNames = {
  ABORT_ERR: "AbortError",
  INVALID_STATE_ERR: "InvalidStateError",
  NOT_SUPPORTED_ERR: "NotSupportedError",
  QUOTA_EXCEEDED_ERR: "QuotaExceededError",
  SECURITY_ERR: "SecurityError",
};

function check_js(constructor, error, description) {
  assert(
    error?.constructor === constructor,
    description,
    `${format(error?.name ?? error)} (${error?.message}) is no ${constructor.name}`,
  );
}

function check_dom(type, error, description, constructor = DOMException) {
  const name = legacyNames[type] ?? type;
  assert(
    error instanceof constructor && error.name === name,
    description,
    `${format(error?.name ?? error)} (${error?.message}) is no ${name}`,
  );
}

function check_exactly(expected, error, description) {
  assert(error === expected, description, `it is another: ${format(error)}`);
}

function check_quota(error, quota, requested, description) {
  const { QuotaExceededError } = globalThis;
  check_dom("QuotaExceededError", error, description, QuotaExceededError);
  for (const [name, value] of Object.entries({ quota, requested })) {
    const matches = typeof value === "function"
      ? value(error[name])
      : error[name] === value;
    assert(matches, description, `${name} is ${error[name]}`);
  }
}

function thrown_by(f, description) {
  try {
    f();
  } catch (error) {
    return error;
  }
  return assert_unreached(description ?? "nothing was thrown");
}

function rejection_of(promise, description) {
  return promise.then(
    () => assert_unreached(description ?? "the promise was not rejected"),
    (error) => error,
  );
}

// The constructor, of another realm for instance, may come before the code.
function split_dom(args) {
  return typeof args[0] === "function" && typeof args[1] !== "string"
    ? args
    : [undefined, ...args];
}

Object.assign(globalThis, assertions, {
  assert_throws_js: (type, f, description) =>
    check_js(type, thrown_by(f, description), description),
  assert_throws_dom(type, ...args) {
    const [constructor, f, description] = args.length > 1 &&
        typeof args[1] === "function"
      ? args
      : [undefined, ...args];
    check_dom(type, thrown_by(f, description), description, constructor);
  },
  assert_throws_exactly: (expected, f, description) =>
    check_exactly(expected, thrown_by(f, description), description),
  assert_throws_quotaexceedederror: (f, quota, requested, description) =>
    check_quota(thrown_by(f, description), quota, requested, description),
  promise_rejects_js: async (_test, type, promise, description) =>
    check_js(type, await rejection_of(promise, description), description),
  async promise_rejects_dom(_test, type, ...args) {
    const [constructor, promise, description] = split_dom(args);
    const error = await rejection_of(promise, description);
    check_dom(type, error, description, constructor);
  },
  promise_rejects_exactly: async (_test, expected, promise, description) =>
    check_exactly(expected, await rejection_of(promise, description), description),
  promise_rejects_quotaexceedederror: async (
    _test,
    promise,
    quota,
    requested,
    description,
  ) => {
    const error = await rejection_of(promise, description);
    check_quota(error, quota, requested, description);
  },
});

// ---- Events

/** Fails the test when an event comes that nothing waits for. */
class EventWatcher {
  #test;
  #waiting = null;

  constructor(t, target, types) {
    this.#test = t;
    types = [types].flat();
    const listener = t.step_func((event) => {
      const { type } = event;
      assert(this.#waiting !== null, undefined, `${type} came unexpectedly`);
      const expected = this.#waiting.types.shift();
      assert(type === expected, undefined, `${type} came, not ${expected}`);
      this.#waiting.events.push(event);
      if (this.#waiting.types.length > 0) return;
      const { resolve, record, events } = this.#waiting;
      this.#waiting = null;
      resolve(record ? events : event);
    });
    this.stop_watching = () => {
      for (const type of types) target.removeEventListener(type, listener);
    };
    for (const type of types) target.addEventListener(type, listener);
    t.add_cleanup(this.stop_watching);
  }

  wait_for(types, { record = false } = {}) {
    assert(this.#waiting === null, undefined, "something is waited for already");
    record = record === "all";
    return new Promise((resolve) => {
      types = [types].flat();
      this.#waiting = { types, record, events: [], resolve };
    });
  }
}

Object.assign(globalThis, {
  add_completion_callback: (callback) => completionCallbacks.push(callback),
  add_result_callback: (callback) => resultCallbacks.push(callback),
  async_test,
  AssertionError,
  done,
  EventWatcher,
  fetch_tests_from_worker,
  format_value: format,
  promise_setup,
  promise_test,
  setup,
  step_timeout,
  test,
});
})();
