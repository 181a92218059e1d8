// Types of the Background Fetch API for scripts.
// https://wicg.github.io/background-fetch/
//
// Use it beside TypeScript's "webworker" library:
//   /// <reference lib="webworker" />
//   /// <reference path="background_fetch.d.ts" />
//
// What else scripts find (fetch(), caches, FetchEvent, notifications, workers,
// locks, crypto, ...) has its types in that library, and in "dom" for pages;
// docs/browser-scripts.md says what of it is there.

/** An icon for anyone who shows the background fetch to the user. */
interface ImageResource {
  /** URL of the image. */
  src: string;
  /** Sizes of the image, as in HTML's `sizes` of a `link`. */
  sizes?: string;
  /** MIME type of the image. */
  type?: string;
  /** What the image shows, in words. */
  label?: string;
}

interface BackgroundFetchUIOptions {
  icons?: ImageResource[];
  /** A title for the user. */
  title?: string;
}

interface BackgroundFetchOptions extends BackgroundFetchUIOptions {
  /**
   * How many bytes the response bodies have in all, for a progress display.
   * 0, the default, is unknown. A background fetch that receives more than it
   * announced fails with `"download-total-exceeded"`.
   */
  downloadTotal?: number;
}

/** Starts background fetches of one service worker registration, and finds them again. */
interface BackgroundFetchManager {
  /**
   * Starts a background fetch. Resolves when it and the bodies of all requests
   * are stored: from then on it continues without the script, and after a
   * restart.
   *
   * @param id names it among the registration's active background fetches; not empty
   * @param requests one request or several; not empty
   *
   * Rejects with
   * - `TypeError`: an empty or duplicate `id`, no request, a request whose mode
   *   is `"no-cors"`, a URL that may not be fetched, a body that was used or
   *   cannot be read, or no active service worker
   * - `NotAllowedError`: permission for `"background-fetch"` is denied
   * - `QuotaExceededError`: no room for the bodies of the requests
   */
  fetch(
    id: string,
    requests: RequestInfo | Iterable<RequestInfo>,
    options?: BackgroundFetchOptions,
  ): Promise<BackgroundFetchRegistration>;
  /**
   * The active background fetch with this `id`, or `undefined`: even if it
   * has settled. Rejects with `TypeError` when `id` is empty.
   */
  get(id: string): Promise<BackgroundFetchRegistration | undefined>;
  /** The ids of all active background fetches. */
  getIds(): Promise<string[]>;
}

declare var BackgroundFetchManager: {
  readonly prototype: BackgroundFetchManager;
};

/** `""` as long as it is not settled. */
type BackgroundFetchResult = "" | "success" | "failure";

type BackgroundFetchFailureReason =
  /** Not settled, or successful. */
  | ""
  /** Aborted by the user, or by `abort()`. */
  | "aborted"
  /** A response's status is not ok; its record can be read all the same. */
  | "bad-status"
  /** CORS, mixed content, an invalid partial response, or a network failure that cannot be retried. */
  | "fetch-error"
  /** No room for the responses. */
  | "quota-exceeded"
  /** More bytes came than `downloadTotal` announced. */
  | "download-total-exceeded";

interface BackgroundFetchRegistrationEventMap {
  progress: Event;
}

/** One background fetch; the same object for the same background fetch within a realm. */
interface BackgroundFetchRegistration extends EventTarget {
  readonly id: string;
  /** Bytes of all request bodies. */
  readonly uploadTotal: number;
  /** Bytes of request bodies sent so far. */
  readonly uploaded: number;
  /** Bytes, as given to `fetch()`; 0 if unknown. */
  readonly downloadTotal: number;
  /** Bytes of response bodies stored so far. */
  readonly downloaded: number;
  readonly result: BackgroundFetchResult;
  readonly failureReason: BackgroundFetchFailureReason;
  /** Whether `match()` and `matchAll()` can still be used. */
  readonly recordsAvailable: boolean;
  /**
   * `downloaded`, `uploaded`, `result` or `failureReason` changed. Coalesced;
   * the last change is always told.
   */
  onprogress:
    | ((this: BackgroundFetchRegistration, ev: Event) => unknown)
    | null;
  /** Aborts it. `false` if it was settled already. */
  abort(): Promise<boolean>;
  /**
   * The first record whose request matches, or `undefined`.
   * Rejects with `InvalidStateError` when the records are no longer available.
   */
  match(
    request: RequestInfo,
    options?: CacheQueryOptions,
  ): Promise<BackgroundFetchRecord | undefined>;
  /**
   * The records whose requests match, or all, in the order of the requests.
   * Rejects with `InvalidStateError` when the records are no longer available.
   */
  matchAll(
    request?: RequestInfo,
    options?: CacheQueryOptions,
  ): Promise<BackgroundFetchRecord[]>;
  addEventListener<K extends keyof BackgroundFetchRegistrationEventMap>(
    type: K,
    listener: (
      this: BackgroundFetchRegistration,
      ev: BackgroundFetchRegistrationEventMap[K],
    ) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: boolean | AddEventListenerOptions,
  ): void;
}

declare var BackgroundFetchRegistration: {
  readonly prototype: BackgroundFetchRegistration;
};

/** A request of a background fetch with its response. */
interface BackgroundFetchRecord {
  readonly request: Request;
  /**
   * Resolves as soon as there is a response; its body can be read while it
   * still arrives. Rejects with `AbortError` if the background fetch was
   * aborted, and with `TypeError` if there is no response that a script may
   * see.
   */
  readonly responseReady: Promise<Response>;
}

declare var BackgroundFetchRecord: {
  readonly prototype: BackgroundFetchRecord;
};

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

interface ServiceWorkerRegistration {
  readonly backgroundFetch: BackgroundFetchManager;
}

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
