//! Plots as SVG, written by hand: two kinds are not worth a dependency.

use std::fmt::Write;

/// A line of a plot.
#[derive(Clone, Debug)]
pub struct Series {
    /// As the legend says.
    pub name: String,
    /// Ascending in x.
    pub points: Vec<(f64, f64)>,
}

/// An axis: its title, and the values that are marked, ascending; the first and last are its ends.
#[derive(Clone, Debug)]
pub struct Axis {
    /// What is along it, with the unit.
    pub title: String,
    /// Values and what is written beside them.
    pub marks: Vec<(f64, String)>,
    /// Whether equal ratios are equal distances.
    pub is_log: bool,
}

const WIDTH: f64 = 900.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 640.0;
const TOP: f64 = 60.0;
const BOTTOM: f64 = 400.0;
const COLOURS: [&str; 8] =
    ["#1b6ca8", "#d1495b", "#2e933c", "#8a5a00", "#6f4e9b", "#00868b", "#555555", "#c7457f"];

impl Axis {
    /// A logarithmic axis over whole powers of ten that hold all the values.
    pub fn decades(title: &str, values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = values.fold((f64::MAX, f64::MIN_POSITIVE), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        let (mut power, mut marks) = (low.log10().floor(), Vec::new());
        while marks.len() < 2 || power - 1.0 < high.log10() {
            let value = 10_f64.powf(power);
            marks.push((value, format!("{value}")));
            power += 1.0;
        }
        Self { title: title.to_owned(), marks, is_log: true }
    }

    /// Where a value lies, 0 to 1.
    fn at(&self, value: f64) -> f64 {
        let (first, last) = (self.marks[0].0, self.marks[self.marks.len() - 1].0);
        let scale = |value: f64| if self.is_log { value.log10() } else { value };
        ((scale(value) - scale(first)) / (scale(last) - scale(first))).clamp(0.0, 1.0)
    }
}

/// Lines over two axes, the legend beside them.
///
/// # Panics
///
/// If an axis has fewer than two marks.
pub fn lines(title: &str, x: &Axis, y: &Axis, series: &[Series], note: &str) -> String {
    assert!(x.marks.len() > 1 && y.marks.len() > 1, "an axis has two ends");
    let right = |value| LEFT + x.at(value) * (RIGHT - LEFT);
    let down = |value| BOTTOM - y.at(value) * (BOTTOM - TOP);
    let mut svg = Svg::begin(title, BOTTOM + 90.0);
    for (value, label) in &x.marks {
        svg.line((right(*value), TOP), (right(*value), BOTTOM));
        svg.text((right(*value), BOTTOM + 18.0), "middle", label);
    }
    for (value, label) in &y.marks {
        svg.line((LEFT, down(*value)), (RIGHT, down(*value)));
        svg.text((LEFT - 8.0, down(*value) + 4.0), "end", label);
    }
    svg.text((f64::midpoint(LEFT, RIGHT), BOTTOM + 40.0), "middle", &x.title);
    svg.text((LEFT - 60.0, TOP - 14.0), "start", &y.title);
    svg.text((LEFT, BOTTOM + 68.0), "start", note);
    for ((nth, series), colour) in (0_u32..).zip(series).zip(COLOURS.iter().cycle()) {
        let point = |&(x, y): &(f64, f64)| format!("{:.1},{:.1}", right(x), down(y));
        let points: Vec<String> = series.points.iter().map(point).collect();
        svg.push(&format!(
            "<polyline fill='none' stroke='{colour}' stroke-width='2.5' points='{}'/>",
            points.join(" ")
        ));
        svg.legend((RIGHT + 20.0, TOP + 10.0 + 24.0 * f64::from(nth)), colour, &series.name);
    }
    svg.end()
}

/// Bars from the left, on a logarithmic axis: for each name one value per colour.
///
/// # Panics
///
/// If the axis has fewer than two marks.
pub fn bars(title: &str, x: &Axis, legend: &[&str], rows: &[(String, Vec<Option<f64>>)]) -> String {
    const NAMES: f64 = 250.0;
    assert!(x.marks.len() > 1, "an axis has two ends");
    let thick = 15.0;
    let row_height = |values: usize| thick * f64::from(u32::try_from(values).unwrap_or(1)) + 12.0;
    let right = |value| NAMES + x.at(value) * (WIDTH - 80.0 - NAMES);
    let bottom = rows.iter().fold(TOP + 30.0, |down, (_, values)| down + row_height(values.len()));
    let mut svg = Svg::begin(title, bottom + 60.0);
    for (value, label) in &x.marks {
        svg.line((right(*value), TOP + 24.0), (right(*value), bottom));
        svg.text((right(*value), bottom + 18.0), "middle", label);
    }
    svg.text((f64::midpoint(NAMES, WIDTH - 80.0), bottom + 42.0), "middle", &x.title);
    for ((nth, name), colour) in (0_u32..).zip(legend).zip(COLOURS) {
        svg.legend((NAMES + 160.0 * f64::from(nth), TOP), colour, name);
    }
    let mut top = TOP + 30.0;
    for (name, values) in rows {
        svg.text((NAMES - 10.0, top + row_height(values.len()) / 2.0), "end", name);
        let mut bar = top;
        for (value, colour) in values.iter().zip(COLOURS) {
            if let Some(value) = value {
                let (width, height) = (right(*value) - NAMES, thick - 1.0);
                svg.push(&format!(
                    "<rect x='{NAMES}' y='{bar}' width='{width:.1}' height='{height}' \
                     fill='{colour}'/>"
                ));
                svg.text((right(*value) + 5.0, bar + 11.5), "start", &format!("{value:.2}"));
            }
            bar += thick;
        }
        top += row_height(values.len());
    }
    svg.end()
}

struct Svg(String);

impl Svg {
    fn begin(title: &str, height: f64) -> Self {
        let mut svg = Self(String::new());
        svg.push(&format!(
            "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' \
             width='{WIDTH}' height='{height}' font-family='sans-serif' font-size='13'>"
        ));
        svg.push(&format!("<rect width='{WIDTH}' height='{height}' fill='white'/>"));
        svg.push(&format!("<text x='20' y='26' font-size='16'>{}</text>", escaped(title)));
        svg
    }

