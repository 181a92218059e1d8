//! Documents that an embedder loads, which a service worker may answer for.

use background_fetch::engine::Navigation;
use background_fetch::engine::RealmKind;
use background_fetch::engine::RealmOptions;
use background_fetch::engine::Response;
use background_fetch::spec::ResponseType;
use deno_core::futures::TryStreamExt;
use support::FaultServer;
use support::Resource;

use crate::service_worker::harness::World;

const REGISTER: &str = "await activated('/app/sw.js');";

fn navigate(world: &World) -> Navigation {
  let from = world.server.url("/from.html").parse().unwrap();
  world.engine().navigate(Some(&from))
}

type Answer = Result<Option<(Response, String)>, String>;

/// What the service worker has to say of the document at `url`.
fn fetch(world: &World, navigation: &mut Navigation, url: &str) -> Answer {
  let fetched = async {
    let answer = navigation.fetch(url.parse().unwrap()).await;
    let Some(answer) = answer.map_err(|error| error.to_string())? else {
      return Ok(None);
    };
    let body: Vec<_> = answer.body.try_collect().await.unwrap();
    let body = String::from_utf8(body.concat()).unwrap();
    Ok(Some((answer.response, body)))
  };
  world.bounded(fetched)
}

#[test]
fn a_worker_answers_for_a_document_that_then_is_its_client() {
  let world = World::new();
  world.script(
    "/app/sw.js",
    r"
    let during;
    onfetch = (event) => {
      const { request, clientId, resultingClientId } = event;
      if (request.mode !== 'navigate') return;
      event.respondWith((async () => {
        during = await clients.get(resultingClientId);
        return new Response(JSON.stringify([
          request.mode, request.redirect, request.credentials, request.method,
          new URL(request.referrer).pathname, clientId, resultingClientId,
        ]));
      })());
    };
    onmessage = async ({ source, data }) => {
      const client = await clients.get(data);
      source.postMessage({
        what: 'client',
        wasThere: during !== undefined,
        url: client.url,
        isSource: client.id === source.id,
      });
    };
    ",
  );
  world.window("/page.html", REGISTER);
  let mut navigation = navigate(&world);
  let url = world.server.url("/app/made.html");
  let (response, body) = fetch(&world, &mut navigation, &url).unwrap().unwrap();
  assert_eq!(response.status, 200);
  let id = navigation.client_id().to_string();
  let expected =
    format!(r#"["navigate","manual","include","GET","/from.html","","{id}"]"#);
  assert_eq!(body, expected);
  let options = RealmOptions {
    client_id: Some(id.clone()),
    ..RealmOptions::new(RealmKind::Window, url.parse().unwrap())
  };
  let script = format!(
    "navigator.serviceWorker.controller.postMessage('{id}');
    const client = await message('client');
    assertEquals(client, {{
      what: 'client', wasThere: false, url: location.href, isSource: true,
    }}, 'client');"
  );
  world.open_with(options, &script).wait();
  // Nothing at all was asked of the server for it.
  assert_eq!(world.server.requests_for("/app/made.html").len(), 0);
}

#[test]
fn what_no_worker_answers_is_for_the_network() {
  let world = World::new();
  world.script("/app/sw.js", "onfetch = () => console.log('asked');");
  world.window("/page.html", REGISTER);
  let mut navigation = navigate(&world);
  let within = world.server.url("/app/x");
  let outside = world.server.url("/x");
  assert_eq!(fetch(&world, &mut navigation, &outside), Ok(None));
  assert_eq!(world.log.count("asked"), 0);
  assert_eq!(fetch(&world, &mut navigation, &within), Ok(None));
  assert_eq!(world.log.count("asked"), 1);
}

#[test]
fn a_redirect_is_the_embedders_to_follow() {
  let world = World::new();
  let other = FaultServer::start_blocking();
  let to = other.serve("/secret", Resource::text("secret"));
  world
    .server
    .serve("/app/away", Resource::redirect(&to, 302));
  world.script(
    "/app/sw.js",
    r"
    onfetch = (event) => {
      const { search } = new URL(event.request.url);
      event.respondWith((async () => {
        const response = search === '?follows'
          ? await fetch(new Request(event.request, { redirect: 'follow' }))
          : await fetch(event.request);
        console.log(response.type, response.status, ...response.headers);
        return response;
      })().catch((error) => {
        console.log(`not followed: ${error.message}`);
        return Response.error();
      }));
    };
    ",
  );
  world.window("/page.html", REGISTER);
  let mut navigation = navigate(&world);
  let url = world.server.url("/app/away");
  let (response, _) = fetch(&world, &mut navigation, &url).unwrap().unwrap();
  assert_eq!(response.response_type, ResponseType::OpaqueRedirect);
  let location = response.internal_headers().first("location");
  assert_eq!(location, Some(to.as_str()));
  // The script sees nothing of it.
  world.log.wait_for("opaqueredirect 0");
  assert_eq!(world.log.count(&to), 0);
  // The document will be another client, in an origin of its own.
  let before = navigation.client_id().to_string();
  assert_eq!(fetch(&world, &mut navigation, &to), Ok(None));
  assert_ne!(navigation.client_id(), before);
  // No script reads what is of another origin by way of a document.
  let error = fetch(&world, &mut navigate(&world), &format!("{url}?follows"));
  assert!(error.is_err(), "{error:?}");
  world.log.wait_for("not followed");
  assert_eq!(other.requests_for("/secret").len(), 0);
}

#[test]
fn an_answer_that_was_redirected_is_not_for_a_document() {
  let world = World::new();
  let to = world.server.serve("/app/real", Resource::text("real"));
  world
    .server
    .serve("/app/moved", Resource::redirect(&to, 302));
  world.script(
    "/app/sw.js",
    "onfetch = (event) => event.respondWith(fetch('/app/moved'));",
  );
  world.window("/page.html", REGISTER);
  let url = world.server.url("/app/moved.html");
  let error = fetch(&world, &mut navigate(&world), &url).unwrap_err();
  assert!(error.contains("it was redirected"), "{error}");
}

#[test]
fn a_document_has_its_worker_looked_for_again() {
  let world = World::new();
  let script = |version: u32| {
    let source =
      format!("console.log('version {version}'); onfetch = () => {{}}");
    world.script("/app/sw.js", &source);
  };
  script(1);
  world.window("/page.html", REGISTER);
  script(2);
  let url = world.server.url("/app/x");
  assert_eq!(fetch(&world, &mut navigate(&world), &url), Ok(None));
  world.log.wait_for("version 2");
}
