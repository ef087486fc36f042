//! Rows, their goals and the table.

use crate::method::{Method, Run, quantile};

/// A result within this part of its goal meets it.
pub const TOLERANCE: f64 = 0.03;

/// One comparison with its goal.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The number of the target; rows that belong to one target share it.
    pub number: u8,
    /// What is measured.
    pub what: &'static str,
    /// What it is measured against.
    pub against: &'static str,
    /// The greatest ratio wished for.
    pub goal: f64,
    /// How many ids a call of either side makes.
    pub ids_per_call: u32,
    /// Measures one run.
    pub run: fn(&Method) -> Run,
}

impl Row {
    /// The same with calls that make many ids each.
    #[must_use]
    pub const fn of_many(self, ids_per_call: u32) -> Self {
        Self { ids_per_call, ..self }
    }

    /// Measures all runs.
    pub fn measure(&self, method: &Method) -> RowReport {
        RowReport::of(self, (0..method.runs).map(|_| (self.run)(method)).collect())
    }
}

/// What a row's result says of its goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// At the goal or below, within [`TOLERANCE`].
    Met,
    /// Above the goal.
    Missed,
    /// Most runs had too few quiet pairs: measure again when the machine has time.
    Noisy,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Met => "ok",
            Self::Missed => "MISSED",
            Self::Noisy => "noisy",
        }
    }
}

/// One finding that is no ratio, with its goal in words.
#[derive(Clone, Copy, Debug)]
pub struct Fact {
    /// The number of the target.
    pub number: u8,
    /// What is measured.
    pub what: &'static str,
    /// What is wished for.
    pub goal: &'static str,
    /// Measures it: the result in words, and whether the goal is met.
    pub find: fn() -> (String, bool),
}

/// Measures the facts one after the other; `see` is given each line as soon as it is there.
pub fn facts(facts: &[Fact], mut see: impl FnMut(&str)) {
    see("|  # | what                                          | goal                          \
         | result                                      | goal   |\n\
         |----|-----------------------------------------------|-------------------------------\
         |---------------------------------------------|--------|");
    for Fact { number, what, goal, find } in facts {
        let (result, is_met) = find();
        let verdict = if is_met { Verdict::Met } else { Verdict::Missed }.word();
        see(&format!("| {number:>2} | {what:<45} | {goal:<29} | {result:<43} | {verdict:<6} |"));
    }
}

/// What the runs of a row found; of the usable ones, if there are any.
#[derive(Clone, Debug)]
pub struct RowReport {
    row: Row,
    /// Ascending.
    medians: Vec<f64>,
    /// Of all runs, ascending.
    ratios: Vec<f64>,
    /// Of the runs, the least part of pairs that counted.
    quiet: f64,
    is_noisy: bool,
    nanos: (f64, f64),
}

impl RowReport {
    fn of(row: &Row, mut runs: Vec<Run>) -> Self {
        let usable = runs.iter().filter(|run| run.is_usable()).count();
        let is_noisy = usable <= runs.len() / 2;
        // Of those that are of no use, one with a few pairs still shows what went on.
        runs.retain(|run| if usable > 0 { run.is_usable() } else { !run.ratios().is_empty() });
        let ascending = |mut values: Vec<f64>| {
            values.sort_by(f64::total_cmp);
            values
        };
        let ids = f64::from(row.ids_per_call);
        let middle = |values: Vec<f64>| quantile(&ascending(values), 0.5);
        Self {
            row: *row,
            medians: ascending(runs.iter().map(Run::median).collect()),
            ratios: ascending(runs.iter().flat_map(|run| run.ratios().iter().copied()).collect()),
            is_noisy,
            quiet: runs.iter().map(Run::quiet).fold(1.0, f64::min),
            nanos: (
                middle(runs.iter().map(|run| run.nanos().0 / ids).collect()),
                middle(runs.iter().map(|run| run.nanos().1 / ids).collect()),
            ),
        }
    }

    /// The median of the runs' medians.
    pub fn result(&self) -> f64 {
        quantile(&self.medians, 0.5)
    }

    /// What the result says of the goal.
    pub fn verdict(&self) -> Verdict {
        match self.result() {
            _ if self.is_noisy => Verdict::Noisy,
            result if result <= self.row.goal * (1.0 + TOLERANCE) => Verdict::Met,
            _ => Verdict::Missed,
        }
    }

