//! The specification's rules, pure: no async, no clock, no I/O.
//!
//! Every algorithm is found under its own name and in its own order, with its
//! link above it and its step numbers beside the lines.

mod background_fetch;
mod headers;
mod perform;
mod request;
mod response;

pub use self::background_fetch::BackgroundFetch;
pub use self::background_fetch::BackgroundFetchFailureReason;
pub use self::background_fetch::BackgroundFetchRecord;
pub use self::background_fetch::BackgroundFetchResponse;
pub use self::background_fetch::BackgroundFetchResult;
pub use self::background_fetch::ImageResource;
pub use self::background_fetch::RecordResult;
pub use self::background_fetch::may_be_exposed;
pub use self::headers::HeaderList;
pub use self::perform::Action;
pub use self::perform::FetchStart;
pub use self::perform::FunctionalEvent;
pub use self::perform::Perform;
pub use self::perform::Unavailability;
pub use self::request::CredentialsMode;
pub use self::request::RedirectMode;
pub use self::request::Request;
pub use self::request::RequestMode;
pub use self::response::Response;
pub use self::response::ResponseType;
