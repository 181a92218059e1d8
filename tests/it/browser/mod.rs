//! Scripts as they are written for browsers, in `bgfetch run`.

#[path = "../cli/place.rs"]
#[allow(dead_code)]
mod place;

mod caches;
mod examples;
mod fetch;
mod fetch_event;
mod navigator;
mod notifications;
mod page;
mod site;
mod workers;
