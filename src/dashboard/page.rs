//! The files of the page.

use axum::response::Html;
use axum::response::IntoResponse;
use http::StatusCode;
use http::header::CONTENT_TYPE;

pub(super) async fn html() -> impl IntoResponse {
  Html(include_str!("page.html"))
}

pub(super) async fn css() -> impl IntoResponse {
  let css = include_str!("page.css");
  ([(CONTENT_TYPE, "text/css; charset=utf-8")], css)
}

pub(super) async fn js() -> impl IntoResponse {
  let js = include_str!("page.js");
  ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], js)
}

pub(super) async fn icon() -> impl IntoResponse {
  ([(CONTENT_TYPE, "image/svg+xml")], include_str!("icon.svg"))
}

pub(super) async fn nothing() -> impl IntoResponse {
  (StatusCode::NOT_FOUND, "There is nothing here.\n")
}
