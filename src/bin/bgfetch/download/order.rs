//! What a `get` command orders: its downloads, and what they need that is not
//! stored.

use std::collections::HashMap;
use std::collections::HashSet;
use std::ffi::OsString;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use background_fetch::spec::Request;
use background_fetch::spec::Response;
use serde::Deserialize;
use serde::Serialize;
use url::Url;

use super::Checksum;
use super::Download;
use super::Jar;
use super::SaveOptions;
use super::SecretHeaders;
use super::Target;
use super::credentials::basic;
use super::credentials::is_secret;
use super::credentials::taken_from;
use super::list_file;
use super::list_file::Entry;
use super::metalink;
use crate::arguments::Credentials;
use crate::arguments::Get;
use crate::failure::Failure;
use crate::file_names::file_name;
use crate::file_names::numbered;
use crate::paths;

/// Everything that a `get` command orders.
pub struct Order {
  pub items: Vec<Arc<Item>>,
  pub secrets: SecretHeaders,
  pub cookies: Jar,
  /// The URLs whose file `--output -` sends to standard output.
  pub to_stdout: HashSet<Url>,
}

/// One file.
#[derive(Clone, Serialize, Deserialize)]
pub struct Item {
  /// The URL as the user has typed it, without a password.
  pub typed: String,
  pub download: Download,
  pub options: SaveOptions,
  /// The headers that are not secret, lower-case names first.
  pub headers: Vec<(String, String)>,
}

impl Order {
  /// # Errors
  ///
  /// Something in the command, or in a file that it names, cannot be used.
  pub fn new(arguments: &Get) -> Result<Self, Failure> {
    let entries = entries(arguments)?;
    if entries.len() != 1 {
      one_only(arguments)?;
    }
    let directory = paths::out_directory(&arguments.files.out)?;
    let mut order = Self {
      items: Vec::new(),
      secrets: SecretHeaders::with_netrc(netrc(&arguments.credentials)?),
      cookies: Jar::default(),
      to_stdout: HashSet::new(),
    };
    let common = Common::new(arguments, directory)?;
    let mut items = Vec::with_capacity(entries.len());
    for entry in entries {
      items.push(order.item(&common, entry)?);
    }
    // The same file twice is one download.
    let mut seen = HashSet::new();
    let is_first: Vec<bool> = items
      .iter()
      .map(|item| seen.insert(&item.download))
      .collect();
    let mut is_first = is_first.into_iter();
    items.retain(|_| is_first.next().unwrap_or_default());
    number(&mut items);
    has_directories(&items)?;
    order.items = items.into_iter().map(Arc::new).collect();
    order.secrets.shrink();
    let for_stdout = order.items.iter().filter(|i| i.download.is_for_stdout());
    order.to_stdout = for_stdout.flat_map(|i| i.urls()).cloned().collect();
    let urls: Vec<Url> =
      order.items.iter().map(|i| i.download.url.clone()).collect();
    order.cookies = jar(&arguments.credentials, &urls)?;
    Ok(order)
  }

  fn item(&mut self, common: &Common, entry: Entry) -> Result<Item, Failure> {
    let mut headers = common.headers.clone();
    for text in &entry.headers {
      headers.push(header(text)?);
    }
    let (secret, mut headers): (Vec<_>, Vec<_>) =
      headers.into_iter().partition(|(name, _)| is_secret(name));
    let mut take = |text: &str| -> Result<Url, Failure> {
      let mut url = parse(text, common.base.as_ref())?;
      let mut secret = secret.clone();
      let own = taken_from(&mut url).or_else(|| common.user.clone());
      let has_own = |(name, _): &(String, String)| name == "authorization";
      if let (Some((user, password)), false) = (own, secret.iter().any(has_own))
      {
        secret.push(basic(&user, &password));
      }
      self.secrets.add(&url, &secret);
      Ok(url)
    };
    let url = take(&entry.url)?;
    let mirrors = entry.mirrors.iter().map(|text| take(text));
    let mirrors = mirrors.collect::<Result<Vec<Url>, Failure>>()?;
    let mut options = SaveOptions {
      mirrors,
      ..common.options.clone()
    };
    for text in &entry.checksums {
      let checksum = text.parse::<Checksum>().map_err(|why| {
        Failure::usage(format!("the checksum {text:?} cannot be used: {why}"))
      })?;
      options.checksums.push(checksum);
    }
    if let Some(range) = &common.range {
      headers.push(("range".to_string(), format!("bytes={range}")));
    }
    Ok(Item {
      typed: typed(&entry.url),
      download: Download {
        url,
        target: Target {
          directory: common.directory.clone(),
          name: entry.out.map(OsString::from).or(common.name.clone()),
        },
        range: common.range.clone(),
      },
      options,
      headers,
    })
  }
}

