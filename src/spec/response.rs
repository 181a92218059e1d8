//! A response, as the Fetch standard has it: data only.

use serde::Deserialize;
use serde::Serialize;
use url::Url;

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
  /// The headers as the server has sent them.
  pub fn internal_headers(&self) -> &HeaderList {
    self.internal_headers.as_ref().unwrap_or(&self.headers)
  }

  /// How long the whole resource is, in bytes, where the headers say so and
  /// no content coding was removed.
  pub fn complete_length(&self) -> Option<u64> {
    if self.decoded {
      return None;
    }
    if self.status == 206 {
      return extract_content_range_values(self)?.complete_length;
    }
    self
      .internal_headers()
      .first("content-length")?
      .parse()
      .ok()
  }

  /// Whether the status is an
  /// [ok status](https://fetch.spec.whatwg.org/#ok-status).
  pub fn is_ok(&self) -> bool {
    (200..=299).contains(&self.status)
  }
}

/// <https://fetch.spec.whatwg.org/#concept-response-type>, as far as one
/// comes from the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResponseType {
  Basic,
  Cors,
  Default,
  /// The other members are those of the
  /// [internal response](https://fetch.spec.whatwg.org/#concept-internal-response):
  /// the engine and the Cache API need them, and who gives the response to a
  /// script leaves them out.
  Opaque,
  OpaqueRedirect,
}
