// Dispatches the events that the user agent fires.
//
// deno_web's own dispatch looks for `nodeType` and `relatedTarget` where there
// are none, so that a member of Object.prototype with such a name keeps an
// event from its listeners; and what a listener throws leaves it by a way that
// ends the turn of the event loop.

(function () {
const { core, primordials } = __bootstrap;
const { reportException, setDispatch } = core.loadExtScript(
  "ext:background_fetch/common/exceptions.js",
);
const { append } = core.loadExtScript("ext:background_fetch/common/lists.js");
const { symbolOf } = core.loadExtScript(
  "ext:background_fetch/common/symbols.js",
);
const {
  ArrayPrototypeIncludes,
  FunctionPrototypeCall,
  TypeError,
  uncurryThis,
} = primordials;

const { Event, eventTargetData, EventTarget, setIsTrusted, setTarget } = core
  .loadExtScript("ext:deno_web/02_event.js");

// Taken now: a script may replace it later.
const removeEventListener = uncurryThis(
  EventTarget.prototype.removeEventListener,
);

const anyEvent = new Event("");
/** deno_web's name for a part of an event's state. */
const slot = (name) => symbolOf(anyEvent, `[[${name}]]`);
const attributes = slot("attributes");
const canceledFlag = slot("canceledFlag");
const dispatchFlag = slot("dispatched");
const inPassiveListenerFlag = slot("inPassiveListener");
const path = slot("path");
const stopImmediatePropagationFlag = slot("stopImmediatePropagationFlag");
const stopPropagationFlag = slot("stopPropagationFlag");

const NONE = 0;
const CAPTURING_PHASE = 1;
const AT_TARGET = 2;
const BUBBLING_PHASE = 3;

/**
 * https://dom.spec.whatwg.org/#concept-event-dispatch, for a target that is not
 * a node: every target that is an object of an interface of service workers, of
 * Background Fetch, of HTML's messaging or of IndexedDB.
 *
 * Returns false when the event was canceled. Throws nothing.
 */
function dispatch(target, event) {
  return !dispatchAlong([target], event).isCanceled;
}

/**
 * The same for a target that has a parent, which may have one itself, and so
 * on: they follow it in `targets`. Says also whether a listener has thrown.
 */
function dispatchAlong(targets, event) {
  const target = targets[0];
  const state = event[attributes];
  // Step 1: Set event's dispatch flag.
  event[dispatchFlag] = true;
  // Step 6.3 and 6.9: Append to an event path.
  const eventPath = [];
  for (let i = 0; i < targets.length; i++) {
    append(eventPath, {
      item: targets[i],
      itemInShadowTree: false,
      target: i === 0 ? target : null,
      relatedTarget: null,
      touchTargetList: [],
      rootOfClosedTree: false,
      slotInClosedTree: false,
    });
  }
  event[path] = eventPath;
  setTarget(event, target);
  let hasThrown = false;
  try {
    // Step 6.13: Invoke with each of the path in reverse order, and
    // "capturing".
    for (let i = targets.length - 1; i >= 0; i--) {
      state.eventPhase = i === 0 ? AT_TARGET : CAPTURING_PHASE;
      if (invoke(targets[i], event, true)) hasThrown = true;
    }
    // Step 6.14: Invoke with each of the path, and "bubbling".
    for (let i = 0; i < targets.length; i++) {
      if (i > 0 && !state.bubbles) break;
      state.eventPhase = i === 0 ? AT_TARGET : BUBBLING_PHASE;
      if (invoke(targets[i], event, false)) hasThrown = true;
    }
  } finally {
    // Steps 7 to 10: Unset what dispatching has set.
    state.eventPhase = NONE;
    state.currentTarget = null;
    event[path] = [];
    event[dispatchFlag] = false;
    event[stopPropagationFlag] = false;
    event[stopImmediatePropagationFlag] = false;
  }
  // Step 13: Return false if event's canceled flag is set.
  return { __proto__: null, isCanceled: event[canceledFlag], hasThrown };
}

// https://dom.spec.whatwg.org/#concept-event-listener-invoke and
// https://dom.spec.whatwg.org/#concept-event-listener-inner-invoke: whether a
// listener has thrown
function invoke(target, event, capturing) {
  // Step 3: If event's stop propagation flag is set, then return.
  if (event[stopPropagationFlag]) return false;
  const state = event[attributes];
  // Step 4: Initialize event's currentTarget attribute.
  state.currentTarget = target;
  const { type } = state;
  const all = target[eventTargetData]?.listeners;
  if (all === undefined || all[type] === undefined) return false;
  // Step 5: Let listeners be a clone of the event listener list.
  const listeners = [];
  let hasThrown = false;
  for (let i = 0; i < all[type].length; i++) append(listeners, all[type][i]);
  for (let i = 0; i < listeners.length; i++) {
    const listener = listeners[i];
    const { capture, once, passive } = listener.options;
    // One that was removed by a listener before it.
    if (!ArrayPrototypeIncludes(all[type], listener)) continue;
    if (capture !== capturing) continue;
    try {
      if (once) {
        removeEventListener(target, type, listener.callback, capture);
      }
      event[inPassiveListenerFlag] = passive;
      call(listener.callback, target, event);
    } catch (error) {
      // Inner invoke, step 11. Report exception for the listener's callback.
      reportException(error);
      hasThrown = true;
    }
    event[inPassiveListenerFlag] = false;
    if (event[stopImmediatePropagationFlag]) break;
  }
  return hasThrown;
}

// https://webidl.spec.whatwg.org/#call-a-user-objects-operation
function call(callback, target, event) {
  if (typeof callback === "function") {
    FunctionPrototypeCall(callback, target, event);
    return;
  }
  const { handleEvent } = callback;
  if (typeof handleEvent !== "function") {
    throw new TypeError("The listener's handleEvent is not a function");
  }
  FunctionPrototypeCall(handleEvent, callback, event);
}

/**
 * https://dom.spec.whatwg.org/#concept-event-fire, with an event that was made
 * already
 */
function fireEvent(target, event) {
  setIsTrusted(event, true);
  return dispatch(target, event);
}

/** The same as {@link dispatchAlong}. */
function fireAlong(targets, event) {
  setIsTrusted(event, true);
  return dispatchAlong(targets, event);
}

/** https://dom.spec.whatwg.org/#concept-event-fire */
function fire(target, type) {
  return fireEvent(target, new Event(type));
}

setDispatch(dispatch);

return { dispatch, fire, fireAlong, fireEvent };
})();
