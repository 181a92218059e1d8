//! A response, as the Fetch standard has it: data only.

use serde::Deserialize;
use serde::Serialize;
use url::Url;

use super::content_range::digits;
use super::content_range::extract_content_range_values;
use super::headers::HeaderList;

/// A [response](https://fetch.spec.whatwg.org/#concept-response) without its
/// body, which lives in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
  /// <https://fetch.spec.whatwg.org/#concept-response-type>
  #[serde(rename = "type")]
  pub response_type: ResponseType,
  /// The status; 0 for an opaque-redirect filtered response.
  pub status: u16,
  /// The status message.
  pub status_message: String,
  /// The headers that the script may see, after filtering.
  pub headers: HeaderList,
  /// The headers before filtering, where that has removed some: those of the
  /// [internal response](https://fetch.spec.whatwg.org/#concept-internal-response).
  #[serde(default, skip_serializing_if = "Option::is_none")]
  pub internal_headers: Option<HeaderList>,
  /// Whether a content coding was removed from the body. Its bytes are then
  /// not those that a range or a strong entity tag speaks of.
  #[serde(default, skip_serializing_if = "std::ops::Not::not")]
  pub decoded: bool,
  /// The URLs that led here, the last one answered. Without fragments removed.
  pub url_list: Vec<Url>,
}

impl Response {
  /// The headers that algorithms see which look at a response as a script
  /// does: an [opaque](ResponseType::Opaque) one has none.
  pub fn filtered_headers(&self) -> Option<&HeaderList> {
    (self.response_type != ResponseType::Opaque).then_some(&self.headers)
  }

  /// The headers as the server has sent them.
  pub fn internal_headers(&self) -> &HeaderList {
    self.internal_headers.as_ref().unwrap_or(&self.headers)
  }

  /// How long the whole resource is, in bytes, where the headers say so and
  /// no content coding was removed.
  pub fn complete_length(&self) -> Option<u64> {
    match self.status {
      _ if self.decoded => None,
      206 => extract_content_range_values(self)?.complete_length,
      _ => self.body_length(),
    }
  }

  /// How many bytes the body has that the server promised to send, whatever
  /// part of the resource it is; that of a response to `HEAD` aside.
  ///
  /// Beside chunked framing a `Content-Length` counts for nothing:
  /// [RFC 9112, section 6.3](https://www.rfc-editor.org/rfc/rfc9112#section-6.3).
  pub fn body_length(&self) -> Option<u64> {
    let headers = self.internal_headers();
    let has_no_body = matches!(self.status, 100..=199 | 204 | 205 | 304);
    if has_no_body || self.decoded || headers.contains("transfer-encoding") {
      return None;
    }
    digits(headers.first("content-length")?)
  }

  /// Whether the status is an
  /// [ok status](https://fetch.spec.whatwg.org/#ok-status).
  pub fn is_ok(&self) -> bool {
    (200..=299).contains(&self.status)
  }
}

/// <https://fetch.spec.whatwg.org/#concept-response-type>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResponseType {
  Basic,
  Cors,
  Default,
  /// A [network error](https://fetch.spec.whatwg.org/#concept-network-error)
  /// that a script has made, with `Response.error()`, and put into a cache.
  Error,
  /// The other members are those of the
  /// [internal response](https://fetch.spec.whatwg.org/#concept-internal-response):
  /// the engine and the Cache API need them, and who gives the response to a
  /// script leaves them out.
  Opaque,
  OpaqueRedirect,
}

#[cfg(test)]
mod tests {
  use crate::spec::test_support::response;

  #[test]
  fn only_a_length_that_frames_the_body_is_a_promise() {
    let length = ("Content-Length", "10");
    let chunked = ("Transfer-Encoding", "chunked");
    let of = |status, headers: &[_]| response(status, headers).body_length();
    assert_eq!(of(200, &[length]), Some(10));
    assert_eq!(of(206, &[length]), Some(10));
    assert_eq!(of(200, &[]), None);
    assert_eq!(of(200, &[length, chunked]), None);
    assert_eq!(of(204, &[length]), None);
    assert_eq!(of(304, &[length]), None);
    assert_eq!(of(200, &[("Content-Length", "+10")]), None);
    let mut decoded = response(200, &[length]);
    decoded.decoded = true;
    assert_eq!(decoded.body_length(), None);
  }

  #[test]
  fn a_part_says_how_long_the_whole_is() {
    let headers = [("Content-Length", "5"), ("Content-Range", "bytes 0-4/9")];
    assert_eq!(response(206, &headers).complete_length(), Some(9));
    assert_eq!(response(200, &headers).complete_length(), Some(5));
  }
}
