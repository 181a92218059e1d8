//! A server that goes away, and comes back.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::exchange::Part;
use super::exchange::Reply;
use super::exchange::Request;

/// How often each of the resources that have outages was asked for.
#[derive(Default)]
pub struct Outages(Mutex<HashMap<String, u32>>);

impl Outages {
  /// `?away=2-4&token=T`, on whatever resource: the second to the fourth
  /// request with that token see the connection end, and no answer. Preflights
  /// do not count.
  pub fn answer(&self, request: &Request) -> Option<Reply> {
    if request.header("Access-Control-Request-Method").is_some() {
      return None;
    }
    let away = request.get("away")?;
    let (first, last) = away.split_once('-')?;
    let away = first.parse().ok()?..=last.parse().ok()?;
    let mut counts = self.0.lock();
    let count = counts.entry(request.get("token")?).or_insert(0);
    *count += 1;
    away.contains(count).then(|| {
      let mut reply = Reply::new(200, "");
      reply.body = vec![Part::Gone];
      reply
    })
  }
}
