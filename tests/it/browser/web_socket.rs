//! `WebSocket`, against a server that speaks the protocol, and against some
//! that do not.

use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::Barrier;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::WebSocket;
use tokio_tungstenite::tungstenite::accept;
use tokio_tungstenite::tungstenite::accept_hdr;
use tokio_tungstenite::tungstenite::handshake::server::Request;
use tokio_tungstenite::tungstenite::handshake::server::Response;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::browser::site::Site;
use support::Resource;
use support::Tls;
use tokio::io::copy_bidirectional;

/// A server of WebSockets on loopback.
struct Server {
  port: u16,
  /// The heads of the requests, as they came.
  requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
  /// Opens every WebSocket, with the first subprotocol that is offered:
  /// - `/echo` sends back what comes, with the kind that it came in.
  /// - `/close` closes with 3001 and a reason.
  /// - `/drop` ends the connection without a word.
  /// - `/bad` sends what is not UTF-8.
  #[expect(clippy::result_large_err, reason = "the callback is the crate's")]
  fn start() -> Self {
    Self::serving(|stream, requests| {
      let mut path = String::new();
      let opened = accept_hdr(stream, |request: &Request, response| {
        path = request.uri().path().to_string();
        requests.lock().unwrap().push(format!("{request:?}"));
        Ok(with_protocol(request, response))
      });
      if let Ok(socket) = opened {
        speak(socket, &path);
      }
    })
  }

  /// Answers every connection with `answer`, and ends it.
  fn saying(answer: &'static str) -> Self {
    Self::serving(move |mut stream, requests| {
      let head = read_head(&mut stream);
      requests.lock().unwrap().push(head);
      let _ = stream.write_all(answer.as_bytes());
    })
  }

  fn serving(
    serve: impl Fn(TcpStream, &Mutex<Vec<String>>) + Send + Sync + 'static,
  ) -> Self {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let requests = Arc::new(Mutex::new(Vec::new()));
    let (serve, seen) = (Arc::new(serve), requests.clone());
    thread::spawn(move || {
      for stream in listener.incoming() {
        let (serve, seen) = (serve.clone(), seen.clone());
        thread::spawn(move || serve(stream.unwrap(), &seen));
      }
    });
    Self { port, requests }
  }

  /// In `script`, `@WS@` is this server.
  fn named_in(&self, script: &str) -> String {
    script.replace("@WS@", &format!("ws://127.0.0.1:{}", self.port))
  }

  fn requests(&self) -> Vec<String> {
    self.requests.lock().unwrap().clone()
  }
}

fn with_protocol(request: &Request, mut response: Response) -> Response {
  let name = "sec-websocket-protocol";
  if let Some(offered) = request.headers().get(name) {
    let first = offered.to_str().unwrap().split(',').next().unwrap();
    let first = first.trim().parse().unwrap();
    response.headers_mut().insert(name, first);
  }
  response
}

fn speak(mut socket: WebSocket<TcpStream>, path: &str) {
  match path {
    "/echo" => {
      while let Ok(message) = socket.read() {
        if matches!(message, Message::Text(_) | Message::Binary(_)) {
          socket.send(message).unwrap();
        }
      }
    }
    "/close" => {
      let frame = CloseFrame {
        code: 3001.into(),
        reason: "enough".into(),
      };
      socket.close(Some(frame)).unwrap();
      while socket.read().is_ok() {}
    }
    "/drop" => {}
    "/bad" => {
      let stream = socket.get_mut();
      stream.write_all(b"\x81\x02\xff\xff").unwrap();
      while socket.read().is_ok() {}
    }
    _ => panic!("{path}"),
  }
}

fn read_head(stream: &mut TcpStream) -> String {
  let mut head = Vec::new();
  while !head.ends_with(b"\r\n\r\n") {
    let mut byte = [0];
    if stream.read(&mut byte).unwrap_or(0) == 0 {
      break;
    }
    head.push(byte[0]);
  }
  String::from_utf8(head).unwrap()
}

/// In every script: what happens to a WebSocket until it is closed.
const LIFE: &str = "
  const life = (socket) => new Promise((done) => {
    const seen = [];
    socket.onopen = () => seen.push('open ' + socket.readyState);
    socket.onmessage = ({ data }) => seen.push(data);
    socket.onerror = () => seen.push('error ' + socket.readyState);
    socket.onclose = ({ code, reason, wasClean }) =>
      done([...seen, 'close', code, reason, wasClean].join('|'));
  });
