//! The side of the process that has the store.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use background_fetch::control::Conversation;
use background_fetch::control::Heard;
use background_fetch::control::OnHandOver;
use background_fetch::control::Said;
use background_fetch::engine::Observer;
use background_fetch::network::Credentials;
use background_fetch::store::BackgroundFetchKey;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio::time::timeout;

use super::News;
use super::Offer;
use super::Reply;
use super::Terms;
use super::Wanted;
use crate::download::Download;
use crate::download::Item;
use crate::files::Files;
use crate::screen::Screen;
use crate::started_by::StartedBy;

/// How long a command may take to say what it wants.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The commands that hand their downloads to this process.
pub struct Visitors {
  incoming: mpsc::UnboundedReceiver<Visit>,
  /// How many of them have work here that is not done.
  count: watch::Receiver<usize>,
}

struct Visit {
  conversation: Conversation,
  /// As long as this lives, the process does not end by itself.
  under_way: UnderWay,
}

struct UnderWay(watch::Sender<usize>);

impl UnderWay {
  fn begin(count: &watch::Sender<usize>) -> Self {
    count.send_modify(|count| *count += 1);
    Self(count.clone())
  }
}

impl Drop for UnderWay {
  fn drop(&mut self) {
    self.0.send_modify(|count| *count -= 1);
  }
}

/// What is needed to do their work.
pub struct Host {
  pub files: Files,
  pub terms: Terms,
  /// What is shown to servers for the commands of this process itself.
  pub credentials: Option<Arc<dyn Credentials>>,
}

impl Visitors {
  /// No visitor yet, and what the control socket calls when one comes.
  pub fn new() -> (Self, impl OnHandOver) {
    let (sender, incoming) = mpsc::unbounded_channel();
    let (counter, count) = watch::channel(0);
    let on_hand_over = move |conversation: Conversation| {
      let under_way = UnderWay::begin(&counter);
      // There is no receiver any more: the process ends.
      let _ = sender.send(Visit {
        conversation,
        under_way,
      });
    };
    (Self { incoming, count }, on_hand_over)
  }

  /// How many of them have work here that is not done.
  pub fn count(&self) -> watch::Receiver<usize> {
    self.count.clone()
  }

  /// Does what they want, forever.
  pub async fn attend(mut self, host: Host) -> ! {
    let mut under_way = FuturesUnordered::new();
    loop {
      tokio::select! {
        Some(visit) = self.incoming.recv() => under_way.push(host.take(visit)),
        Some(()) = under_way.next() => {}
        else => std::future::pending().await,
      }
    }
  }
}

impl Host {
  async fn take(&self, visit: Visit) {
    let Conversation {
      mut heard,
      mut said,
    } = visit.conversation;
    // Whatever else it says is its own affair.
    let Ok(Some(wanted)) = timeout(TIMEOUT, listen(&mut heard)).await else {
      return;
    };
    let (offer, items) = match wanted {
      Heeded::Offer(offer, items) => (offer, items),
      Heeded::GiveUp(name) => {
        let downloads = &self.files.downloads;
        let files = downloads.give_up_queued(|item| item.is_named(&name));
        let _ = said.say(&Reply::GivenUp { files }).await;
        return;
      }
    };
    let process = std::process::id();
    if let Some(why) = self.refuses(&offer, &items) {
      // It waits for this process, which must not wait for it.
      drop(visit.under_way);
      if said.say(&Reply::Refused { process, why }).await.is_ok() {
        heard.end().await;
      }
      return;
    }
    if said.say(&Reply::Taken { process }).await.is_err() {
      return;
    }
    let files = if items.len() == 1 { "file" } else { "files" };
    self.files.screen.note(&format!(
      "process {} hands over {} {files}",
      offer.process,
      items.len()
    ));
    let (news, latest) = mpsc::unbounded_channel();
    let downloads = alternatives(&items);
    self.files.screen.watch(downloads.clone(), news.clone());
    let observer = self.files.engine.observe();
    let tell = tell(heard, said, latest, observer, downloads);
    tokio::join!(self.get_all(&offer, &items, news), tell);
  }

  async fn get_all(
    &self,
    offer: &Offer,
    items: &[Arc<Item>],
    news: mpsc::UnboundedSender<News>,
  ) {
    let downloads = &self.files.downloads;
    downloads.also_wants(items);
    let screen = Arc::new(Screen::far(news.clone()));
    let base = offer.base.clone();
    let files = self.files.again(base, offer.policy, items.len(), screen);
    let say = |item, why| {
      // A command that has been left still gets its files.
      let _ = news.send(News::ItemEnded { item, why });
    };
    files.get_all(items, |_| false, say).await;
    self.files.screen.unwatch(&news);
  }

  /// Why this process cannot do it.
  fn refuses(&self, offer: &Offer, items: &[Arc<Item>]) -> Option<String> {
    if let unmet @ [_, ..] = &self.terms.unmet(&offer.terms)[..] {
      let (is, those) = match unmet.len() {
        1 => ("is", "that option"),
        _ => ("are", "those options"),
      };
      return Some(format!(
        "{} {is} not the same there, and {those} can only hold for a process \
         as a whole",
        unmet.join(", ")
      ));
    }
    let credentials = self.credentials.as_ref()?;
    let urls = items.iter().flat_map(|item| item.urls());
    let mut known = urls.filter(|url| !credentials.headers(url).is_empty());
    known.next().map(|url| {
      let host = url.host_str().unwrap_or_default();
      format!("that shows {host} credentials which are not for this command")
    })
  }
}

/// [`Wanted`], with the items.
enum Heeded {
  Offer(Offer, Vec<Arc<Item>>),
  GiveUp(String),
}

/// What a command wants; `None` when it does not say so.
async fn listen(heard: &mut Heard) -> Option<Heeded> {
  let offer = match heard.next().await.ok()?? {
    Wanted::Offer(offer) => offer,
    Wanted::GiveUp { give_up } => return Some(Heeded::GiveUp(give_up)),
  };
  let mut items = Vec::new();
  for _ in 0..offer.items {
    items.push(Arc::new(heard.next().await.ok()??));
  }
  Some(Heeded::Offer(offer, items))
}

/// Every download that may come of `items`.
fn alternatives(items: &[Arc<Item>]) -> HashSet<Download> {
  items.iter().flat_map(|item| item.downloads()).collect()
}

/// Says what happens with `downloads`, until there is no more of it or the
/// other process is gone.
async fn tell(
  mut heard: Heard,
  mut said: Said,
  mut latest: mpsc::UnboundedReceiver<News>,
  observer: Observer,
  downloads: HashSet<Download>,
) {
  let (mut own, mut others) = (HashSet::new(), HashSet::new());
  let mut is_own = |key: BackgroundFetchKey, embedder_data: Option<&str>| {
    if !own.contains(&key) && !others.contains(&key) {
      match StartedBy::download(embedder_data) {
        Some(download) if downloads.contains(&download) => own.insert(key),
        _ => others.insert(key),
      };
    }
    own.contains(&key)
  };
  let tell = async {
    loop {
      let news = tokio::select! {
        biased;
        news = latest.recv() => match news {
          Some(news) => news,
          None => return,
        },
        seen = observer.next() => match is_own(seen.key, seen.embedder_data.as_deref()) {
          true => News::Observed { snapshot: Box::new(seen) },
          false => continue,
        },
      };
      if said.say(&news).await.is_err() {
        return;
      }
    }
  };
  tokio::select! {
    () = tell => {}
    () = heard.end() => {}
  }
}
