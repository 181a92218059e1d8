// What the helpers use of testharness.js and of each other's globals.
declare function assert_equals(
  actual: unknown,
  expected: unknown,
  description?: string,
): void;
declare function assert_true(actual: unknown, description?: string): void;
declare function add_completion_callback(callback: () => unknown): void;
declare const GLOBAL: { isWindow(): boolean };
declare function promise_test(
  test: (t: any) => Promise<unknown>,
  name?: string,
): void;
