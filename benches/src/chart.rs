//! The times of all programs for each job, with ours as 1, as an SVG.

use std::fmt::Write;

use crate::report::{Report, Scenario};

const BAR: usize = 14;
const NAMES: usize = 110;
const SCALE: f64 = 150.0;
/// Bars end here; the number beside them goes on.
const LONGEST: f64 = 3.0;
const WIDTH: usize = NAMES + 560;

pub fn svg(report: &Report) -> String {
  let races: Vec<&Scenario> = report
    .scenarios
    .iter()
    .filter(|scenario| scenario.rows.len() > 1)
    .collect();
  let height: usize = races
    .iter()
    .map(|race| (race.rows.len() + 2) * BAR + 6)
    .sum();
  let mut svg = format!(
    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
     font-family=\"sans-serif\" font-size=\"11\">\n<style>text {{ fill: #444 }} \
     @media (prefers-color-scheme: dark) {{ text {{ fill: #ccc }} }}</style>\n\
     <title>Time for the same job, bgfetch = 1; shorter is faster</title>\n"
  );
  let mut top = BAR;
  for race in races {
    let _ = writeln!(
      svg,
      "<text x=\"4\" y=\"{top}\" font-weight=\"bold\">{}</text>",
      escaped(&race.name)
    );
    for row in &race.rows {
      top += BAR;
      let ratio = race.rows[0].faster_than(row);
      let length = ratio.min(LONGEST) * SCALE;
      let colour = if row.name == "bgfetch" {
        "#2a7ae2"
      } else {
        "#9aa5b1"
      };
      let _ = writeln!(
        svg,
        "<text x=\"12\" y=\"{top}\">{}</text>\
         <rect x=\"{NAMES}\" y=\"{}\" width=\"{length:.0}\" height=\"{}\" fill=\"{colour}\"/>\
         <text x=\"{:.0}\" y=\"{top}\">{ratio:.2}</text>",
        escaped(&row.name),
        top - BAR + 4,
        BAR - 3,
        NAMES as f64 + length + 6.0,
      );
    }
    top += 2 * BAR + 6;
  }
  svg + "</svg>\n"
}

fn escaped(text: &str) -> String {
  text.replace('&', "&amp;").replace('<', "&lt;")
}