/// What the options show servers of what downloads `urls` again: nothing of
/// it was stored.
///
/// # Errors
///
/// A file that the options name cannot be read.
pub fn shown_again(
  options: &Credentials,
  urls: &[Url],
) -> Result<(SecretHeaders, Jar), Failure> {
  one_host_only(options, urls)?;
  let mut secrets = SecretHeaders::with_netrc(netrc(options)?);
  let headers = options.headers.iter().map(|text| header(text));
  let mut headers = headers.collect::<Result<Vec<_>, Failure>>()?;
  let names_user = headers.iter().any(|(name, _)| name == "authorization");
  if let Some((user, password)) = user(options).filter(|_| !names_user) {
    headers.push(basic(&user, &password));
  }
  if !headers.is_empty() {
    for url in urls {
      secrets.add(url, &headers);
    }
  }
  Ok((secrets, jar(options, urls)?))
}

/// What was said of one download is not for the servers of all others.
fn one_host_only(options: &Credentials, urls: &[Url]) -> Result<(), Failure> {
  let is_pair = |text: &String| text.contains('=');
  let option = match options {
    _ if !options.headers.is_empty() => "--header",
    _ if options.user.is_some() => "--user",
    _ if options.cookies.iter().any(is_pair) => "--cookie NAME=VALUE",
    _ => return Ok(()),
  };
  let mut origins: Vec<_> = urls.iter().map(Url::origin).collect();
  origins.sort_by_key(|origin| origin.ascii_serialization());
  origins.dedup();
  let [one, other, ..] = &origins[..] else {
    return Ok(());
  };
  Err(Failure::usage(format!(
    "{option} would be shown to {} and to {}, which the store has downloads \
     of; give the `bgfetch get` again that it belongs to, name it in .netrc, \
     or use `bgfetch retry ID` for one that has failed",
    one.ascii_serialization(),
    other.ascii_serialization()
  )))
}

fn user(options: &Credentials) -> Option<(String, String)> {
  let text = options.user.as_deref()?;
  let (user, password) = text.split_once(':').unwrap_or((text, ""));
  Some((user.to_string(), password.to_string()))
}

fn jar(options: &Credentials, urls: &[Url]) -> Result<Jar, Failure> {
  let jar = Jar::default();
  for text in &options.cookies {
    if text.contains('=') {
      for (url, pair) in urls
        .iter()
        .flat_map(|url| text.split(';').map(move |p| (url, p)))
      {
        jar.add_pair(url, pair.trim());
      }
      continue;
    }
    let file = read(Path::new(text), "the cookies")?;
    jar.add_file(&file).map_err(|why| {
      Failure::usage(format!("the cookies in {text} cannot be read: {why}"))
    })?;
  }
  Ok(jar)
}

impl Item {
  /// Whether the user may mean it by `name`: its id, or its URL as it was typed.
  pub fn is_named(&self, name: &str) -> bool {
    self.options.url_name == name || self.typed == name
  }

  /// Where it is to be had: the first place, and its mirrors.
  pub fn urls(&self) -> impl Iterator<Item = &Url> {
    std::iter::once(&self.download.url).chain(&self.options.mirrors)
  }

  /// Every download that may come of it: one for each of [`Item::urls`].
  pub fn downloads(&self) -> impl Iterator<Item = Download> {
    self.urls().map(|url| Download {
      url: url.clone(),
      ..self.download.clone()
    })
  }

  /// What goes on the wire, without what is secret.
  pub fn request(&self) -> Request {
    let mut request = Request::get(self.download.url.clone());
    for (name, value) in &self.headers {
      request.headers.append(name.as_str(), value.as_str());
    }
    request
  }

  /// What it will be called, as far as that is known.
  pub fn name_for(&self, response: Option<&Response>) -> OsString {
    let path = self.options.path(&self.download, response);
    path.file_name().unwrap_or_default().to_owned()
  }
}

/// What can never be saved need not be fetched.
fn has_directories(items: &[Item]) -> Result<(), Failure> {
  for item in items.iter().filter(|item| !item.options.create_dirs) {
    let target = &item.download.target;
    let Some(name) = target.name.as_deref() else {
      continue;
    };
    let path = target.directory.join(name);
    let directory = match name.as_bytes().ends_with(b"/") {
      true => Some(path.as_path()),
      false => path.parent(),
    };
    if let Some(missing) = directory.filter(|directory| !directory.is_dir()) {
      return Err(Failure::usage(format!(
        "there is no directory {}; add --create-dirs, or choose another \
         --output",
        missing.display()
      )));
    }
  }
  Ok(())
}

