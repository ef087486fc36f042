//! Orders of a test to the stand-in; SummitDB has none of them.
//!
//! | order | what happens |
//! |---|---|
//! | `STANDIN LEADER N` | node N, from 1 on, leads |
//! | `STANDIN LEADER NONE` | nobody leads: `ERR leader not known` |
//! | `STANDIN MISLEAD ADDRESS` | every node answers `TRY ADDRESS` |
//! | `STANDIN MISLEAD OFF` | no longer |
//! | `STANDIN LOSE N` | the next N writes are applied and kept, and their connections closed |
//! | `STANDIN DOWN N` | node N closes its connections and takes none |
//! | `STANDIN UP N` | node N takes connections again |

use crate::engine::Engine;
use crate::resp::Reply;

/// Carries an order out.
pub(crate) fn run(engine: &mut Engine, words: &[Vec<u8>]) -> Reply {
    let texts: Vec<String> =
        words[1..].iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let node = |text: &str| {
        let number: Option<usize> = text.parse().ok();
        number.and_then(|number| number.checked_sub(1)).filter(|node| *node < engine.lines.count())
    };
    match texts[..] {
        ["LEADER", "NONE"] => engine.leader = None,
        ["LEADER", text] if node(text).is_some() => engine.leader = node(text),
        ["MISLEAD", "OFF"] => engine.misled = None,
        ["MISLEAD", address] => engine.misled = Some(address.to_owned()),
        ["LOSE", text] if text.parse::<u64>().is_ok() => {
            engine.losing = text.parse().unwrap_or_default();
        }
        ["DOWN" | "UP", text] => match node(text) {
            Some(at) => engine.lines.set_down(at, texts[0] == "DOWN"),
            None => return Reply::error("ERR there is no such node"),
        },
        _ => return Reply::error("ERR no such order; the module `orders` lists them"),
    }
    Reply::ok()
}