";

#[test]
fn messages_go_both_ways_in_every_kind_of_realm() {
  let site = Site::new();
  let server = Server::start();
  let script = server.named_in(
    "const socket = new WebSocket('@WS@/echo', ['chat', 'other']);
    const next = () => new Promise((done) => {
      socket.onmessage = ({ data, origin }) => done([data, origin]);
    });
    const seen = [socket.readyState, socket.binaryType, socket.url.slice(-5)];
    await new Promise((done) => socket.onopen = done);
    seen.push(socket.readyState, socket.protocol, socket.extensions === '');
    socket.send('a ✓ \\ud800');
    seen.push(socket.bufferedAmount);
    seen.push(...await next());
    seen.push(socket.bufferedAmount);
    socket.send(new Uint8Array([0, 1, 2, 3]).subarray(1, 3));
    let [data] = await next();
    seen.push(data instanceof Blob, (await data.arrayBuffer()).byteLength);
    socket.binaryType = 'arraybuffer';
    // In order, although the bytes of a blob are somewhere else.
    socket.send(new Blob(['blob']));
    socket.send('text');
    [data] = await next();
    seen.push(new TextDecoder().decode(data), (await next())[0]);
    socket.close();
    seen.push(socket.readyState);
    const { code, wasClean } = await new Promise((done) => socket.onclose = done);
    seen.push(code, wasClean, socket.readyState);
    seen",
  );
  let body = script.trim_end().trim_end_matches("seen");
  let of = |say: &str| format!("(async () => {{ {body} {say} }})();");
  let say = "console.log(seen.join());";
  // A worker of the page, the page, and its service worker.
  let page = format!(
    "await {}
    const code = {:?};
    const worker = new Worker(URL.createObjectURL(new Blob([code])));
    const hear = ({{ data }}) => console.log(data);
    worker.onmessage = (event) => {{
      hear(event);
      worker.terminate();
    }};
    navigator.serviceWorker.onmessage = hear;
    const {{ serviceWorker }} = navigator;
    await serviceWorker.register('sw.js');
    (await serviceWorker.ready).active.postMessage(0);
    await new Promise((done) => serviceWorker.addEventListener('message', done));",
    of(say),
    of("postMessage(seen.join());"),
  );
  let worker = format!(
    "onmessage = (event) => event.waitUntil({});",
    of("event.source.postMessage(seen.join());").trim_end_matches(';')
  );
  let origin = format!("ws://127.0.0.1:{}", server.port);
  let expected = format!(
    "0,blob,/echo,1,chat,true,9,a ✓ \u{fffd},{origin},0,true,2,blob,text,2,\
     1005,true,3"
  );
  let lines = site.lines_with(&page, &worker);
  assert_eq!(lines, [&*expected, &*expected, &*expected]);
  let request = &server.requests()[0];
  let wanted = format!("\"origin\": {:?}", site.server.origin());
  assert!(request.contains(&wanted), "{request}");
  assert!(!request.contains("referer"), "{request}");
}

#[test]
fn a_connection_ends_as_the_far_side_ends_it() {
  let site = Site::new();
  let server = Server::start();
  let page = format!(
    "{LIFE} {}",
    server.named_in(
      "for (const path of ['close', 'drop', 'bad']) {
        await say(path, () => life(new WebSocket('@WS@/' + path)));
      }
      const socket = new WebSocket('@WS@/echo');
      socket.addEventListener('open', () => socket.close(4000, 'mine'));
      await say('closed', () => life(socket));
      const never = new WebSocket('@WS@/echo');
      const seen = life(never);
      never.close();
      await say('never', () => [never.readyState, seen].map(String));
      await say('in the end', () => seen);"
    )
  );
  let expected = [
    "close: open 1|close|3001|enough|true",
    "drop: open 1|error 3|close|1006||false",
    "bad: open 1|error 3|close|1006||false",
    "closed: open 2|close|4000|mine|true",
    "never: 2 [object Promise]",
    "in the end: error 3|close|1006||false",
  ];
  assert_eq!(site.lines_with(&page, ""), expected);
}

