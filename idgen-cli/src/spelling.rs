//! The names and spellings of the tools that are replaced.
//!
//! Linked under the name of one of them, the binary is that tool. Their flags have one dash or two,
//! as Go programs take them; what follows here makes them two, which is what the parser knows.

use std::ffi::{OsStr, OsString};
use std::path::Path;

/// The tools, each a subcommand and a name under which the binary may be linked.
const TOOLS: [&str; 5] = ["int", "intd-server", "idpot-server", "idpool", "genid"];

/// The command line as the parser takes it.
pub(crate) fn arguments(given: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut given: Vec<OsString> = given.collect();
    let linked = given.first().and_then(|program| Path::new(program).file_name());
    if let Some(name) = linked.filter(|name| is_tool(name)).map(OsStr::to_owned) {
        given.insert(1, name);
    }
    let is_word = |arg: &OsString| !arg.as_encoded_bytes().starts_with(b"-");
    let command = given.iter().skip(1).position(is_word).map(|at| at + 1);
    if let Some(at) = command.filter(|at| given.get(*at).is_some_and(|name| is_tool(name))) {
        for arg in given.iter_mut().skip(at + 1).take_while(|arg| *arg != "--") {
            lengthen(arg);
        }
    }
    given
}

fn is_tool(name: &OsStr) -> bool {
    TOOLS.iter().any(|tool| name == *tool)
}

/// Gives a flag of one dash its second; `-h` stays, and so does a negative number.
fn lengthen(arg: &mut OsString) {
    if let [b'-', first, _, ..] = arg.as_encoded_bytes()
        && first.is_ascii_alphabetic()
    {
        let mut long = OsString::from("-");
        long.push(&*arg);
        *arg = long;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments_of(line: &str) -> String {
        let words = arguments(line.split(' ').map(OsString::from));
        words.join(OsStr::new(" ")).into_string().unwrap()
    }

    #[test]
    fn a_flag_of_a_tool_gets_its_second_dash() {
        let pairs = [
            ("idgen int -engine redis -dsn=h:1", "idgen int --engine redis --dsn=h:1"),
            ("idgen int --engine redis -h", "idgen int --engine redis -h"),
            ("idgen --json int -set-last-int -12", "idgen --json int --set-last-int -12"),
            ("/usr/bin/int -continuous", "/usr/bin/int int --continuous"),
            ("genid -config a.json -- -x1", "genid genid --config a.json -- -x1"),
            ("intd-server", "intd-server intd-server"),
        ];
        for (given, understood) in pairs {
            assert_eq!(arguments_of(given), understood);
        }
    }

    #[test]
    fn other_commands_stay_as_they_are() {
        for line in ["idgen", "idgen next -n5", "idgen serve -zone 1", "idgen -vv", "./int2 -ab"] {
            assert_eq!(arguments_of(line), line);
        }
    }
}
