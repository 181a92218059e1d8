// Types of the Background Fetch API for scripts of service workers.
// https://wicg.github.io/background-fetch/
//
// Use it beside TypeScript's library "webworker":
//   /// <reference lib="webworker" />
//   /// <reference path="lib.background_fetch.serviceworker.d.ts" />

/// <reference path="lib.background_fetch.d.ts" />

interface BackgroundFetchEventInit extends ExtendableEventInit {
  registration: BackgroundFetchRegistration;
}

/** Aborted, or clicked. Exposed in service workers. */
interface BackgroundFetchEvent extends ExtendableEvent {
  readonly registration: BackgroundFetchRegistration;
}

declare var BackgroundFetchEvent: {
  readonly prototype: BackgroundFetchEvent;
  new (type: string, init: BackgroundFetchEventInit): BackgroundFetchEvent;
};

/** Succeeded, or failed. Exposed in service workers. */
interface BackgroundFetchUpdateUIEvent extends BackgroundFetchEvent {
  /**
   * Changes what is shown to the user; once for each event. Rejects with
   * `InvalidStateError` when that was done, or the event is over.
   */
  updateUI(options?: BackgroundFetchUIOptions): Promise<void>;
}

declare var BackgroundFetchUpdateUIEvent: {
  readonly prototype: BackgroundFetchUpdateUIEvent;
  new (
    type: string,
    init: BackgroundFetchEventInit,
  ): BackgroundFetchUpdateUIEvent;
};

interface ServiceWorkerGlobalScopeEventMap {
  /** Every response came, with an ok status. */
  backgroundfetchsuccess: BackgroundFetchUpdateUIEvent;
  /** One at least failed; `registration.failureReason` says how. */
  backgroundfetchfail: BackgroundFetchUpdateUIEvent;
  /** The user, or a script, aborted it. */
  backgroundfetchabort: BackgroundFetchEvent;
  /** The user activated what shows it. */
  backgroundfetchclick: BackgroundFetchEvent;
}

interface ServiceWorkerGlobalScope {
  onbackgroundfetchsuccess:
    | ((
      this: ServiceWorkerGlobalScope,
      ev: BackgroundFetchUpdateUIEvent,
    ) => unknown)
    | null;
  onbackgroundfetchfail:
    | ((
      this: ServiceWorkerGlobalScope,
      ev: BackgroundFetchUpdateUIEvent,
    ) => unknown)
    | null;
  onbackgroundfetchabort:
    | ((this: ServiceWorkerGlobalScope, ev: BackgroundFetchEvent) => unknown)
    | null;
  onbackgroundfetchclick:
    | ((this: ServiceWorkerGlobalScope, ev: BackgroundFetchEvent) => unknown)
    | null;
}

// What is on the global object of a service worker. "webworker" declares there
// what every kind of worker has; with these, neither `addEventListener()` nor
// the handlers need a cast of `self`.

interface WorkerGlobalScopeEventMap {
  activate: ExtendableEvent;
  backgroundfetchabort: BackgroundFetchEvent;
  backgroundfetchclick: BackgroundFetchEvent;
  backgroundfetchfail: BackgroundFetchUpdateUIEvent;
  backgroundfetchsuccess: BackgroundFetchUpdateUIEvent;
  fetch: FetchEvent;
  install: ExtendableEvent;
  notificationclick: NotificationEvent;
  notificationclose: NotificationEvent;
}

declare function addEventListener<K extends keyof WorkerGlobalScopeEventMap>(
  type: K,
  listener: (event: WorkerGlobalScopeEventMap[K]) => unknown,
  options?: boolean | AddEventListenerOptions,
): void;

type ServiceWorkerHandler<E> = ((event: E) => unknown) | null;

declare var clients: Clients;
declare var registration: ServiceWorkerRegistration;
declare var serviceWorker: ServiceWorker;
declare function skipWaiting(): Promise<void>;

declare var onactivate: ServiceWorkerHandler<ExtendableEvent>;
declare var onbackgroundfetchabort: ServiceWorkerHandler<BackgroundFetchEvent>;
declare var onbackgroundfetchclick: ServiceWorkerHandler<BackgroundFetchEvent>;
declare var onbackgroundfetchfail: ServiceWorkerHandler<
  BackgroundFetchUpdateUIEvent
>;
declare var onbackgroundfetchsuccess: ServiceWorkerHandler<
  BackgroundFetchUpdateUIEvent
>;
declare var onfetch: ServiceWorkerHandler<FetchEvent>;
declare var oninstall: ServiceWorkerHandler<ExtendableEvent>;
declare var onnotificationclick: ServiceWorkerHandler<NotificationEvent>;
declare var onnotificationclose: ServiceWorkerHandler<NotificationEvent>;