/// The handshake is over while the script runs, which has not been told yet.
#[test]
fn a_connection_that_has_opened_unseen_can_be_closed() {
  let site = Site::new();
  let is_open = Barrier::new(2);
  let server = Server::serving(move |mut stream, _| {
    let mut start = [0; 7];
    while stream.peek(&mut start).unwrap() < start.len() {}
    if start == *b"GET /ws" {
      let mut socket = accept(stream).unwrap();
      is_open.wait();
      while socket.read().is_ok() {}
    } else {
      read_head(&mut stream);
      is_open.wait();
      let head = "HTTP/1.1 200 OK\r\nContent-Type: text/javascript\r\n\
        Content-Length: 0\r\n\r\n";
      stream.write_all(head.as_bytes()).unwrap();
    }
  });
  // `importScripts()` lets the script wait and hears of nothing else.
  let script = server.named_in(&format!(
    "{LIFE}
    const socket = new WebSocket('@WS@/ws');
    const seen = life(socket);
    importScripts('@WS@/open'.replace('ws:', 'http:'));
    socket.close();
    seen.then(postMessage);"
  ));
  let page = format!(
    "const code = {script:?};
    const worker = new Worker(URL.createObjectURL(new Blob([code])));
    await say('worker', () => new Promise((done) => {{
      worker.onmessage = ({{ data }}) => done(data);
    }}));
    worker.terminate();"
  );
  let lines = site.lines_with(&page, "");
  assert_eq!(lines, ["worker: error 3|close|1006||false"]);
}

#[test]
fn what_opens_no_web_socket_is_an_error() {
  const ACCEPT: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\
    \r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n\r\n";
  const MOVED: &str =
    "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n";
  let site = Site::new();
  site.server.serve("/text", Resource::text("a page"));
  let servers = [
    Server::saying(ACCEPT),
    Server::saying(MOVED),
    Server::saying("what?"),
    Server::saying(""),
  ];
  let mut page = LIFE.to_string();
  page += "await say('page', () => life(new WebSocket('/text')));";
  for server in &servers {
    page += &server
      .named_in("await say('server', () => life(new WebSocket('@WS@/')));");
  }
  // Connections to that port are blocked.
  page += "await say('port', () => life(new WebSocket('ws://127.0.0.1:25/')));";
  let lines = site.lines_with(&page, "");
  for line in &lines {
    assert!(line.ends_with(": error 3|close|1006||false"), "{lines:?}");
  }
  assert_eq!(lines.len(), 6);
  for server in &servers {
    assert_eq!(server.requests().len(), 1);
  }
}

#[test]
fn bad_arguments_throw() {
  let site = Site::new();
  let page = "
    const make = (...args) => say(args.join(), () => new WebSocket(...args).url);
    await make('ftp://a.test/');
    await make('ws://a.test/#');
    await make('ws://');
    await make('ws://a.test/', ['a', 'a']);
    await make('ws://a.test/', 'a b');
    await say('none', () => new WebSocket());
    await say('called', () => WebSocket('ws://127.0.0.1:9'));
    const socket = new WebSocket('ws://127.0.0.1:9');
    await say('send', () => socket.send(''));
    await say('code', () => socket.close(1001));
    await say('reason', () => socket.close(1000, 'é'.repeat(62)));
    await say('kind', () => (socket.binaryType = 'text', socket.binaryType));
    await say('url', () => [new WebSocket('http://127.0.0.1:9/a').url,
      new WebSocket('/b').url.replace(location.host, 'host')]);
    await say('constants', () => [WebSocket.CLOSED, socket.CLOSING]);";
  let expected = [
    "ftp://a.test/: SyntaxError",
    "ws://a.test/#: SyntaxError",
    "ws://: SyntaxError",
    "ws://a.test/,a,a: SyntaxError",
    "ws://a.test/,a b: SyntaxError",
    "none: TypeError",
    "called: TypeError",
    "send: InvalidStateError",
    "code: InvalidAccessError",
    "reason: SyntaxError",
    "kind: blob",
    "url: ws://127.0.0.1:9/a ws://host/b",
    "constants: 3 2",
  ];
  assert_eq!(site.lines_with(page, ""), expected);
}

