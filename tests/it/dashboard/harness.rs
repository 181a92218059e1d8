//! A dashboard that is served, and a client that reads it.

use std::net::SocketAddr;

use background_fetch::dashboard::Dashboard;
use background_fetch::dashboard::Token;
use background_fetch::engine::Engine;
use reqwest::Method;
use reqwest::Response;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::engine::harness::bounded;

pub struct Page {
  address: SocketAddr,
  pub token: Token,
  server: tokio::task::JoinHandle<()>,
}

impl Page {
  pub async fn of(engine: &Engine) -> Self {
    Self::serve(Dashboard::of(engine)).await
  }

  pub async fn serve(dashboard: Dashboard) -> Self {
    let token = Token::random().unwrap();
    let router = dashboard.router(&token);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
      axum::serve(listener, router).await.unwrap();
    });
    Self {
      address,
      token,
      server,
    }
  }

  pub fn origin(&self) -> String {
    format!("http://{}", self.address)
  }

  pub fn url(&self, path: &str) -> String {
    format!("{}/{}/{path}", self.origin(), self.token)
  }

  /// `headers` replace those that a page sends.
  pub async fn request(
    &self,
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
    body: &'static str,
  ) -> Response {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request = client.request(method, url).body(body);
    for (name, value) in headers {
      request = request.header(*name, *value);
    }
    bounded(request.send()).await.unwrap()
  }

  pub async fn get(&self, path: &str) -> Response {
    self.request(Method::GET, &self.url(path), &[], "").await
  }

  /// What the page sends when a button is pressed; the status and the message.
  pub async fn post(&self, path: &str, body: &Value) -> (u16, String) {
    post(&self.url(path), &self.token.to_string(), body).await
  }

  pub async fn follow(&self, query: &str) -> Events {
    Events::of(&self.url(&format!("events?{query}"))).await
  }
}

impl Drop for Page {
  fn drop(&mut self) {
    self.server.abort();
  }
}

pub async fn post(url: &str, token: &str, body: &Value) -> (u16, String) {
  let client = reqwest::Client::builder().no_proxy().build().unwrap();
  let request = client
    .post(url)
    .header("content-type", "application/json")
    .header("x-dashboard-token", token)
    .body(body.to_string());
  let response = bounded(request.send()).await.unwrap();
  let status = response.status().as_u16();
  let said = bounded(response.text()).await.unwrap();
  let said: Value = serde_json::from_str(&said).unwrap();
  (status, said["message"].as_str().unwrap().to_string())
}

/// The stream that a page reads.
pub struct Events {
  response: Response,
  read: String,
}

impl Events {
  pub async fn of(url: &str) -> Self {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let response = bounded(client.get(url).send()).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    Self {
      response,
      read: String::new(),
    }
  }

  /// The next view that is so.
  pub async fn view(&mut self, so: impl Fn(&Value) -> bool) -> Value {
    bounded(async {
      loop {
        let view = self.next().await;
        if so(&view) {
          return view;
        }
      }
    })
    .await
  }

  async fn next(&mut self) -> Value {
    loop {
      if let Some((event, rest)) = self.read.split_once("\n\n") {
        let data = event.lines().find_map(|line| line.strip_prefix("data: "));
        let view = data.map(|data| serde_json::from_str(data).unwrap());
        self.read = rest.to_string();
        match view {
          Some(view) => return view,
          // It only keeps the connection.
          None => continue,
        }
      }
      let chunk = self.response.chunk().await.unwrap();
      self.read += std::str::from_utf8(&chunk.expect("more")).unwrap();
    }
  }
}

/// What its only row says.
pub fn row(view: &Value, of: &str) -> Value {
  assert_eq!(view["rows"].as_array().unwrap().len(), 1, "{view:#}");
  view["rows"][0][of].clone()
}

pub fn is_state(state: &'static str) -> impl Fn(&Value) -> bool {
  move |view| view["rows"][0]["state"] == state
}
