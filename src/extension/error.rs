//! Errors of the ops, with the exception that each is to a script.

use std::borrow::Cow;
use std::error::Error;

use deno_core::error::ResourceError;
use deno_error::AdditionalProperties;
use deno_error::JsErrorClass;
use deno_error::PropertyValue;

use crate::dom_exception::DomException;
use crate::engine::FetchError;
use crate::engine::RecordError;
use crate::network::NetworkError;
use crate::store::StoreError;

/// Why an op failed.
#[derive(Debug, thiserror::Error, deno_error::JsError)]
pub(crate) enum OpError {
  #[class(inherit)]
  #[error(transparent)]
  Exception(#[from] DomException),
  #[class(inherit)]
  #[error(transparent)]
  Resource(#[from] ResourceError),
}

impl From<FetchError> for OpError {
  fn from(error: FetchError) -> Self {
    DomException::from(error).into()
  }
}

impl From<RecordError> for OpError {
  fn from(error: RecordError) -> Self {
    DomException::from(error).into()
  }
}

impl From<StoreError> for OpError {
  fn from(error: StoreError) -> Self {
    DomException::from(error).into()
  }
}

impl From<NetworkError> for OpError {
  fn from(error: NetworkError) -> Self {
    // As browsers do it: which rule refused it is for people, not for scripts.
    tracing::debug!(%error, "a fetch() of a script has failed");
    DomException::Type(format!("Failed to fetch: {error}")).into()
  }
}

/// `js/background_fetch/errors.js` registers the classes whose names begin with
/// `BackgroundFetch`, and makes `DOMException`s of them.
impl JsErrorClass for DomException {
  fn get_class(&self) -> Cow<'static, str> {
    Cow::Borrowed(match self {
      Self::Type(_) => "TypeError",
      Self::Abort(_) => "BackgroundFetchAbortError",
      Self::InvalidState(_) => "BackgroundFetchInvalidStateError",
      Self::Network(_) => "BackgroundFetchNetworkError",
      Self::NotAllowed(_) => "BackgroundFetchNotAllowedError",
      Self::NotSupported(_) => "BackgroundFetchNotSupportedError",
      Self::QuotaExceeded { .. } => "BackgroundFetchQuotaExceeded",
      Self::Security(_) => "BackgroundFetchSecurityError",
      Self::Unknown(_) => "BackgroundFetchUnknownError",
    })
  }

  fn get_message(&self) -> Cow<'static, str> {
    self.to_string().into()
  }

  fn get_additional_properties(&self) -> AdditionalProperties {
    let Self::QuotaExceeded {
      quota, requested, ..
    } = self
    else {
      return Box::new(std::iter::empty());
    };
    let bounds = [("quotaBytes", *quota), ("requestedBytes", *requested)];
    let known = bounds.into_iter().filter_map(|(name, bytes)| {
      Some((Cow::Borrowed(name), PropertyValue::Number(bytes? as f64)))
    });
    Box::new(known)
  }

  fn get_ref(&self) -> &(dyn Error + Send + Sync + 'static) {
    self
  }
}

/// For ops of an embedder's own.
impl JsErrorClass for FetchError {
  fn get_class(&self) -> Cow<'static, str> {
    self.exception().get_class()
  }

  fn get_message(&self) -> Cow<'static, str> {
    self.to_string().into()
  }

  fn get_additional_properties(&self) -> AdditionalProperties {
    self.exception().get_additional_properties()
  }

  fn get_ref(&self) -> &(dyn Error + Send + Sync + 'static) {
    self
  }
}
