// Types of the Background Fetch API for scripts of pages and of workers.
// https://wicg.github.io/background-fetch/
//
// Use it beside TypeScript's library "dom", or "webworker" for a worker:
//   /// <reference lib="dom" />
//   /// <reference path="lib.background_fetch.d.ts" />
//
// A service worker has lib.background_fetch.serviceworker.d.ts as well. What
// else scripts find (fetch(), caches, notifications, locks, crypto, ...) has
// its types in TypeScript's libraries; docs/browser-scripts.md says what of it
// is there.

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

/** What is requested: a `Request`, or a URL that is resolved against the realm's. */
type BackgroundFetchRequest = RequestInfo | URL;

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
    requests: BackgroundFetchRequest | Iterable<BackgroundFetchRequest>,
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
    request: BackgroundFetchRequest,
    options?: CacheQueryOptions,
  ): Promise<BackgroundFetchRecord | undefined>;
  /**
   * The records whose requests match, or all, in the order of the requests.
   * Rejects with `InvalidStateError` when the records are no longer available.
   */
  matchAll(
    request?: BackgroundFetchRequest,
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

/** What pages get from `navigator.serviceWorker`, and service workers are. */
interface ServiceWorkerRegistration {
  /** The background fetches of this registration. */
  readonly backgroundFetch: BackgroundFetchManager;
}

interface Permissions {
  /** Whether scripts of this origin may fetch in the background. */
  query(permissionDesc: { name: "background-fetch" }): Promise<PermissionStatus>;
}
