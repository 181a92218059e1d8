//! The steps with their places in the code and their tests.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use super::scan::Mention;
use super::scan::mentions;

pub struct Table {
  /// In the specification's order.
  steps: Vec<Step>,
  /// What does not exist, or is not said as it has to be.
  wrong: Vec<String>,
}

struct Step {
  name: String,
  label: String,
  code: Vec<String>,
  tests: Vec<String>,
  /// Why it has no line, or no test.
  exempt: Option<(Missing, String)>,
  is_parent: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
  Code,
  Test,
  Both,
}

impl Table {
  /// Reads the lists beside this file, and the code and the tests below
  /// `root`.
  pub fn read(root: &Path) -> Result<Self, String> {
    let list = |name: &str| {
      let path = root.join("tests/steps").join(name);
      fs::read_to_string(&path)
        .map_err(|error| format!("{} cannot be read: {error}", path.display()))
    };
    let mut table = Self {
      steps: steps(&list("steps.txt")?),
      wrong: Vec::new(),
    };
    let mut algorithms: Vec<String> = table
      .steps
      .iter()
      .filter_map(|step| Some(step.name.split_once('.')?.0.to_string()))
      .collect();
    algorithms.dedup();
    for (directory, code) in [
      ("src", true),
      ("js", true),
      ("tests", false),
      ("wpt", false),
    ] {
      let found = mentions(root, directory, &algorithms, code)
        .map_err(|error| format!("{directory} cannot be read: {error}"))?;
      for mention in found {
        table.add(mention);
      }
    }
    table.exempt(&list("exempt.txt")?);
    table.inherit();
    Ok(table)
  }

  fn add(&mut self, mention: Mention) {
    let Mention { step, place, test } = mention;
    if test.as_deref() == Some("") {
      self.wrong.push(format!("{place} is above no test"));
    }
    if is_container(&self.steps, &step) {
      return;
    }
    match self.steps.iter_mut().find(|known| known.name == step) {
      None => self
        .wrong
        .push(format!("{place} names {step}, which is not a step")),
      Some(known) => match test {
        Some(test) => known.tests.push(test),
        None => known.code.push(place),
      },
    }
  }

  fn exempt(&mut self, text: &str) {
    for line in lines(text) {
      let mut words = line.splitn(3, ' ');
      let (name, what) = (words.next(), words.next());
      let missing = match what {
        Some("code") => Missing::Code,
        Some("test") => Missing::Test,
        _ => Missing::Both,
      };
      let reason = words.next().unwrap_or_default().to_string();
      let step = self.steps.iter_mut().find(|s| Some(&*s.name) == name);
      match step {
        Some(step) => step.exempt = Some((missing, reason)),
        None => self.wrong.push(format!("exempt.txt has no step: {line}")),
      }
    }
  }

  /// A step that consists of others is there when all of them are.
  fn inherit(&mut self) {
    for index in (0..self.steps.len()).rev() {
      let prefix = format!("{}.", self.steps[index].name);
      let children = self.steps.iter().filter(|step| {
        let rest = step.name.strip_prefix(&prefix);
        rest.is_some_and(|rest| rest.split('.').count() == 1)
      });
      let children: Vec<&Step> = children.collect();
      let has_code = children.iter().all(|s| s.is_done(Missing::Code));
      let has_tests = children.iter().all(|s| s.is_done(Missing::Test));
      let is_parent = !children.is_empty();
      let step = &mut self.steps[index];
      step.is_parent = is_parent;
      if is_parent && has_code && step.code.is_empty() {
        step.code.push("its steps".to_string());
      }
      if is_parent && has_tests && step.tests.is_empty() {
        step.tests.push("those of its steps".to_string());
      }
    }
  }

  /// What keeps the table from being complete, a message each.
  pub fn complaints(&self) -> Vec<String> {
    let mut complaints = self.wrong.clone();
    for step in &self.steps {
      let name = &step.name;
      for (missing, what) in
        [(Missing::Code, "line of code"), (Missing::Test, "test")]
      {
        if !step.is_done(missing) {
          complaints.push(format!("{name} has no {what}"));
        }
      }
      let there = match &step.exempt {
        Some((Missing::Code, _)) => !step.code.is_empty(),
        Some((Missing::Test, _)) => !step.tests.is_empty(),
        Some((Missing::Both, _)) => {
          !step.code.is_empty() && !step.tests.is_empty()
        }
        None => false,
      };
      if there && !step.is_parent {
        complaints.push(format!("{name} is exempt, and is there"));
      }
    }
    complaints
  }
}

impl Step {
  fn is_done(&self, what: Missing) -> bool {
    let exempt = self
      .exempt
      .as_ref()
      .is_some_and(|(missing, _)| [what, Missing::Both].contains(missing));
    let places = match what {
      Missing::Code => &self.code,
      _ => &self.tests,
    };
    exempt || !places.is_empty()
  }
}

impl fmt::Display for Table {
  fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for step in &self.steps {
      let tests: BTreeMap<&str, ()> =
        step.tests.iter().map(|test| (test.as_str(), ())).collect();
      let tests: Vec<&str> = tests.into_keys().collect();
      writeln!(f, "{:<28} {}", step.name, step.label)?;
      if !step.code.is_empty() {
        writeln!(f, "    code  {}", step.code.join(", "))?;
      }
      if !tests.is_empty() {
        writeln!(f, "    tests {}", tests.join(", "))?;
      }
      if let Some((missing, reason)) = &step.exempt {
        let what = match missing {
          Missing::Code => "no code",
          Missing::Test => "no test",
          Missing::Both => "no code, no test",
        };
        writeln!(f, "    {what}: {reason}")?;
      }
    }
    let exempt = self.steps.iter().filter(|s| s.exempt.is_some()).count();
    writeln!(f, "{} steps, {exempt} of them exempt", self.steps.len())
  }
}

fn steps(text: &str) -> Vec<Step> {
  let step = |line: &str| {
    let (name, label) = line.split_once(' ').unwrap_or((line, ""));
    Step {
      name: name.to_string(),
      label: label.to_string(),
      code: Vec::new(),
      tests: Vec::new(),
      exempt: None,
      is_parent: false,
    }
  };
  lines(text).map(step).collect()
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
  let lines = text.lines().map(str::trim);
  lines.filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// complete.11.body and complete.11.response are lists, and no steps.
fn is_container(steps: &[Step], name: &str) -> bool {
  let ends_in_number = name
    .rsplit('.')
    .next()
    .is_some_and(|n| n.parse::<u32>().is_ok());
  let prefix = format!("{name}.");
  !ends_in_number && steps.iter().any(|step| step.name.starts_with(&prefix))
}
