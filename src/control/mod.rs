//! Control of a running engine from another process, over a Unix socket in its
//! store's directory.
//!
//! The process that has the engine [serves](serve); any other process of the
//! same user [connects](Client::connect). Both speak lines of JSON: a
//! [`Command`] with the [version](VERSION) of the protocol, and an [`Answer`]
//! to each. Background fetches are named by their keys, which
//! [`Store::read_directory`](crate::store::Store::read_directory) tells, also
//! while the engine runs.
//!
//! A process may also [hand work over](Client::hand_over) to the one that has
//! the engine, when that one [takes any](serve_with): what they say then is
//! theirs.

mod address;
mod client;
mod conversation;
mod protocol;
mod server;

pub use self::client::Client;
pub use self::client::ControlError;
pub use self::conversation::Conversation;
pub use self::conversation::Heard;
pub use self::conversation::Said;
pub use self::protocol::Answer;
pub use self::protocol::Command;
pub use self::protocol::Moved;
pub use self::protocol::Outcome;
pub use self::protocol::Progress;
pub use self::protocol::VERSION;
pub use self::server::OnHandOver;
pub use self::server::Server;
#[cfg(feature = "dashboard")]
pub(crate) use self::server::answer;
pub use self::server::serve;
pub use self::server::serve_with;
