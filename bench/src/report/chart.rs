//! Draws the chart: a bar for each server's CPU time per request, with its spread, for light and dark backgrounds.

use super::{Report, Row};
use std::fmt::Write as _;

const WIDTH: f64 = 760.0;
const LABELS: f64 = 300.0;
const VALUES: f64 = 110.0;
const BAR: f64 = 18.0;
const GAP: f64 = 7.0;
const HEADING: f64 = 34.0;
const MARGIN: f64 = 12.0;

/// The colours of text, lines and bars. The second set is for dark backgrounds.
const STYLE: &str = "
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600 }
  .quiet { fill: #59636e }
  .bar { fill: #2f6fd0 }
  .first { fill: #8b949e }
  .spread { stroke: #1f2328; stroke-width: 1.5 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .quiet { fill: #9198a1 }
    .bar { fill: #58a6ff }
    .first { fill: #6e7681 }
    .spread { stroke: #e6edf3 }
  }
";

/// Draws all rows. The first server of each row has a muted colour.
pub fn draw(report: &Report) -> String {
    let bars: usize = report.rows.iter().map(|row| row.outcomes.len()).sum();
    let height = bars as f64 * (BAR + GAP) + report.rows.len() as f64 * HEADING + 2.0 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" \
         aria-label=\"CPU for each request, in microseconds\">\n<style>{STYLE}</style>\n"
    );
    let mut y = MARGIN;
    for row in &report.rows {
        draw_row(&mut svg, row, &mut y);
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw_row(svg: &mut String, row: &Row, y: &mut f64) {
    let total = |at: usize| row.outcomes[at].of(|sample| sample.cpu.iter().sum());
    let largest = (0..row.outcomes.len()).map(|at| total(at).max).fold(f64::MIN_POSITIVE, f64::max);
    let scale = (WIDTH - LABELS - VALUES - MARGIN) / largest;
    *y += HEADING;
    let _ = writeln!(
        svg,
        "<text class=\"title\" x=\"{MARGIN}\" y=\"{:.1}\">{} <tspan class=\"quiet\">(us of CPU each)</tspan></text>",
        *y - 10.0,
        escaped(&row.title)
    );
    for (at, outcome) in row.outcomes.iter().enumerate() {
        let cpu = total(at);
        let middle = *y + BAR / 2.0;
        let class = if at == 0 { "first" } else { "bar" };
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
             <rect class=\"{class}\" x=\"{LABELS}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{BAR}\" rx=\"2\"/>\
             <line class=\"spread\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{middle:.1}\" y2=\"{middle:.1}\"/>\
             <text class=\"quiet\" x=\"{:.1}\" y=\"{:.1}\">{:.1}</text>",
            LABELS - 8.0,
            middle + 4.5,
            escaped(&outcome.name),
            *y,
            cpu.median * scale,
            LABELS + cpu.min * scale,
            LABELS + cpu.max * scale,
            LABELS + cpu.max * scale + 8.0,
            middle + 4.5,
            cpu.median,
        );
        *y += BAR + GAP;
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Outcome, Sample};

    fn outcome(name: &str, cpu: [f64; 3]) -> Outcome {
        let sample = |cpu| Sample { cpu: vec![cpu], ..Sample::default() };
        Outcome { name: name.to_owned(), processes: vec![name.to_owned()], samples: cpu.map(sample).to_vec() }
    }

    #[test]
    fn every_contestant_has_a_bar_as_long_as_its_cost_and_names_are_escaped() {
        let outcomes = vec![outcome("bare", [5.0, 5.0, 5.0]), outcome("a <gate>", [9.0, 10.0, 10.0])];
        let report =
            Report { rows: vec![Row { title: "warm & kept".to_owned(), outcomes }], ..Report::default() };
        let svg = draw(&report);
        assert_eq!(svg.matches("<rect").count(), 2);
        assert!(svg.contains("a &lt;gate&gt;") && svg.contains("warm &amp; kept"), "{svg}");
        let width = WIDTH - LABELS - VALUES - MARGIN;
        assert!(svg.contains(&format!("width=\"{:.1}\"", width / 2.0)), "{svg}");
        assert!(svg.contains(&format!("width=\"{width:.1}\"")), "{svg}");
        assert!(svg.contains("prefers-color-scheme: dark") && svg.trim_end().ends_with("</svg>"));
    }
}