#[test]
fn the_rules_of_the_page_hold() {
  let site = Site::new();
  let server = Server::start();
  let policy = format!(
    "<meta http-equiv=\"Content-Security-Policy\" content=\"connect-src {}\">",
    site.server.origin()
  );
  let script = server.named_in(
    "const socket = new WebSocket('@WS@/echo');
    socket.onclose = ({ code }) => console.log(code);",
  );
  let page = format!("{policy}<script>{script}</script>");
  let page = site.place.write("page.html", &page);
  let base = site.server.url("/app/");
  let arguments = ["--policy", "browser", "--quiet", "--base", &base, &page];
  let ended = site.place.bgfetch("run", &arguments).code(0);
  assert_eq!(ended.stdout, "1006\n", "{ended:#?}");
  assert_eq!(server.requests(), [""; 0]);
  // A secure page connects to nothing that is not.
  let script = "const socket = new WebSocket('ws://insecure.test/');
    socket.onclose = ({ code }) => console.log(code);";
  let script = site.place.write("page.js", script);
  let arguments = ["--policy", "browser", "--base", "https://a.test/", &script];
  let environment = [("RUST_LOG", "background_fetch=debug")];
  let ended = site.place.bgfetch_with(&environment, "run", &arguments);
  assert_eq!(ended.stdout, "1006\n", "{ended:#?}");
}

#[test]
fn a_certificate_is_trusted_when_the_user_says_so() {
  let site = Site::new();
  let server = Server::start();
  let (port, pem) = behind_tls(server.port);
  let pem = site.place.write("ca.pem", &pem);
  let script = format!(
    "const socket = new WebSocket('wss://localhost:{port}/echo');
    socket.onopen = () => socket.send('sealed');
    socket.onmessage = ({{ data }}) => {{ console.log(data); socket.close(); }};
    socket.onclose = ({{ code }}) => console.log(code);"
  );
  let script = site.place.write("page.js", &script);
  let run = |options: &[&str]| {
    let arguments = [options, &[&script]].concat();
    site.place.bgfetch("run", &arguments).code(0).stdout
  };
  assert_eq!(run(&[]), "1006\n");
  assert_eq!(server.requests().len(), 0);
  assert_eq!(run(&["--cacert", &pem]), "sealed\n1005\n");
  assert_eq!(run(&["--insecure"]), "sealed\n1005\n");
}

/// Takes TLS from what goes to `port`; returns where, and the certificate of
/// the authority.
fn behind_tls(port: u16) -> (u16, String) {
  let Tls {
    acceptor,
    root_certificate_pem,
  } = Tls::new("http/1.1");
  let listener = TcpListener::bind("127.0.0.1:0").unwrap();
  let local = listener.local_addr().unwrap().port();
  listener.set_nonblocking(true).unwrap();
  let serve = async move {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    while let Ok((near, _)) = listener.accept().await {
      let acceptor = acceptor.clone();
      tokio::spawn(async move {
        let Ok(mut near) = acceptor.accept(near).await else {
          return;
        };
        let far = tokio::net::TcpStream::connect(("127.0.0.1", port)).await;
        let _ = copy_bidirectional(&mut near, &mut far.unwrap()).await;
      });
    }
  };
  thread::spawn(|| {
    let runtime = tokio::runtime::Builder::new_current_thread()
      .enable_all()
      .build();
    runtime.unwrap().block_on(serve);
  });
  (local, root_certificate_pem)
}

#[test]
#[expect(clippy::result_large_err, reason = "the callback is the crate's")]
fn a_subprotocol_is_compared_letter_by_letter() {
  let site = Site::new();
  let server = Server::serving(|stream, _| {
    let _ = accept_hdr(stream, |_: &Request, mut response: Response| {
      let name = "sec-websocket-protocol";
      response.headers_mut().insert(name, "CHAT".parse().unwrap());
      Ok(response)
    });
  });
  let page = LIFE.to_string()
    + &server.named_in(
      "await say('other case', () => life(new WebSocket('@WS@/', 'chat')));
      await say('both', () => life(new WebSocket('@WS@/', ['chat', 'CHAT'])));",
    );
  assert_eq!(
    site.lines_with(&page, ""),
    [
      "other case: error 3|close|1006||false",
      "both: open 1|error 3|close|1006||false",
    ]
  );
}