    /// The row of the table.
    pub fn line(&self) -> String {
        let Row { number, what, against, goal, .. } = self.row;
        let span = |values: &[f64], from, to| {
            format!("{:.3} .. {:.3}", quantile(values, from), quantile(values, to))
        };
        format!(
            "| {number:>2} | {what:<45} | {against:<15} | {goal:>4} | {:>6.3} \
             | {:<14} | {:<14} | {:>3.0} % | {:>6.3} | {:>6.3} | {:<6} |",
            self.result(),
            span(&self.ratios, 0.25, 0.75),
            span(&self.medians, 0.0, 1.0),
            self.quiet * 100.0,
            self.nanos.0,
            self.nanos.1,
            self.verdict().word(),
        )
    }
}

/// The head of the table, as Markdown.
const HEAD: &str = "\
|  # | what                                          | against         | goal | result \
| quartiles      | runs           | quiet | ns/id  | its ns | goal   |
|----|-----------------------------------------------|-----------------|------|--------\
|----------------|----------------|-------|--------|--------|--------|";

/// Measures the rows one after the other; `see` is given each line as soon as it is there.
pub fn table(rows: &[Row], method: &Method, mut see: impl FnMut(&str)) {
    see(HEAD);
    let mut verdicts = Vec::new();
    for row in rows {
        let report = row.measure(method);
        verdicts.push(report.verdict());
        see(&report.line());
    }
    let count = |wanted| verdicts.iter().filter(|verdict| **verdict == wanted).count();
    see(&format!(
        "\n{} of {} met, {} missed, {} too noisy to tell",
        count(Verdict::Met),
        rows.len(),
        count(Verdict::Missed),
        count(Verdict::Noisy),
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planted(_method: &Method) -> Run {
        Run::planted(&[(1.0, 1.0), (1.19, 1.0), (2.0, 1.0)])
    }

    fn hopeless(_method: &Method) -> Run {
        Run::planted(&[])
    }

    const ROW: Row =
        Row { number: 0, what: "a", against: "b", goal: 1.2, ids_per_call: 1, run: planted };

    #[test]
    fn goals_have_a_tolerance_and_can_be_missed() {
        let verdict = |goal| Row { goal, ..ROW }.measure(&Method::default()).verdict();
        assert_eq!(verdict(1.2), Verdict::Met);
        assert_eq!(verdict(1.16), Verdict::Met);
        assert_eq!(verdict(1.15), Verdict::Missed);
    }

    #[test]
    fn without_quiet_pairs_there_is_no_verdict() {
        let report = Row { run: hopeless, ..ROW }.measure(&Method::default());
        assert_eq!(report.verdict(), Verdict::Noisy);
        assert!(report.result().is_nan());
    }

    #[test]
    fn the_table_has_a_line_a_row_under_a_head_of_the_same_width() {
        let mut lines = Vec::new();
        let rows = [ROW, Row { goal: 0.01, ..ROW }, Row { run: hopeless, ..ROW }];
        table(&rows, &Method::default(), |line| lines.push(line.to_owned()));
        let columns = |line: &str| line.matches('|').count();
        assert!(lines[..4].iter().flat_map(|line| line.lines()).all(|line| columns(line) == 12));
        for (line, verdict) in lines[1..4].iter().zip(["| ok ", "| MISSED ", "| noisy "]) {
            assert!(line.contains(verdict), "{line}");
        }
        assert_eq!(lines[4], "\n1 of 3 met, 1 missed, 1 too noisy to tell");
    }

    #[test]
    fn a_call_of_many_ids_is_told_per_id() {
        let line = Row { run: planted, ..ROW }.of_many(10).measure(&Method::default()).line();
        assert!(
            line.contains("| 0.119 | 0.100 |") || line.contains("|  0.119 |  0.100 |"),
            "{line}"
        );
    }

    #[test]
    fn facts_are_lines_of_the_same_width() {
        let fact = |find| Fact { number: 3, what: "a", goal: "b", find };
        let mut lines = Vec::new();
        let both = [fact(|| ("1".to_owned(), true)), fact(|| ("2".to_owned(), false))];
        facts(&both, |line| lines.extend(line.lines().map(str::to_owned)));
        assert_eq!(lines.len(), 4);
        assert!(lines.iter().all(|line| line.len() == lines[0].len()), "{lines:?}");
        assert!(lines[2].ends_with("| ok     |") && lines[3].ends_with("| MISSED |"));
    }
}
