//! Scripts as they are written for browsers, in `bgfetch run`.

mod caches;
mod embedder;
mod examples;
mod fetch;
mod fetch_event;
mod full_disk;
mod indexed_db;
mod navigator;
mod notifications;
mod page;
mod prototypes;
mod site;
mod web_socket;
mod workers;
mod xml_http_request;
