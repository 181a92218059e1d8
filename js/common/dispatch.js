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
const AT_TARGET = 2;

/**
 * https://dom.spec.whatwg.org/#concept-event-dispatch, for a target that has no
 * parent and is not a node: every target that is an object of an interface of
 * service workers, of Background Fetch or of HTML's messaging.
 *
 * Returns false when the event was canceled. Throws nothing.
 */
function dispatch(target, event) {
  const state = event[attributes];
  // Step 1: Set event's dispatch flag.
  event[dispatchFlag] = true;
  // Step 6.3: Append to an event path.
  event[path] = [{
    item: target,
    itemInShadowTree: false,
    target,
    relatedTarget: null,
    touchTargetList: [],
    rootOfClosedTree: false,
    slotInClosedTree: false,
  }];
  setTarget(event, target);
  state.eventPhase = AT_TARGET;
  try {
    // Step 6.13: Invoke with the target, and "capturing".
    invoke(target, event, true);
    // Step 6.14: Invoke with the target, and "bubbling".
    invoke(target, event, false);
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
  return !event[canceledFlag];
}

// https://dom.spec.whatwg.org/#concept-event-listener-invoke and
// https://dom.spec.whatwg.org/#concept-event-listener-inner-invoke
function invoke(target, event, capturing) {
  // Step 3: If event's stop propagation flag is set, then return.
  if (event[stopPropagationFlag]) return;
  const state = event[attributes];
  // Step 4: Initialize event's currentTarget attribute.
  state.currentTarget = target;
  const { type } = state;
  const all = target[eventTargetData]?.listeners;
  if (all === undefined || all[type] === undefined) return;
  // Step 5: Let listeners be a clone of the event listener list.
  const listeners = [];
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
    }
    event[inPassiveListenerFlag] = false;
    if (event[stopImmediatePropagationFlag]) return;
  }
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

/** https://dom.spec.whatwg.org/#concept-event-fire */
function fire(target, type) {
  return fireEvent(target, new Event(type));
}

setDispatch(dispatch);

return { dispatch, fire, fireEvent };
})();