    fn push(&mut self, element: &str) {
        writeln!(self.0, "{element}").expect("a string takes everything");
    }

    fn line(&mut self, from: (f64, f64), to: (f64, f64)) {
        self.push(&format!(
            "<line x1='{:.1}' y1='{:.1}' x2='{:.1}' y2='{:.1}' stroke='#dddddd'/>",
            from.0, from.1, to.0, to.1
        ));
    }

    fn text(&mut self, at: (f64, f64), anchor: &str, text: &str) {
        self.push(&format!(
            "<text x='{:.1}' y='{:.1}' text-anchor='{anchor}'>{}</text>",
            at.0,
            at.1,
            escaped(text)
        ));
    }

    fn legend(&mut self, at: (f64, f64), colour: &str, name: &str) {
        let (x, y) = (at.0, at.1 - 10.0);
        self.push(&format!("<rect x='{x}' y='{y}' width='14' height='12' fill='{colour}'/>"));
        self.text((at.0 + 20.0, at.1), "start", name);
    }

    fn end(mut self) -> String {
        self.push("</svg>");
        self.0
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decades_hold_all_values() {
        let axis = Axis::decades("ns", [0.2, 7.0, 140.0].into_iter());
        let marks: Vec<&str> = axis.marks.iter().map(|(_, label)| &**label).collect();
        assert_eq!(marks, ["0.1", "1", "10", "100", "1000"]);
        assert_eq!((axis.at(0.1), axis.at(1000.0)), (0.0, 1.0));
        assert!((axis.at(10.0) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn every_series_is_drawn_and_named() {
        let axis = Axis::decades("a & b", [1.0, 10.0].into_iter());
        let series =
            |name: &str| Series { name: name.into(), points: vec![(1.0, 1.0), (9.0, 2.0)] };
        let svg = lines("t", &axis, &axis, &[series("one"), series("<two>")], "");
        assert_eq!(svg.matches("<polyline").count(), 2);
        assert!(svg.contains(">one<") && svg.contains("&lt;two&gt;") && svg.contains("a &amp; b"));
        let svg = bars("t", &axis, &["x"], &[("three".into(), vec![Some(2.0), None])]);
        assert!(svg.contains(">2.00<") && svg.ends_with("</svg>\n"));
    }
}