#[test]
fn a_proxy_is_asked_for_a_tunnel() {
  let site = Site::new();
  let server = Server::start();
  let port = server.port;
  let proxy = Server::serving(move |mut stream, requests| {
    requests.lock().unwrap().push(read_head(&mut stream));
    let far = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").unwrap();
    let (mut from, mut to) =
      (stream.try_clone().unwrap(), far.try_clone().unwrap());
    thread::spawn(move || std::io::copy(&mut from, &mut to));
    let _ = std::io::copy(&mut &far, &mut stream);
  });
  let refusing = Server::saying("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
  let script = "const socket = new WebSocket('ws://far.test/echo');
    socket.onopen = () => socket.send('through');
    socket.onmessage = ({ data }) => { console.log(data); socket.close(); };
    socket.onclose = ({ code }) => console.log(code);";
  let script = site.place.write("page.js", script);
  let through = |proxy: &Server| {
    let proxy = format!("http://me:secret@127.0.0.1:{}", proxy.port);
    site
      .place
      .bgfetch_with(&[("http_proxy", &proxy)], "run", &[&script])
      .code(0)
  };
  assert_eq!(through(&proxy).stdout, "through\n1005\n");
  let requests = proxy.requests();
  assert_eq!(requests.len(), 1);
  let head = &requests[0];
  assert!(head.starts_with("CONNECT far.test:80 HTTP/1.1"), "{head}");
  assert!(head.contains("Basic bWU6c2VjcmV0"), "{head}");
  assert_eq!(through(&refusing).stdout, "1006\n");
}

#[test]
fn an_open_one_does_not_hold_a_script_whose_background_fetches_are_done() {
  let site = Site::new();
  let server = Server::start();
  site.server.serve("/film.mp4", Resource::text("film"));
  let script = server.named_in(
    "const socket = new WebSocket('@WS@/echo');
    await new Promise((done) => socket.onopen = done);
    await registration.backgroundFetch.fetch('a', '/film.mp4');
    onbackgroundfetchsuccess = () => console.log('done');",
  );
  assert_eq!(site.lines(&script), ["done"]);
}

#[test]
fn a_large_message_comes_whole() {
  let site = Site::new();
  let server = Server::start();
  let page = server.named_in(
    "const socket = new WebSocket('@WS@/echo');
    socket.binaryType = 'arraybuffer';
    await new Promise((done) => socket.onopen = done);
    const bytes = new Uint8Array(3_000_000).fill(7);
    for (let i = 0; i < 4; i++) socket.send(bytes);
    let sum = 0;
    await new Promise((done) => socket.onmessage = ({ data }) => {
      sum += data.byteLength;
      if (new Uint8Array(data).some((byte) => byte !== 7)) throw data;
      if (sum === 12_000_000) done();
    });
    await say('sum', () => [sum, socket.bufferedAmount]);
    socket.close();",
  );
  assert_eq!(site.lines_with(&page, ""), ["sum: 12000000 0"]);
}

#[test]
fn websockets_of_one_host_are_opened_one_after_the_other() {
  let server = Server::serving(|mut stream, requests| {
    let head = read_head(&mut stream);
    requests.lock().unwrap().push(head);
    // Were there another handshake at once, it would come in this time.
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_millis(300) {
      thread::yield_now();
    }
    let so_far = requests.lock().unwrap().len();
    let answer = format!("HTTP/1.1 404 {so_far}\r\nConnection: close\r\n\r\n");
    requests.lock().unwrap().push(answer.clone());
    let _ = stream.write_all(answer.as_bytes());
  });
  let script = server.named_in(
    "await Promise.all([1, 2, 3].map((n) => new Promise((done) => {
      const socket = new WebSocket(`@WS@/${n}`);
      socket.onclose = done;
    })));
    console.log('all closed');",
  );
  assert_eq!(Site::new().lines(&script), ["all closed"]);
  let answered = server.requests();
  let is_answer = |line: &String| line.starts_with("HTTP/1.1 404");
  let answers: Vec<bool> = answered.iter().map(is_answer).collect();
  assert_eq!(answers, [false, true, false, true, false, true]);
}