/// Numbers those that have the same name by their URLs, in the order in which
/// they were typed, not in the one in which they happen to be finished.
fn number(items: &mut [Item]) {
  let mut next = HashMap::new();
  for item in items {
    let name = file_name(&item.download.url);
    let number = next.entry(name.clone()).or_insert(0);
    item.options.url_name = numbered(&name, *number);
    *number += 1;
  }
}

/// What holds for every entry.
struct Common {
  base: Option<Url>,
  directory: PathBuf,
  name: Option<OsString>,
  headers: Vec<(String, String)>,
  user: Option<(String, String)>,
  range: Option<String>,
  options: SaveOptions,
}

impl Common {
  fn new(arguments: &Get, directory: PathBuf) -> Result<Self, Failure> {
    let files = &arguments.files;
    let mut headers = arguments
      .credentials
      .headers
      .iter()
      .map(|text| header(text))
      .collect::<Result<Vec<_>, Failure>>()?;
    // RFC 9110: what is asked for by bytes is not a coding's.
    if arguments.request.compressed {
      let codings = "gzip, deflate, br, zstd".to_string();
      headers.push(("accept-encoding".to_string(), codings));
    }
    Ok(Self {
      base: arguments.base.clone(),
      directory,
      name: files.output.clone(),
      headers,
      user: user(&arguments.credentials),
      range: arguments.request.range.as_deref().map(range).transpose()?,
      options: SaveOptions {
        content_disposition: !files.no_content_disposition,
        remote_time: !files.no_remote_time,
        server_digests: !arguments.ignore_digests,
        create_dirs: files.create_dirs,
        replace: files.force,
        checksums: arguments.checksums.clone(),
        ..SaveOptions::default()
      },
    })
  }
}

/// What names one file cannot hold for several.
fn one_only(arguments: &Get) -> Result<(), Failure> {
  let refused = |option: &str| {
    Err(Failure::usage(format!(
      "{option} is for one URL; write it into an input file, behind the URL \
       that it belongs to"
    )))
  };
  match arguments {
    _ if arguments.files.output.is_some() => refused("--output"),
    _ if !arguments.checksums.is_empty() => refused("--checksum"),
    _ if !arguments.mirrors.is_empty() => refused("--mirror"),
    _ => Ok(()),
  }
}

fn entries(arguments: &Get) -> Result<Vec<Entry>, Failure> {
  let mut entries: Vec<Entry> = arguments
    .urls
    .iter()
    .map(|url| Entry {
      url: url.clone(),
      ..Entry::default()
    })
    .collect();
  let wrong = |file: &Path, why: String| {
    Failure::usage(format!("{} cannot be used: {why}", file.display()))
  };
  for file in &arguments.input_files {
    let text = read(file, "the list of URLs")?;
    entries.extend(list_file::parse(&text).map_err(|why| wrong(file, why))?);
  }
  for file in &arguments.metalinks {
    let text = read(file, "the metalink file")?;
    entries.extend(metalink::parse(&text).map_err(|why| wrong(file, why))?);
  }
  if entries.is_empty() {
    return Err(Failure::usage("there is no URL in the input file"));
  }
  if let [entry] = &mut entries[..] {
    entry.mirrors.extend(arguments.mirrors.iter().cloned());
  }
  Ok(entries)
}

/// The text of a file, or of standard input for `-`.
fn read(file: &Path, what: &str) -> Result<String, Failure> {
  let text = match file == Path::new("-") {
    true => {
      let mut text = Vec::new();
      std::io::stdin().read_to_end(&mut text).map(|_| text)
    }
    false => std::fs::read(file),
  };
  let wrong = |why: String| {
    let file = file.display();
    Failure::usage(format!("{what} in {file} cannot be read: {why}"))
  };
  let text = text.map_err(|error| wrong(error.to_string()))?;
  String::from_utf8(text).map_err(|_| wrong("it is not UTF-8".to_string()))
}

/// A URL that the user has typed: without its password, as it is shown, and
/// the user and password.
///
/// # Errors
///
/// It is not a URL that can be fetched.
pub fn parse_url(text: &str) -> Result<TypedUrl, Failure> {
  let mut url = parse(text, None)?;
  if !matches!(url.scheme(), "http" | "https") {
    let scheme = url.scheme();
    let message = format!("the scheme is {scheme}, not http or https");
    return Err(Failure::usage(message));
  }
  let secret = taken_from(&mut url);
  Ok((url, typed(text), secret))
}

