//! What the server has to answer to the opening handshake:
//! [RFC 6455, section 4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::Digest;
use sha1::Sha1;
use url::Url;

use super::super::NetworkError;
use super::super::fetch::InternalResponse;
use super::super::route::authority;
use super::super::route::excerpt;
use crate::spec::HeaderList;

/// The value of `Sec-WebSocket-Key`.
pub(super) struct Key(String);

impl Key {
  pub(super) fn random() -> Self {
    Self(STANDARD.encode(fastrand::u128(..).to_be_bytes()))
  }

  pub(super) fn as_str(&self) -> &str {
    &self.0
  }

  /// The value of `Sec-WebSocket-Accept` that proves that the key was read.
  fn accept(&self) -> String {
    let mut hash = Sha1::new();
    hash.update(&self.0);
    hash.update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(hash.finalize())
  }
}

/// The subprotocol that the server has chosen, or the empty string; an error
/// when the answer does not open a WebSocket.
pub(super) fn check_answer(
  url: &Url,
  response: &InternalResponse,
  key: &Key,
  protocols: &[String],
) -> Result<String, NetworkError> {
  let refuse = |reason: String| {
    let server = authority(url);
    NetworkError::bad_answer(format!("{server} opens no WebSocket: {reason}"))
  };
  // Step 1: only status 101 switches protocols.
  if response.status != 101 {
    return Err(refuse(format!("it answered {}", response.status)));
  }
  let headers = &response.headers;
  // Steps 2 and 3: the answer has to confirm the upgrade in both headers.
  for (name, token) in [("upgrade", "websocket"), ("connection", "upgrade")] {
    if !has_token(headers, name, token) {
      return Err(refuse(format!("its answer has no {name}: {token}")));
    }
  }
  // Step 4: the accept value proves that the key was read.
  let accept: Vec<&str> = headers.values("sec-websocket-accept").collect();
  if accept != [key.accept()] {
    return Err(refuse(
      "its Sec-WebSocket-Accept does not answer the key of the request".into(),
    ));
  }
  // Step 5: no extension was offered, so none may be chosen.
  if headers.values("sec-websocket-extensions").next().is_some() {
    return Err(refuse("it wants an extension that was not offered".into()));
  }
  // Step 6; also "establish a WebSocket connection", step 11.4.
  let chosen: Vec<&str> = headers.values("sec-websocket-protocol").collect();
  match chosen[..] {
    [] if protocols.is_empty() => Ok(String::new()),
    [] => Err(refuse("it has chosen none of the subprotocols".into())),
    [chosen] if protocols.iter().any(|protocol| protocol == chosen) => {
      Ok(chosen.into())
    }
    _ => Err(refuse(format!(
      "it has chosen the subprotocol {:?}, which was not offered",
      excerpt(&chosen.join(", "))
    ))),
  }
}

fn has_token(headers: &HeaderList, name: &str, token: &str) -> bool {
  headers
    .values(name)
    .flat_map(|value| value.split(','))
    .any(|part| part.trim().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
  use super::*;

  /// The example of RFC 6455, section 1.3.
  #[test]
  fn a_key_is_accepted_as_the_rfc_says() {
    let key = Key("dGhlIHNhbXBsZSBub25jZQ==".into());
    assert_eq!(key.accept(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  }

  #[test]
  fn a_key_has_16_bytes() {
    let key = Key::random();
    assert_eq!(STANDARD.decode(key.as_str()).unwrap().len(), 16);
    assert_ne!(key.as_str(), Key::random().as_str());
  }
}
