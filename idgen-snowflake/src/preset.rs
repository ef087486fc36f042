//! Layouts with a name.

use crate::Layout;

/// A layout with a name.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// The name, as the command line spells it.
    pub name: &'static str,
    /// What it is, in one sentence.
    pub about: &'static str,
    /// The layout.
    pub layout: Layout,
}

/// All presets. `standard` comes first and is what to take when nothing else is asked for.
pub static PRESETS: [Preset; 4] = [
    Preset {
        name: "standard",
        about: "69 years of milliseconds from 2025, 1024 workers, 4,096,000 ids/s each.",
        layout: Layout::builder(41).node("worker", 10).sequence(12).build(),
    },
    Preset {
        name: "twitter",
        about: "Twitter's and X's: 32 datacenters of 32 workers, until 2080-07-10.",
        layout: Layout::builder(41)
            .epoch_unix_ms(1_288_834_974_657)
            .node("datacenter", 5)
            .node("worker", 5)
            .sequence(12)
            .build(),
    },
    Preset {
        name: "genid",
        about: "GenID's: Unix seconds until 2106, 32 buckets of 65,536 ids/s on each node.",
        layout: Layout::builder(32)
            .unsigned()
            .epoch_unix_ms(0)
            .tick_ms(1000)
            .node("zone", 5)
            .node("dc", 3)
            .node("machine", 3)
            .bucket("bucket", 5)
            .sequence(16)
            .build(),
    },
    Preset {
        name: "js-safe",
        about: "Below 2^53, exact in JavaScript: until 2094, 32 workers, 128,000 ids/s each.",
        layout: Layout::builder(41).node("worker", 5).sequence(7).build(),
    },
];

/// The layout of the preset of this name.
///
/// # Examples
///
/// ```
/// use idgen_snowflake::preset;
/// assert_eq!(preset("genid").map(|layout| layout.ids_per_second()), Some(65_536));
/// assert!(preset("nobody").is_none());
/// ```
pub fn preset(name: &str) -> Option<&'static Layout> {
    PRESETS.iter().find(|preset| preset.name == name).map(|preset| &preset.layout)
}