/// See [`parse_url`].
pub type TypedUrl = (Url, String, Option<(String, String)>);

fn parse(text: &str, base: Option<&Url>) -> Result<Url, Failure> {
  let url = match base {
    Some(base) => base.join(text),
    None => Url::parse(text),
  };
  url.map_err(|error| {
    let hint = match error {
      url::ParseError::RelativeUrlWithoutBase => {
        "; write it with its scheme, or give --base"
      }
      _ => "",
    };
    Failure::usage(format!("{} is not a URL: {error}{hint}", typed(text)))
  })
}

/// What the user has typed, without what stands before an `@`.
fn typed(text: &str) -> String {
  let Some((scheme, rest)) = text.split_once("://") else {
    return text.to_string();
  };
  let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
  match rest[..end].rfind('@') {
    Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
    None => text.to_string(),
  }
}

/// A header as users write it: its name in lower case, and its value.
///
/// # Errors
///
/// It is not one that can be sent.
fn header(text: &str) -> Result<(String, String), Failure> {
  let wrong = |why: &str| {
    let shown = text.split(':').next().unwrap_or_default();
    Failure::usage(format!("the header {shown:?} cannot be sent: {why}"))
  };
  let (name, value) = text
    .split_once(':')
    .ok_or_else(|| wrong("it has to be NAME: VALUE"))?;
  let name = name.trim().to_ascii_lowercase();
  let value = value.trim();
  let is_name = |name: &str| {
    !name.is_empty()
      && name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
  };
  if !is_name(&name) {
    return Err(wrong("its name is not one of HTTP"));
  }
  if value.bytes().any(|b| matches!(b, 0 | b'\r' | b'\n')) {
    return Err(wrong("its value has a line end or a NUL"));
  }
  if name == "range" {
    return Err(wrong("use --range"));
  }
  // Bytes, as they are on the wire.
  let value = value.bytes().map(char::from).collect();
  Ok((name, value))
}

fn range(text: &str) -> Result<String, Failure> {
  let number = |text: &str| {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse::<u64>().ok()).flatten()
  };
  let is_range = text.split_once('-').is_some_and(|(first, last)| {
    match (number(first), number(last)) {
      (Some(first), Some(last)) => first <= last,
      (Some(_), None) => last.is_empty(),
      _ => false,
    }
  });
  match is_range {
    true => Ok(text.to_string()),
    false => Err(Failure::usage(format!(
      "{text:?} is not a range; it has to be FIRST-LAST or FIRST-, in bytes \
       from 0"
    ))),
  }
}

/// The user's netrc file, if it is wanted.
///
/// # Errors
///
/// The one that is named cannot be read.
fn netrc(options: &Credentials) -> Result<Option<netrc::Netrc>, Failure> {
  let file = match &options.netrc_file {
    Some(file) => file.clone(),
    None if !options.netrc => return Ok(None),
    None => {
      let home = || Some(PathBuf::from(std::env::var_os("HOME")?));
      let named = std::env::var_os("NETRC").map(PathBuf::from);
      match named.or_else(|| Some(home()?.join(".netrc"))) {
        Some(file) => file,
        None => return Ok(None),
      }
    }
  };
  let text = read(&file, "the passwords")?;
  // Its errors quote the file.
  text.parse().map(Some).map_err(|_| {
    Failure::usage(format!("{} is not a netrc file", file.display()))
  })
}

#[cfg(test)]
mod tests {
  use super::*;

  #[test]
  fn a_password_is_not_part_of_what_was_typed() {
    for (text, shown) in [
      ("https://u:p@a.test/x@y", "https://a.test/x@y"),
      ("https://a.test/x@y", "https://a.test/x@y"),
      ("https://u:p@w@a.test", "https://a.test"),
      ("x@y", "x@y"),
    ] {
      assert_eq!(typed(text), shown);
    }
  }

  #[test]
  fn ranges_are_checked() {
    for text in ["0-99", "5-", "7-7"] {
      assert!(range(text).is_ok(), "{text}");
    }
    for text in ["", "-", "-5", "5", "9-1", "a-b", "0-1,3-4", "+1-2"] {
      assert!(range(text).is_err(), "{text}");
    }
  }

  #[test]
  fn headers_are_checked() {
    let (name, value) = header("X-Key:  é ").unwrap();
    assert_eq!((name.as_str(), value.as_str()), ("x-key", "Ã©"));
    for text in ["x", ": y", "a b: c", "x: a\r\nb: c", "range: bytes=0-"] {
      assert!(header(text).is_err(), "{text}");
    }
  }
}
