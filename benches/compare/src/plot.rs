//! The plots: dots on a logarithmic axis, and the histogram of pauses. SVG by hand: a few shapes and texts.

use crate::concurrency::Result as Concurrency;
use crate::peers::SYSTEMS;
use crate::report::number;
use crate::sequential::Row;
use std::fmt::Write as _;

const INK: &str = "#222";
const GRID: &str = "#ddd";
/// Colours that colour-blind readers can tell apart, by the beginning of a label; the longer name stands first.
const COLOURS: &[(&str, &str)] = &[
    ("Corella --jit=off", "#7a3300"),
    ("Corella", "#d55e00"),
    ("LuaJIT -joff", "#332288"),
    ("LuaJIT", "#56b4e9"),
    ("Lua 5.4", "#0072b2"),
    ("Node", "#cc79a7"),
    ("Python", "#e69f00"),
    ("Go", "#009e73"),
    ("Erlang", "#7f7f7f"),
    ("Rhai", "#7f7f7f"),
    ("Rune", "#999933"),
];

fn colour_of(label: &str) -> &'static str {
    COLOURS.iter().find(|(name, _)| label.starts_with(name)).map_or(INK, |(_, colour)| colour)
}

struct Svg {
    body: String,
    width: f64,
    height: f64,
}

impl Svg {
    fn new(width: f64, height: f64) -> Self {
        Svg { body: String::new(), width, height }
    }

    fn text(&mut self, x: f64, y: f64, size: f64, anchor: &str, text: &str) {
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        let _ = writeln!(
            self.body,
            r#"<text x="{x:.1}" y="{y:.1}" font-size="{size}" text-anchor="{anchor}" fill="{INK}">{text}</text>"#
        );
    }

    fn line(&mut self, x1: f64, y1: f64, x2: f64, y2: f64, colour: &str, width: f64) {
        let _ = writeln!(
            self.body,
            r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" stroke="{colour}" stroke-width="{width}"/>"#
        );
    }

    // A dot with a tooltip.
    fn dot(&mut self, x: f64, y: f64, radius: f64, colour: &str, tip: &str) {
        let tip = tip.replace('&', "&amp;").replace('<', "&lt;");
        let _ = writeln!(
            self.body,
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="{radius}" fill="{colour}" fill-opacity="0.9"><title>{tip}</title></circle>"#
        );
    }

    // No blank line and no indentation: Markdown would take it for a paragraph or code where the file is included.
    fn finish(self, title: &str) -> String {
        let (w, h) = (self.width, self.height);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w} {h}\" font-family=\"sans-serif\" role=\"img\" aria-label=\"{title}\">\n\
             <rect width=\"{w}\" height=\"{h}\" fill=\"#fff\"/>\n{}</svg>\n",
            self.body
        )
    }
}

/// A logarithmic axis from `low` to `high` over a stretch of pixels.
struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Axis {
        let (mut low, mut high) = (0.5, 2.0);
        for value in values.filter(|v| *v > 0.0) {
            low = f64::min(low, value);
            high = f64::max(high, value);
        }
        Axis { low: low / 1.15, high: high * 1.15, from, to }
    }

    fn at(&self, value: f64) -> f64 {
        let share = (value / self.low).ln() / (self.high / self.low).ln();
        self.from + share * (self.to - self.from)
    }

    fn ticks(&self) -> Vec<f64> {
        let steps: &[f64] = if self.high / self.low > 2000.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        (-9..10)
            .flat_map(|power| steps.iter().map(move |step| step * 10f64.powi(power)))
            .filter(|tick| *tick >= self.low && *tick <= self.high)
            .collect()
    }
}

struct Group {
    name: String,
    /// Series, ratio, tooltip.
    dots: Vec<(usize, f64, String)>,
}

// One row a group; a dot says how many times Corella's figure that of the series is.
fn dots(title: &str, subtitle: &str, series: &[&str], groups: &[Group], left: f64) -> String {
    let (width, row, top) = (980.0, 26.0, 92.0);
    let bottom = top + row * groups.len() as f64;
    let mut svg = Svg::new(width, bottom + 44.0);
    let axis = Axis::over(groups.iter().flat_map(|g| g.dots.iter().map(|d| d.1)), left, width - 24.0);
    svg.text(16.0, 26.0, 18.0, "start", title);
    svg.text(16.0, 46.0, 12.0, "start", subtitle);
    let mut x = 16.0;
    for (k, name) in series.iter().enumerate() {
        svg.dot(x + 5.0, 66.0, if k == 0 { 6.5 } else { 5.0 }, colour_of(name), name);
        svg.text(x + 15.0, 70.0, 12.0, "start", name);
        x += 34.0 + name.chars().count() as f64 * 7.0;
    }
    for tick in axis.ticks() {
        let at = axis.at(tick);
        let colour = if tick == 1.0 { "#888" } else { GRID };
        svg.line(at, top - 8.0, at, bottom, colour, 1.0);
        svg.text(at, bottom + 16.0, 11.0, "middle", &format!("{tick}"));
    }
    svg.text(
        (left + width) / 2.0,
        bottom + 36.0,
        12.0,
        "middle",
        "times Corella's figure (logarithmic): right of 1 is slower or larger than Corella, left of 1 faster or smaller",
    );
    for (k, group) in groups.iter().enumerate() {
        let y = top + row * (k as f64 + 0.5);
        svg.line(left, y, width - 24.0, y, "#f0f0f0", 1.0);
        svg.text(left - 10.0, y + 4.0, 12.0, "end", &group.name);
        // Corella last, so that it lies on top.
        for (s, ratio, tip) in group.dots.iter().rev() {
            let radius = if *s == 0 { 6.5 } else { 5.0 };
            svg.dot(axis.at(*ratio), y, radius, colour_of(series[*s]), tip);
        }
    }
    svg.finish(title)
}

