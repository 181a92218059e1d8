//! Notifications, windows, and clicks on them.

use crate::browser::site::Site;
use crate::cli::place::Running;
use support::Behaviour;
use support::Resource;

const REGISTER: &str = "
  await navigator.serviceWorker.register('sw.js');
  const registration = await navigator.serviceWorker.ready;
  await registration.backgroundFetch.fetch('held', '/held');
";

/// A page that lives as long as `/held` is held.
fn start(site: &Site, page: &str, worker: &str) -> Running {
  let held = Resource::text("held").script([Behaviour::Hold]);
  site.server.serve("/held", held);
  site.start(&format!("{REGISTER}{page}"), Some(worker))
}

#[test]
fn a_notification_is_shown_found_clicked_and_dismissed() {
  let site = Site::new();
  let running = start(
    &site,
    "await registration.showNotification('Done', {
      body: 'All is here', tag: 'jobs', data: { n: 7 }, icon: 'icon.png',
      actions: [{ action: 'open', title: 'Open' }],
    });
    await registration.showNotification('Other');
    await say('all', async () => (await registration.getNotifications()).map((n) => n.title));
    await say('tagged', async () => {
      const [n] = await registration.getNotifications({ tag: 'jobs' });
      return [n instanceof Notification, n.body, n.data.n, n.icon.endsWith('/app/icon.png'), n.actions[0].action];
    });
    await registration.showNotification('Done again', { tag: 'jobs' });
    await say('replaced', async () => (await registration.getNotifications()).map((n) => n.title));
    await say('renotify', () => registration.showNotification('x', { renotify: true }));
    await say('function', () => registration.showNotification('x', { data: () => {} }));
    console.log('ready');",
    "onnotificationclick = (event) => {
      const { notification, action } = event;
      console.log('click', notification.title, JSON.stringify(action), event instanceof NotificationEvent);
      if (action === 'close') notification.close();
    };
    onnotificationclose = (event) => console.log('close', event.notification.title);",
  );
  let mut lines = Vec::new();
  while lines.last().is_none_or(|line| line != "ready") {
    lines.push(running.line(|_| true));
  }
  let expected = [
    "all: Done Other",
    "tagged: true All is here 7 true open",
    "replaced: Other Done again",
    "renotify: TypeError",
    "function: DataCloneError",
    "ready",
  ];
  assert_eq!(lines, expected);
  let click = |arguments: &[&str]| site.place.bgfetch("click", arguments);
  click(&["jobs"]).code(0);
  running.line(|line| line == "click Done again \"\" true");
  click(&["jobs", "--action", "close"]).code(0);
  running.line(|line| line == "click Done again \"close\" true");
  click(&["Other", "--dismiss"]).code(0);
  running.line(|line| line == "close Other");
  // None is left.
  click(&["Other"]).code(2);
  click(&["jobs", "--dismiss"]).code(2);
  site.server.release("/held");
  running.ended().code(0);
}

#[test]
fn a_click_lets_a_worker_open_and_focus_a_window_once() {
  let site = Site::new();
  let running = start(
    &site,
    "await registration.showNotification('Show it');
    console.log('ready');",
    "onbackgroundfetchclick = (event) => event.waitUntil((async () => {
      const [client] = await clients.matchAll();
      await say('opened', () => clients.openWindow('downloads'));
      await say('again', () => clients.openWindow('downloads'));
      await say('blank', () => clients.openWindow('about:blank'));
      await say('navigate', () => client.navigate('other'));
      console.log(client.focused, client.visibilityState);
    })());
    onmessage = (event) => event.waitUntil((async () => {
      await say('uninvited', () => clients.openWindow('downloads'));
    })());
    onnotificationclick = (event) => event.waitUntil((async () => {
      const [client] = await clients.matchAll({ includeUncontrolled: true });
      const focused = await client.focus();
      console.log(focused instanceof WindowClient, focused.id === client.id, focused.focused, focused.visibilityState);
      await say('again', () => client.focus());
      event.notification.close();
    })());
    onactivate = (event) => event.waitUntil(clients.claim());",
  );
  running.line(|line| line == "ready");
  site.place.bgfetch("click", &["held"]).code(0);
  for expected in [
    "opened: null",
    "again: InvalidAccessError",
    "blank: TypeError",
    "navigate: TypeError",
    "false hidden",
  ] {
    assert_eq!(running.line(|_| true), expected);
  }
  site.place.bgfetch("click", &["Show it"]).code(0);
  for expected in ["true true true visible", "again: InvalidAccessError"] {
    assert_eq!(running.line(|_| true), expected);
  }
  site.server.release("/held");
  running.ended().code(0);
}
