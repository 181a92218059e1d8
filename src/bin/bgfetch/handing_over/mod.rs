//! Two commands on one store. One process has the store; another `get` hands
//! its downloads to that one, over the control socket, and shows how they come
//! along as if it had the store itself. What cannot be handed over waits for
//! the store.

mod giving;
mod giving_up;
mod taking;
mod terms;

use std::path::PathBuf;

use background_fetch::engine::BackgroundFetchSnapshot;
use background_fetch::network::NetworkPolicy;
use serde::Deserialize;
use serde::Serialize;
use url::Url;

pub use self::giving::Given;
pub use self::giving::Giving;
pub use self::giving_up::give_up;
pub use self::taking::Host;
pub use self::taking::Visitors;
pub use self::terms::Terms;
use crate::download::Ended;
use crate::download::os_text;

/// What a command asks of the process that has the store. So many
/// [items](crate::download::Item) follow.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Offer {
  /// The one that asks.
  process: u32,
  terms: Terms,
  base: Option<Url>,
  policy: NetworkPolicy,
  items: usize,
}

/// What a process says first to the one that has the store.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Wanted {
  Offer(Offer),
  /// The files of this [name](crate::download::Item::is_named) that are not
  /// begun are wanted no more.
  #[serde(rename_all = "camelCase")]
  GiveUp {
    give_up: String,
  },
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "camelCase")]
enum Reply {
  /// To [`Wanted::GiveUp`].
  GivenUp { files: usize },
  /// [News] follow, until all items have ended.
  Taken { process: u32 },
  /// The connection lasts as long as the process.
  Refused { process: u32, why: String },
}

/// What the process that has the store says of handed-over downloads.
#[derive(Serialize, Deserialize)]
#[serde(tag = "news", rename_all = "camelCase")]
pub enum News {
  Observed {
    snapshot: Box<BackgroundFetchSnapshot>,
  },
  /// It has settled, and what has come of it.
  DownloadEnded {
    snapshot: Box<BackgroundFetchSnapshot>,
    ended: Ended,
  },
  Unchanged {
    id: String,
    url: String,
    #[serde(with = "os_text::path")]
    path: PathBuf,
  },
  Note {
    text: String,
  },
  /// One of the items has come to its end; why it has no file.
  ItemEnded {
    item: usize,
    why: Option<String>,
  },
}
