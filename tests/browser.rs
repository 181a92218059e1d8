//! Scripts as they are written for browsers, in `bgfetch run`.

#[path = "cli/place.rs"]
#[allow(dead_code)]
mod place;
mod support;

#[path = "browser/caches.rs"]
mod caches;
#[path = "browser/examples.rs"]
mod examples;
#[path = "browser/fetch.rs"]
mod fetch;
#[path = "browser/fetch_event.rs"]
mod fetch_event;
#[path = "browser/navigator.rs"]
mod navigator;
#[path = "browser/notifications.rs"]
mod notifications;
#[path = "browser/page.rs"]
mod page;
#[path = "browser/site.rs"]
mod site;
#[path = "browser/workers.rs"]
mod workers;
