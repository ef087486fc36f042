//! `idgen layout`, and what the README says of layouts.

use serde_json::Value;

use crate::harness::Place;

fn json(place: &Place, args: &[&str]) -> Value {
    serde_json::from_str(&place.run(&[&["--json", "layout"], args].concat())).unwrap()
}

#[test]
fn the_readme_has_every_layout_with_its_ceiling_and_last_date() {
    let readme = include_str!("../../../README.md");
    let listed = json(&Place::new(), &["list"]);
    for layout in listed["layouts"].as_array().unwrap() {
        let text = |key: &str| layout[key].as_str().unwrap().to_owned();
        let row = readme.lines().find(|line| line.starts_with(&format!("| `{}` |", text("name"))));
        let row = row.unwrap_or_else(|| panic!("the README has no row for {}", text("name")));
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        assert_eq!(cells[2].split(' ').next(), Some(text("ids_per_second").as_str()), "{row}");
        assert_eq!(cells[3], text("workers"), "{row}");
        assert!(text("last").starts_with(cells[4].split(':').next().unwrap()), "{row}");
    }
}

#[test]
fn a_layout_is_shown_field_by_field() {
    let place = Place::new();
    let text = place.run(&["layout", "show", "sonyflake"]);
    for line in ["time      39 bits of 10 ms", "sequence  8 bits", "machine   16 bits"] {
        assert!(text.contains(line), "{text}");
    }
    assert_eq!(json(&place, &["show", "sonyflake"])["fields"][1]["name"], "machine");
    let unknown = place.tool(&["layout", "show", "nobody's"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8(unknown.stderr).unwrap().contains("take one of standard"));
}

#[test]
fn a_plan_fits_its_needs_and_warns() {
    let place = Place::new();
    let wanted = ["plan", "--nodes", "30", "--rate", "50000", "--years", "40", "--js-safe"];
    let plan = json(&place, &wanted);
    assert_eq!((&plan["time_bits"], &plan["bits"]), (&Value::from(41), &Value::from(52)));
    assert_eq!((plan["free_bits"].as_u64(), plan["workers"].as_str()), (Some(1), Some("32")));
    assert!(plan["notes"][0].as_str().unwrap().contains("ceiling"), "{plan}");
    let text = place.run(&[&["layout"], &wanted[..]].concat());
    assert!(text.contains("note: the ceiling is less than twice the rate"), "{text}");
    let refused = [
        (["1000000", "1000000", "500"], "bits"),
        (["0", "1", "1"], "at least 1 node"),
        (["-5", "1", "1"], "invalid value"),
    ];
    for ([nodes, rate, years], reason) in refused {
        let wanted = ["layout", "plan", "--nodes", nodes, "--rate", rate, "--years", years];
        let output = place.tool(&wanted);
        assert_eq!(output.status.code(), Some(2), "{nodes} {rate} {years}");
        let line = String::from_utf8(output.stderr).unwrap();
        assert!(line.contains(reason), "{line}");
    }
}