/// Sequential programs: a row each.
pub fn sequential(rows: &[Row]) -> String {
    let series: Vec<&str> = SYSTEMS.iter().map(|(_, title)| *title).collect();
    let groups: Vec<Group> = rows
        .iter()
        .map(|row| Group {
            name: row.program.clone(),
            dots: SYSTEMS
                .iter()
                .enumerate()
                .filter_map(|(k, (key, title))| {
                    let seconds = row.cell(key)?.seconds()?;
                    Some((k, 1.0 / row.ratio("corella", key)?, format!("{title}: {} s", number(seconds))))
                })
                .collect(),
        })
        .collect();
    dots("Sequential programs", "Time of the whole process, one row a program", &series, &groups, 120.0)
}

const FAMILIES: &[&str] = &["Corella", "Lua 5.4", "LuaJIT", "Go", "Node", "Python", "Erlang"];

/// Measures of concurrency that are times or sizes: a row each.
pub fn concurrency(results: &[Concurrency]) -> String {
    let groups: Vec<Group> = results
        .iter()
        .filter(|result| !result.measure.more && result.measure.id != "pauses" && result.readings.len() > 1)
        .filter_map(|result| {
            let field = &result.measure.fields[0];
            let ours = result.readings.iter().find(|r| r.is_corella())?.field(field).filter(|v| *v > 0.0)?;
            let dots = result
                .readings
                .iter()
                .filter_map(|reading| {
                    let family = FAMILIES.iter().position(|family| reading.label.starts_with(family))?;
                    let value = reading.field(field).filter(|v| *v > 0.0)?;
                    Some((family, value / ours, format!("{}: {} {field}", reading.label, number(value))))
                })
                .collect();
            let name: String = result.measure.title.split(", ").next().unwrap_or_default().into();
            let name =
                if result.measure.id == "chameneos-threads" { format!("{name}, two threads") } else { name };
            Some(Group { name, dots })
        })
        .collect();
    dots(
        "Tasks, threads, messages, start-up",
        "One row a measure; several dots of a language are its ways of doing it",
        FAMILIES,
        &groups,
        330.0,
    )
}

/// The histogram of how long 50 new records take in a heap of 1 GB.
pub fn pauses(results: &[Concurrency]) -> String {
    let (width, height, left, top) = (980.0, 420.0, 80.0, 92.0);
    let (right, bottom) = (width - 24.0, height - 60.0);
    let title = "Pauses: how long replacing 50 records takes in a heap of 1 GB";
    let mut svg = Svg::new(width, height);
    let series: Vec<(&str, Vec<f64>)> = results
        .iter()
        .filter(|result| result.measure.id == "pauses")
        .flat_map(|result| &result.readings)
        .filter_map(|reading| {
            let counts = reading.runs.first()?.word("histogram")?;
            Some((reading.label.as_str(), counts.split(',').filter_map(|c| c.parse().ok()).collect()))
        })
        .collect();
    let buckets = series.iter().map(|(_, counts)| counts.len()).max().unwrap_or(0).max(2);
    let most = series.iter().flat_map(|(_, counts)| counts).copied().fold(10.0, f64::max);
    let x = |bucket: f64| left + bucket / buckets as f64 * (right - left);
    let y = |count: f64| bottom - (count.max(0.5) / 0.5).ln() / (most * 1.5 / 0.5).ln() * (bottom - top);
    svg.text(16.0, 26.0, 18.0, "start", title);
    svg.text(
        16.0,
        46.0,
        12.0,
        "start",
        "Number of batches by their time, both axes logarithmic; what lies far right are collections",
    );
    let mut tick = 1.0;
    while tick <= most * 1.5 {
        svg.line(left, y(tick), right, y(tick), GRID, 1.0);
        svg.text(
            left - 8.0,
            y(tick) + 4.0,
            11.0,
            "end",
            number(tick).trim_end_matches(".00").trim_end_matches(".0"),
        );
        tick *= 10.0;
    }
    // Bucket k holds the times up to 2^k microseconds.
    for (exponent, name) in
        [(0, "1 µs"), (3, "8 µs"), (7, "128 µs"), (10, "1 ms"), (13, "8 ms"), (17, "131 ms"), (20, "1 s")]
    {
        if exponent < buckets {
            let at = x(exponent as f64 + 1.0);
            svg.line(at, top, at, bottom, GRID, 1.0);
            svg.text(at, bottom + 18.0, 11.0, "middle", name);
        }
    }
    svg.text((left + right) / 2.0, height - 16.0, 12.0, "middle", "time of a batch, up to");
    let mut legend = 16.0;
    for (name, counts) in series.iter().rev() {
        let colour = colour_of(name);
        let mut points = format!("{:.1},{:.1}", x(0.0), y(0.0));
        for (k, count) in counts.iter().enumerate() {
            let _ = write!(
                points,
                " {:.1},{:.1} {:.1},{:.1}",
                x(k as f64),
                y(*count),
                x(k as f64 + 1.0),
                y(*count)
            );
        }
        let _ = write!(points, " {:.1},{:.1}", x(counts.len() as f64), y(0.0));
        let width = if name.starts_with("Corella") { 3.0 } else { 1.5 };
        let _ = writeln!(
            svg.body,
            r#"<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}"/>"#
        );
    }
    for (name, _) in &series {
        svg.line(legend, 66.0, legend + 14.0, 66.0, colour_of(name), 4.0);
        svg.text(legend + 20.0, 70.0, 12.0, "start", name);
        legend += 44.0 + name.chars().count() as f64 * 7.0;
    }
    svg.finish(title)
}
